//! How much memory is left, and how many processes the kernel has killed for lack of it.

use std::path::Path;

use super::Node;
use super::eviction::Evictions;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading, Unit, Verdict};
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
    let text = match read(node, MEMORY) {
        Ok(text) => text,
        Err(lost) => return unknown(ID, OF, Path::new(MEMORY), &lost),
    };
    match (kibibytes(&text, "MemTotal:"), kibibytes(&text, "MemAvailable:")) {
        (Some(all), Some(free)) => judge(OF, all, free, to_the_kubelet(&text, all), &Evictions::read(node)),
        _ => Reading::unknown(ID, OF, Missing::Answer, format!("{MEMORY} does not say how much is available")),
    }
}

/// Which share of the node's memory could be had without swapping.
pub(super) fn share_left(node: &Node) -> Option<f64> {
    let text = read(node, MEMORY).ok()?;
    Some(kibibytes(&text, "MemAvailable:")? / kibibytes(&text, "MemTotal:")?.max(1.0))
}

/// The kubelet's `memory.available`: all but the working set of the root cgroup, which is what processes and files take
/// without the files that were not used lately, and nothing of the kernel's own. On cgroup v2 it reads `anon` and `file` there,
/// on v1 their sum; both are these numbers (opencontainers/cgroups: rootStatsFromMeminfo in fs2/memory.go; cadvisor:
/// setMemoryStats in container/libcontainer/handler.go; Linux: fs/proc/meminfo.c, mem_cgroup_usage in mm/memcontrol-v1.c).
/// Kubelets before that counted the kernel's memory too: to them even less is left.
fn to_the_kubelet(text: &str, all: f64) -> Option<f64> {
    let taken = ["AnonPages:", "Cached:", "Buffers:", "SwapCached:"].iter().map(|name| kibibytes(text, name));
    Some(all - (taken.sum::<Option<f64>>()? - kibibytes(text, "Inactive(file):")?))
}

/// `free` is what could be had without swapping, by the kernel's estimate, which leaves its own reserve out.
fn judge(of: &str, all: f64, free: f64, by_kubelet: Option<f64>, evictions: &Evictions) -> Reading {
    let threshold = evictions.threshold("memory.available", all);
    let says = format!("{} available of {}", bytes(free), bytes(all));
    let crossed =
        threshold.and_then(|threshold| by_kubelet.filter(|left| *left < threshold.least).map(|left| (left, threshold)));
    let reading = match crossed {
        Some((left, threshold)) => {
            let verdict = if evictions.are_certain() { Verdict::Broken } else { Verdict::Suspect };
            let says = format!("{says}, {} by the kubelet's measure", bytes(left));
            let reading = Reading { verdict, ..Reading::broken(ID, of, "MemoryPressure", says) };
            reading.with("available", bytes(left)).with("threshold", threshold.text)
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
    size(count.max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CONFIG, Host, find};
    use super::*;
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

    fn host(available: u64) -> Host {
        memory(available, 3_000_000)
    }

    fn memory(available: u64, anonymous: u64) -> Host {
        let text = format!(
            "MemTotal:       8000000 kB\nMemFree:         1000 kB\nMemAvailable:   {available} kB\nBuffers:  10000 kB\n\
             Cached:  990000 kB\nSwapCached: 0 kB\nInactive(file): 500000 kB\nAnonPages:  {anonymous} kB\n"
        );
        Host::default().file(MEMORY, text).file(COUNTERS, "pgfault 1\noom_kill 3\noom_kill_x 9\n")
    }

    #[test]
    fn below_the_threshold_of_the_kubelet_by_its_own_measure_it_is_broken() {
        let config = |host: Host| host.file(CONFIG, "evictionHard: {memory.available: 10%}").kubelet(&[]);
        let reading = |host: &Host| find(&look(&host.node()), "left").clone();
        let broken = reading(&config(memory(300_000, 6_800_000)));
        assert_eq!((broken.verdict, broken.cause), (Broken, "MemoryPressure"));
        assert_eq!(broken.facts, [("available", "717 MB".into()), ("threshold", "10%".into())]);
        // The kernel's own memory and its reserve are no working set: the kubelet evicts nobody.
        assert_eq!(reading(&config(memory(300_000, 3_000_000))).verdict, Suspect);
        assert_eq!(reading(&config(memory(600_000, 3_000_000))).verdict, Fine);
        assert_eq!(reading(&memory(90_000, 7_450_000)).verdict, Suspect, "what it was told is not known");
    }

    #[test]
    fn what_is_little_is_suspect() {
        for (available, verdict) in [(4_000_000, Fine), (300_000, Suspect), (90_000, Suspect)] {
            assert_eq!(find(&look(&host(available).node()), "left").verdict, verdict, "{available}");
        }
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
