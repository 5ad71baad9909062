//! What the kernel has said in the last minutes, as far as it speaks of a fault: its own words in `/dev/kmsg`, which only a
//! privileged agent may read. Takes nothing out of the log, waits for nothing, and believes no message of a process.

mod patterns;

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use self::patterns::{KINDS, PATTERNS, Pattern, Reach, of_task};
use super::Node;
use super::devices::Grounds;
use super::lost::unknown;
use crate::host::{Lost, UPTIME};
use crate::model::reading::{Missing, NOBODY, REACH, Reading, Verdict};
use crate::model::wording::{cut, one_line, span};

/// Its id.
pub const ID: &str = "kmsg";

const LOG: &str = "/dev/kmsg";
/// A message counts for this long. Its stamp is of a clock that is not adjusted, so that it may be wrong by minutes after a
/// year; what looks like the future is of now.
const YOUNG: Duration = Duration::from_secs(600);
/// Of one look: as much as a large log holds.
const BYTES_AT_MOST: u64 = 16 << 20;
/// Records that are overwritten while they are read, before the rest is left for the next look.
const OVERWRITTEN: usize = 10_000;
/// A record has at most half of that (Linux: PRINTKRB_RECORD_MAX in kernel/printk/internal.h); a shorter buffer is refused.
const RECORD: usize = 8192;
/// As many tasks and devices are told apart.
const SUBJECTS: usize = 64;
/// Of the message, as it is quoted.
const QUOTE: usize = 160;

/// What was heard of one kind of fault, of one task or device.
struct Heard {
    pattern: &'static Pattern,
    message: String,
    ago: Duration,
    times: usize,
}

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let all = |reading: &dyn Fn(&'static str) -> Reading| KINDS.iter().map(|kind| reading(kind)).collect();
    let up = match node.processes().uptime() {
        Ok(up) => up,
        Err(lost) => return all(&|kind| unknown(ID, kind, Path::new(UPTIME), &lost)),
    };
    match node.root().open(Path::new(LOG)) {
        Ok(log) => tell(node, &heard(log, up)),
        // A container has a /dev of its own: that this one is not there says nothing about the node.
        Err(Lost::Missing) => {
            all(&|kind| Reading::unknown(ID, kind, Missing::Access, format!("{LOG} of the host is not mounted")))
        }
        Err(lost) => all(&|kind| unknown(ID, kind, Path::new(LOG), &lost)),
    }
}

/// Each kind has its answer at each look, so that it is seen when one is over.
fn tell(node: &Node, heard: &[Heard]) -> Vec<Reading> {
    let grounds = (!heard.is_empty()).then(|| Grounds::of(node, ID));
    let of_kind = |kind: &str| {
        let of_kind = heard.iter().filter(|one| one.pattern.kind == kind);
        let mut told: Vec<_> = of_kind.map(|one| (one.ago, one.reading(grounds.as_ref()))).collect();
        // The worst, and of those the last.
        told.sort_by_key(|(ago, reading)| (reading.verdict != Verdict::Broken, *ago));
        one_of(told.into_iter().map(|(_, reading)| reading))
    };
    let fine = |kind: &str| Reading::fine(ID, kind, format!("no word of it in the last {}", span(YOUNG)));
    KINDS.iter().map(|kind| of_kind(kind).unwrap_or_else(|| fine(kind))).collect()
}

/// The first of them, which takes along whom any does of those that say the same of something else.
fn one_of(mut told: impl Iterator<Item = Reading>) -> Option<Reading> {
    let mut first = told.next()?;
    let same = told.filter(|other| (other.verdict, other.cause) == (first.verdict, first.cause));
    let more: Vec<String> = same.filter_map(|other| other.fact(REACH).map(str::to_owned)).collect();
    if let Some((_, reach)) = first.facts.iter_mut().find(|(name, _)| *name == REACH) {
        more.iter().for_each(|more| reach.extend([", ", more]));
    }
    Some(first)
}

