//! `kubewhy demo --replay`: recordings of real Kubernetes 1.36 nodes that were broken in known ways, sent through the real
//! pipeline in virtual time. Any system, no root, no cluster; a scratch directory is all it writes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use ruzstd::decoding::StreamingDecoder;

use crate::engine::Crank;
use crate::model::diagnosis::Subject;
use crate::model::observation::{Observation, Seen};
use crate::model::settings::Settings;
use crate::model::wording::span;
use crate::model::{Time, after, since};
use crate::observe::recorded::{Recording, events_until, node_name};
use crate::report::notice::{Notice, Telling};
use crate::report::stories::Stories;

/// How far virtual time moves between two looks: the engine's own period.
const STEP: Duration = Duration::from_millis(500);
/// A recording is followed a little past its last line, so that what it shows can dwell.
const AFTERMATH: Duration = Duration::from_secs(40);

/// The recordings that the binary carries, in the order in which they are shown.
const RECORDINGS: &[&str] = &[
    "healthy",
    "image-tag-missing",
    "image-repo-missing",
    "image-no-credentials",
    "image-forbidden",
    "image-conn-refused",
    "image-dns",
    "init-image-missing",
    "config-missing",
    "config-key-missing",
    "secret-env-missing",
    "command-not-found",
    "app-crash",
    "crio-image-tag-missing",
    "crio-image-forbidden",
    "crio-image-conn-refused",
    "crio-image-dns",
    "node-cni-config-missing",
    "node-cni-plugin-missing",
    "node-cni-hang",
    "node-pause-image-missing",
    "node-runtime-down",
    "node-runtime-hung",
];
/// All of them, as `build.rs` packs them.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/recordings.zst"));

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const WARN: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// What one replay said, against what there was to say.
struct Replayed {
    name: &'static str,
    recording: Recording,
    first: Option<(Notice, Duration)>,
}

impl Replayed {
    /// The cause that was to be found was found, or there was nothing to find and nothing was said.
    fn right(&self) -> bool {
        let said = self.first.as_ref().map(|(notice, _)| notice.reason);
        said == self.recording.expect.as_deref()
    }
}

/// Replays every recording and prints a table. Succeeds if each was named rightly.
///
/// # Errors
/// A recording that can't be read, or an output that can't be written.
pub fn run(out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let scratch = Scratch::new()?;
    writeln!(out, "{BOLD}Recordings of real Kubernetes 1.36 nodes, replayed in virtual time{BOLD:#}\n")?;
    let mut all = Vec::new();
    let carried = carried()?;
    for name in RECORDINGS {
        let text = carried.get(*name).with_context(|| format!("no recording {name}"))?;
        let recording = Recording::read(text, &scratch.0.join(name)).with_context(|| format!("recording {name}"))?;
        let replayed = Replayed { name, first: replay(&recording), recording };
        tell(out, &replayed)?;
        all.push(replayed);
    }
    table(out, &all)
}

/// Every recording by its name, unpacked.
fn carried() -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = String::new();
    StreamingDecoder::new(PACKED).context("the recordings")?.read_to_string(&mut all).context("the recordings")?;
    let named = all.split("\n# ").filter_map(|recording| recording.split_once('\n'));
    Ok(named.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

/// Turns the crank over a recording and yields the first thing that is said, with the delay since the recording began.
#[must_use]
pub fn replay(recording: &Recording) -> Option<(Notice, Duration)> {
    let begin = recording.observations.first()?.at;
    let (first, at) = tellings(recording, 1).into_iter().next()?;
    Some((first, since(begin, at)))
}

/// Turns the crank over a recording and yields what is said first of each story, and when; no more than `at_most`.
#[must_use]
pub fn tellings(recording: &Recording, at_most: usize) -> Vec<(Notice, Time)> {
    let settings = Settings::default();
    let mut crank = Crank::new(&node_name(), false);
    let mut stories = Stories::default();
    let mut queue = recording.observations.iter().peekable();
    let mut told = Vec::new();
    let mut now = recording.observations.first().map_or(recording.end, |first| first.at);
    while now <= after(recording.end, AFTERMATH) && told.len() < at_most {
        while let Some(observation) = queue.next_if(|observation| observation.at <= now) {
            crank.take(observation.clone());
        }
        let (findings, questions) = crank.turn(&settings, now);
        for pod in questions {
            let events = events_until(recording, &pod.uid, now);
            crank.take(Observation { at: now, seen: Seen::PodEvents { pod: pod.uid, events } });
        }
        let notices = stories.turn(now, &findings, &settings.timing).into_iter();
        let first = notices.filter(|notice| notice.telling == Telling::First && !notice.brief);
        told.extend(first.map(|notice| (notice, now)));
        now = after(now, STEP);
    }
    told
}

fn tell(out: &mut impl Write, replayed: &Replayed) -> anyhow::Result<()> {
    let Recording { broken, runtime, .. } = &replayed.recording;
    writeln!(out, "{DIM}▌{DIM:#} {broken} ({runtime}, {})", replayed.name)?;
    match &replayed.first {
        Some((notice, delay)) => {
            let on = match &notice.subject {
                Subject::Node(node) => format!("node {}", node.name),
                Subject::Pod(pod) => format!("pod {pod}"),
            };
            let kind = notice.kind.as_str();
            let reason = notice.reason;
            writeln!(out, "  {WARN}{kind}{WARN:#}  {BOLD}{reason}{BOLD:#}  on {on}, after {}", span(*delay))?;
            writeln!(out, "  {}\n", notice.sentence)?;
        }
        None => writeln!(out, "  {DIM}nothing is said, for there is nothing to say{DIM:#}\n")?,
    }
    Ok(())
}

fn table(out: &mut impl Write, all: &[Replayed]) -> anyhow::Result<ExitCode> {
    writeln!(out, "{:<26} {:<24} {:<24} {:>6}", "recording", "there is", "kubewhy says", "after")?;
    for replayed in all {
        let (said, delay) = match &replayed.first {
            Some((notice, delay)) => (notice.reason, span(*delay)),
            None => ("-", String::new()),
        };
        let (style, mark) = if replayed.right() { (GOOD, "✓") } else { (BAD, "✗") };
        let expected = replayed.recording.expect.as_deref().unwrap_or("-");
        writeln!(out, "{:<26} {expected:<24} {said:<24} {delay:>6} {style}{mark}{style:#}", replayed.name)?;
    }
    let wrong = all.iter().filter(|replayed| !replayed.right()).count();
    writeln!(out, "\n{} of {} named rightly", all.len() - wrong, all.len())?;
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A directory of our own that goes when we do.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("kubewhy-replay-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let dir: &Path = &self.0;
        drop(std::fs::remove_dir_all(dir));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_is_named_rightly_within_its_dwell() {
        let scratch = Scratch::new().unwrap();
        let carried = carried().unwrap();
        assert_eq!(carried.len(), RECORDINGS.len(), "each that is carried is shown");
        for name in RECORDINGS {
            let recording = Recording::read(&carried[*name], &scratch.0.join(name)).unwrap();
            let replayed = Replayed { name, first: replay(&recording), recording };
            let said = replayed.first.as_ref().map(|(notice, _)| (notice.reason, notice.sentence.clone()));
            assert!(replayed.right(), "{name}: {said:?}");
        }
    }
}
