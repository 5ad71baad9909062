//! How much memory is left, and how many processes the kernel has killed for lack of it.

use std::path::Path;

use super::Node;
use super::eviction::Evictions;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading, Unit};
use crate::model::wording::size;

/// Its id.
pub const ID: &str = "memory";

const MEMORY: &str = "/proc/meminfo";
const COUNTERS: &str = "/proc/vmstat";
const SIZE_AT_MOST: u64 = 64 * 1024;

/// Little is left below this share …
const LITTLE: f64 = 0.05;
/// … or, on a large node, below this many bytes.
const LITTLE_BYTES: f64 = 1e9;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    vec![left(node), killed(node)]
}

fn left(node: &Node) -> Reading {
    const OF: &str = "left";
    let (all, free) = match read(node, MEMORY) {
        Ok(text) => (kibibytes(&text, "MemTotal:"), kibibytes(&text, "MemAvailable:")),
        Err(lost) => return unknown(ID, OF, Path::new(MEMORY), &lost),
    };
    let (Some(all), Some(free)) = (all, free) else {
        return Reading::unknown(ID, OF, Missing::Answer, format!("{MEMORY} does not say how much is available"));
    };
    judge(OF, free, all, &Evictions::read(node))
}

/// The kubelet counts as used what the kernel could still take from active pages: by its measure even less is left
/// (Kubernetes: memory.available in "Node-pressure Eviction"). So below its threshold is below it in any case.
fn judge(of: &str, free: f64, all: f64, evictions: &Evictions) -> Reading {
    let threshold = evictions.threshold("memory.available", all).filter(|threshold| free < threshold.least);
    let says = format!("{} available of {}", bytes(free), bytes(all));
    let reading = match threshold {
        Some(threshold) => {
            let broken = Reading::broken(ID, of, "MemoryPressure", says);
            broken.with("available", bytes(free)).with("threshold", threshold.text)
        }
        None if free < (LITTLE * all).min(LITTLE_BYTES) => Reading::suspect(ID, of, "MemoryPressure", says),
        None => Reading::fine(ID, of, says),
    };
    reading.of_amount(all - free, all, Unit::Bytes)
}

/// Processes that were killed at the limit of their container are among them: the count alone is no fault of the node.
fn killed(node: &Node) -> Reading {
    const OF: &str = "killed";
    let count = match read(node, COUNTERS) {
        Ok(text) => number(&text, "oom_kill "),
        Err(lost) => return unknown(ID, OF, Path::new(COUNTERS), &lost),
    };
    match count {
        Some(count) => {
            let says =
                format!("{count} processes killed for lack of memory since the start, containers at their limit too");
            Reading::fine(ID, OF, says).of_amount(count, 0.0, Unit::Count)
        }
        // Before Linux 4.13.
        None => Reading::unknown(ID, OF, Missing::Subject, "this kernel does not count what it kills"),
    }
}

fn read(node: &Node, path: &str) -> Result<String, Lost> {
    let content = node.root().read(Path::new(path), SIZE_AT_MOST)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn kibibytes(text: &str, name: &str) -> Option<f64> {
    number(text, name).map(|number| number * 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "no memory is anywhere near 52 bits")]
fn number(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|number| number as f64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made from a count of bytes")]
fn bytes(count: f64) -> String {
    size(count as u64)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

    fn host(available: u64) -> Host {
        let text = format!("MemTotal:       8000000 kB\nMemFree:         1000 kB\nMemAvailable:   {available} kB\n");
        Host::default().file(MEMORY, text).file(COUNTERS, "pgfault 1\noom_kill 3\noom_kill_x 9\n")
    }

    #[test]
    fn below_the_threshold_of_the_kubelet_it_is_broken() {
        for (available, verdict) in [(4_000_000, Fine), (300_000, Suspect), (90_000, Broken)] {
            assert_eq!(find(&look(&host(available).node()), "left").verdict, verdict, "{available}");
        }
        let host = host(300_000).file("/var/lib/kubelet/config.yaml", "evictionHard: {memory.available: 10%}");
        let readings = look(&host.node());
        let reading = find(&readings, "left");
        assert_eq!((reading.verdict, reading.cause), (Broken, "MemoryPressure"));
        assert_eq!(reading.facts, [("available", "307 MB".into()), ("threshold", "10%".into())]);
    }

    #[test]
    fn what_was_killed_is_counted_and_is_no_fault_by_itself() {
        let readings = look(&host(1).node());
        let killed = find(&readings, "killed");
        assert_eq!((killed.verdict, killed.amount.unwrap().used), (Fine, 3.0));
    }

    #[test]
    fn what_can_t_be_read_or_makes_no_sense_is_unknown() {
        for host in
            [Host::default().file(MEMORY, "MemTotal: x kB"), Host::default().huge(MEMORY), Host::default().fifo(MEMORY)]
        {
            assert_eq!(find(&look(&host.node()), "left").verdict, Unknown(Missing::Answer));
        }
        assert_eq!(
            find(&look(&Host::default().mounted(&["/run"], "").node()), "left").verdict,
            Unknown(Missing::Access)
        );
        assert_eq!(find(&look(&host(1).file(COUNTERS, "").node()), "killed").verdict, Unknown(Missing::Subject));
    }
}
