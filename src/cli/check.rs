//! `kubewhy check`: every probe of this node once, with no agent, no API server and no runtime needed, as far as the
//! caller's rights go; the runtime is asked too where there is one. Changes nothing. What it can't tell it says.

mod json;
mod runtime;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use clap::Args;

use super::Output;
use crate::causes;
use crate::client::endpoint::Endpoint;
use crate::clock::Clock;
use crate::diagnose::last_words;
use crate::diagnose::phrase::{Facts, fill, sentence};
use crate::host::Mounts;
use crate::model::reading::{Group, Missing, Reading, Verdict};
use crate::model::wording::cut_middle;
use crate::observe::host::Heard;
use crate::probe::apiserver::Service;
use crate::probe::cni::CniDirs;
use crate::probe::{self, Node, Probe};

/// Something is wrong.
const BROKEN: u8 = 1;
/// Nothing is seen to be wrong, and something could not be told.
const UNTOLD: u8 = 2;
/// A probe answers within this time, or not at all.
const DEADLINE: Duration = Duration::from_secs(10);
/// Of a daemon's last words.
const QUOTE: usize = 200;

/// Where the host is, and how the answer looks.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Socket of the container runtime: a path, unix:///path, or auto for the first of the usual places.
    #[arg(long, env = "KUBEWHY_RUNTIME_ENDPOINT", default_value = "auto")]
    pub runtime_endpoint: Endpoint,
    /// Where the host's directories are seen: /host in a pod that mounts them there.
    #[arg(long, env = "KUBEWHY_HOST_ROOT", default_value = "/")]
    pub host_root: PathBuf,
    /// The kubelet's root directory, as the host names it.
    #[arg(long, env = "KUBEWHY_KUBELET_ROOT", default_value = "/var/lib/kubelet")]
    pub kubelet_root: PathBuf,
    /// Directory of the pods' logs (the kubelet's podLogsDir), as the host names it.
    #[arg(long, env = "KUBEWHY_POD_LOGS", default_value = "/var/log/pods")]
    pub pod_logs: PathBuf,
    /// Directory of the CNI configuration, as the host names it [default: /etc/cni/net.d].
    #[arg(long, env = "KUBEWHY_CNI_CONF_DIR")]
    pub cni_conf_dir: Option<PathBuf>,
    /// Directory of the CNI plugins, as the host names it; may be given several times [default: /opt/cni/bin, /usr/lib/cni].
    #[arg(long, env = "KUBEWHY_CNI_BIN_DIR", value_delimiter = ':')]
    pub cni_bin_dir: Vec<PathBuf>,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// One answer, with what to do about it.
#[derive(Debug)]
struct Line {
    group: Group,
    reading: Reading,
    advice: Option<String>,
}

/// Runs every probe once and prints what they found: exit code 0 where nothing is broken, 1 where something
/// is, 2 where nothing is seen to be and something could not be told.
///
/// # Errors
/// There is no such host root, what is mounted can't be told, or the answer can't be written.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if !args.host_root.is_dir() {
        return Err(NoHost(args.host_root.clone()).into());
    }
    let lines = all(args)?;
    match args.output {
        Output::Text => tell(&mut anstream::stdout().lock(), &lines)?,
        Output::Json => {
            let answers: Vec<_> = lines.iter().map(json::Answer::from).collect();
            writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&answers)?)?;
        }
    }
    Ok(code(lines.iter().map(|line| line.reading.verdict)).into())
}

/// A host that is not there is a mistake of the command line, and says nothing of any node.
#[derive(Debug, thiserror::Error)]
#[error("{path} is no directory; give --host-root the place where the host's directories are seen", path = .0.display())]
pub struct NoHost(PathBuf);

/// What this node has none of is no question that stays open.
fn code(verdicts: impl Iterator<Item = Verdict>) -> u8 {
    let worst = verdicts.map(|verdict| match verdict {
        Verdict::Broken => BROKEN,
        Verdict::Unknown(Missing::Access | Missing::Answer) => UNTOLD,
        Verdict::Fine | Verdict::Suspect | Verdict::Unknown(Missing::Subject) => 0,
    });
    // What is broken is broken, whatever else could not be told.
    worst.filter(|code| *code > 0).min().unwrap_or(0)
}

fn all(args: &CheckArgs) -> anyhow::Result<Vec<Line>> {
    let told = runtime::ask(&args.runtime_endpoint.clone().below(&args.host_root));
    let node = Arc::new(node(args, told.heard, told.cni)?);
    let of_runtime = told.readings.into_iter().map(|reading| line(Group::Runtime, reading));
    let asked: Vec<_> = probe::ALL.iter().map(|probe| (probe, ask(probe, node.clone()))).collect();
    let deadline = Instant::now() + DEADLINE;
    Ok(of_runtime.chain(asked.into_iter().flat_map(|(probe, answer)| lines(probe, &answer, deadline))).collect())
}