impl Heard {
    fn reading(&self, grounds: Option<&Grounds<'_>>) -> Reading {
        let Pattern { kind, cause, verdict, .. } = self.pattern;
        let times = if self.times > 1 { format!("{} times, last ", self.times) } else { String::new() };
        let pod = pod(&self.message).map(|uid| format!(" (pod {uid})")).unwrap_or_default();
        let quote = cut(&one_line(&self.message), QUOTE);
        let (verdict, whose, reach) = match self.reach(grounds) {
            Some(reach) => (*verdict, "", reach),
            None => (Verdict::Suspect, " (no disk of the node's own)", NOBODY.to_owned()),
        };
        let says = format!("{times}{} ago{pod}{whose}: {quote}", span(self.ago));
        let reading = Reading { verdict, cause, ..Reading::fine(ID, kind, says) };
        let facts = self.pattern.found(&self.message).map(|(name, value)| (name, value.to_owned()));
        let reading =
            facts.chain(pod_fact(&self.message)).fold(reading, |reading, (name, value)| reading.with(name, value));
        reading.with(REACH, reach)
    }

    /// Whom it takes along; none where it is of a device that nothing of the node rests on.
    fn reach(&self, grounds: Option<&Grounds<'_>>) -> Option<String> {
        let subject = self.pattern.subject(&self.message).unwrap_or_default();
        match self.pattern.reach {
            Reach::These(whom) => Some(whom.to_owned()),
            Reach::Task => Some(of_task(subject).to_owned()),
            Reach::Device => grounds?.reach(subject),
        }
    }
}

/// One entry for each pattern that is found among the young messages, and each task or device, with the last of them.
fn heard(log: File, up: Duration) -> Vec<Heard> {
    let mut all: Vec<Heard> = Vec::new();
    for line in lines(log) {
        let Some((ago, message)) = record(&line, up) else { continue };
        let Some(pattern) = PATTERNS.iter().find(|pattern| pattern.fits(message)) else { continue };
        let full = all.len() >= SUBJECTS;
        let same = |known: &Heard| full || pattern.subject(&known.message) == pattern.subject(message);
        match all.iter_mut().find(|known| std::ptr::eq(known.pattern, pattern) && same(known)) {
            Some(known) => (known.message, known.ago, known.times) = (message.to_owned(), ago, known.times + 1),
            None => all.push(Heard { pattern, message: message.to_owned(), ago, times: 1 }),
        }
    }
    all
}

/// The lines of all records, up to the last one of now. One call reads one record; one that was overwritten meanwhile is
/// passed over (Linux: Documentation/ABI/testing/dev-kmsg).
fn lines(log: File) -> impl Iterator<Item = String> {
    let mut log = BufReader::with_capacity(RECORD, log.take(BYTES_AT_MOST));
    let mut overwritten = 0;
    std::iter::from_fn(move || {
        loop {
            let mut line = Vec::new();
            match log.by_ref().take(RECORD as u64).read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => return Some(String::from_utf8_lossy(&line).trim_end().to_owned()),
                Err(error) if error.kind() == ErrorKind::BrokenPipe && overwritten < OVERWRITTEN => overwritten += 1,
                Err(_) => return None,
            }
        }
    })
}

/// The age and the text of `6,339,5140900,-;message`, where it is a young one of the kernel's own: what a process writes
/// there never has facility 0.
fn record(line: &str, up: Duration) -> Option<(Duration, &str)> {
    let (head, message) = line.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    let stamp = Duration::from_micros(fields.nth(1)?.parse().ok()?);
    let ago = up.saturating_sub(stamp);
    (priority >> 3 == 0 && ago <= YOUNG).then_some((ago, message))
}

/// The pod of the cgroup that a message names: `…/pod0a1b2c3d-…/…`, or with underscores where systemd made it
/// (Kubernetes: NewCgroupName and its systemd form in pkg/kubelet/cm/cgroup_manager_linux.go).
fn pod(message: &str) -> Option<String> {
    let cgroup = message.split_once("task_memcg=").map_or(message, |(_, cgroup)| cgroup);
    let (_, inside) = cgroup.split_once("kubepods")?;
    // `pod` stands in `kubepods-burstable` as well.
    inside.split("pod").skip(1).find_map(uid)
}

fn uid(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '-' | '_')).unwrap_or(text.len());
    let uid = text.get(..end)?.replace('_', "-");
    (uid.len() >= 32).then_some(uid)
}

fn pod_fact(message: &str) -> Option<(&'static str, String)> {
    pod(message).map(|uid| ("pod", uid))
}

#[cfg(test)]
mod tests;