/// What can be known of this node: the runtime tells its sandboxes, and where it keeps them, if it answers.
fn node(args: &CheckArgs, heard: Heard, cni: Option<CniDirs>) -> anyhow::Result<Node> {
    let of_operator = CniDirs::of_operator(args.cni_conf_dir.as_deref(), &args.cni_bin_dir);
    Ok(Node {
        mounts: Mounts::at(&args.host_root).context("what is mounted here cannot be told")?.into(),
        now: Clock::start().now(),
        kubelet_root: args.kubelet_root.clone(),
        pod_logs: args.pod_logs.clone(),
        runtime_root: heard.root,
        runtime_cgroup: heard.cgroup,
        pids: Arc::default(),
        cni: of_operator.or(cni).unwrap_or_default(),
        sandboxes: heard.sandboxes,
        service: Service::told(|name| std::env::var(name).ok()),
        suspects: None,
    })
}

/// A probe that hangs in a dead mount keeps its thread, and nothing else.
fn ask(probe: &'static Probe, node: Arc<Node>) -> Receiver<Vec<Reading>> {
    let (answer, answered) = channel();
    thread::spawn(move || drop(answer.send((probe.look)(&node))));
    answered
}

fn lines(probe: &Probe, answer: &Receiver<Vec<Reading>>, deadline: Instant) -> Vec<Line> {
    let readings = answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_else(|error| {
        let why = match error {
            RecvTimeoutError::Timeout => "no answer in time: a mount that hangs?",
            RecvTimeoutError::Disconnected => "the probe itself failed",
        };
        vec![Reading::unknown(probe.id, "", Missing::Answer, why)]
    });
    readings.into_iter().map(|reading| line(probe.group, reading)).collect()
}

fn line(group: Group, reading: Reading) -> Line {
    Line { group, advice: advice(&reading), reading }
}

fn advice(reading: &Reading) -> Option<String> {
    let words = reading.fact("words").filter(|_| reading.verdict == Verdict::Broken);
    let named = words.and_then(last_words::named);
    let cause = named.as_ref().map(|named| named.cause).or_else(|| causes::by_id(reading.cause))?;
    let facts = reading.facts.iter().fold(Facts::default(), |facts, (name, value)| facts.with(name, value));
    let facts = named.map_or(facts.clone(), |named| named.facts.or(facts));
    Some(match reading.verdict {
        // Its sentence tells of what is, not of what may be.
        Verdict::Suspect => {
            format!("{}, soon or maybe: {}: {}", cause.id, cause.owner.as_str(), fill(cause.advice, &facts).0)
        }
        _ => format!("{}: {}{}", cause.id, sentence(cause, &facts), words.and_then(quoted).unwrap_or_default()),
    })
}

/// What it ended on, as it said it.
fn quoted(words: &str) -> Option<String> {
    let line = last_words::spoken(last_words::ending(words)?);
    Some(format!(" Its last words: \"{}\".", cut_middle(&line, QUOTE)))
}

fn tell(out: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    let heading = Style::new().bold();
    let mut group = None;
    for line in lines {
        if group.replace(line.group) != Some(line.group) {
            writeln!(out, "{heading}{}{heading:#}", line.group.title())?;
        }
        let Reading { probe, of, verdict, says, .. } = &line.reading;
        let (mark, style) = mark(*verdict);
        let name = if of.is_empty() { (*probe).to_owned() } else { format!("{probe} ({of})") };
        writeln!(out, "  {style}{mark}{style:#} {name}: {says}")?;
        if let Some(advice) = &line.advice {
            writeln!(out, "      {advice}")?;
        }
    }
    Ok(())
}

fn mark(verdict: Verdict) -> (char, Style) {
    match verdict {
        Verdict::Fine => ('✓', AnsiColor::Green.on_default()),
        Verdict::Suspect => ('!', AnsiColor::Yellow.on_default()),
        Verdict::Broken => ('✗', AnsiColor::Red.on_default()),
        Verdict::Unknown(_) => ('?', Style::new().dimmed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_outweighs_what_could_not_be_told() {
        use Verdict::{Broken, Fine, Suspect, Unknown};
        assert_eq!(code([Fine, Suspect, Unknown(Missing::Subject)].into_iter()), 0);
        assert_eq!(code([Fine, Unknown(Missing::Access)].into_iter()), UNTOLD);
        assert_eq!(code([Unknown(Missing::Answer), Broken, Fine].into_iter()), BROKEN);
    }
}
