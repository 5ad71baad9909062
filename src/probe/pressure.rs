//! How much of the last minute was lost by waiting for memory, disks and processors, as the kernel accounts for it (Linux:
//! Documentation/accounting/psi.rst). Says that it was lost, not by whom.

use std::path::Path;

use super::lost::unknown;
use super::{Node, memory};
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "pressure";

/// What can be waited for, the cause where that is too much, and the share of the last minute from which on it is.
///
/// `some`: at least one task waited. `full`: all that had something to do waited, so that nothing went on. There is no
/// agreed limit. systemd-oomd ends a cgroup in which nothing went on for 60 % of half a minute (oomd.conf(5),
/// DefaultMemoryPressureLimit=), and Android's lmkd ends processes at 7 % of `some` and 70 % of `full` (its defaults
/// psi_partial_stall_ms and psi_complete_stall_ms, of a second), both for memory: hence 60 % for what is broken, and 10 % for what is
/// suspect. A disk that something waits for half of the time is a busy one, not a broken one; and on a node that does nothing
/// else one process that writes and waits makes `full` as large as `some` (only tasks that have something to do count), so
/// that a disk is never more than the reason for what else is slow. Likewise one container at its own limit makes the node wait
/// for memory (Linux: mem_cgroup_handle_over_high in mm/memcontrol.c), so that the node must have little left too.
struct Resource {
    of: &'static str,
    file: &'static str,
    cause: &'static str,
    some: f64,
    full: Option<f64>,
    /// Whether it is broken then, and not only the reason for something else.
    broken: fn(&Node) -> bool,
}

/// Less than this share of the memory is little.
const LITTLE: f64 = 0.1;

const RESOURCES: &[Resource] = &[
    Resource {
        of: "memory",
        file: "/proc/pressure/memory",
        cause: "MemoryPressure",
        some: 10.0,
        full: Some(60.0),
        broken: |node| memory::share_left(node).is_some_and(|left| left < LITTLE),
    },
    Resource {
        of: "disks",
        file: "/proc/pressure/io",
        cause: "NodeIoSaturated",
        some: 50.0,
        full: Some(60.0),
        broken: |_| false,
    },
    // Of the whole machine the kernel tells no `full` for processors, for one task always runs; and where one waits while
    // another runs, work goes on. So it is never broken, though it may be why all else is slow.
    Resource {
        of: "processors",
        file: "/proc/pressure/cpu",
        cause: "NodeCpuStarved",
        some: 75.0,
        full: None,
        broken: |_| false,
    },
];
const SIZE_AT_MOST: u64 = 4096;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    RESOURCES.iter().map(|resource| one(node, resource)).collect()
}

fn one(node: &Node, resource: &Resource) -> Reading {
    let content = match node.root().read(Path::new(resource.file), SIZE_AT_MOST) {
        Ok(content) => content,
        Err(lost) => return unknown(ID, resource.of, Path::new(resource.file), &lost),
    };
    let text = String::from_utf8_lossy(&content);
    match (average(&text, "some"), average(&text, "full")) {
        // Before Linux 5.13 there is no line `full` for processors.
        (Some(some), full) => judge(node, resource, some, full.unwrap_or(0.0)),
        (None, _) => Reading::unknown(
            ID,
            resource.of,
            Missing::Answer,
            format!("{} does not hold what it should", resource.file),
        ),
    }
}

fn judge(node: &Node, resource: &Resource, some: f64, full: f64) -> Reading {
    let Resource { of, cause, .. } = resource;
    let says = format!("something waited for {some:.0} %, everything for {full:.0} % of the last minute");
    let stalled = |reading: Reading| reading.with("stalled", format!("{full:.0} %"));
    let reading = match resource.full {
        Some(limit) if full >= limit && (resource.broken)(node) => stalled(Reading::broken(ID, of, cause, says)),
        Some(limit) if full >= limit => stalled(Reading::suspect(ID, of, cause, says)),
        _ if some >= resource.some => Reading::suspect(ID, of, cause, says),
        _ => Reading::fine(ID, of, says),
    };
    reading.with("waited", format!("{some:.0} %"))
}

/// The percentage of `some avg10=0.00 avg60=1.64 avg300=1.15 total=263875629`.
fn average(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
    let value = line.split(' ').find_map(|word| word.strip_prefix("avg60="))?;
    value.parse().ok().filter(|share| (0.0..=100.0).contains(share))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Verdict::{self, Broken, Fine, Suspect, Unknown};

    fn verdict(of: &str, file: &str, some: f64, full: f64) -> (Verdict, &'static str) {
        verdict_with(5, of, file, some, full)
    }

    /// With so many per cent of the memory left.
    fn verdict_with(left: u32, of: &str, file: &str, some: f64, full: f64) -> (Verdict, &'static str) {
        let text = format!(
            "some avg10=0.00 avg60={some:.2} avg300=1.15 total=263875629\nfull avg10=0.07 avg60={full:.2} avg300=0.04 total=1\n"
        );
        let memory = format!("MemTotal: 1000000 kB\nMemAvailable: {left}0000 kB\n");
        let host = Host::default().file(file, text).file("/proc/meminfo", memory);
        let readings = look(&host.node());
        let reading = find(&readings, of);
        (reading.verdict, reading.cause)
    }

    #[test]
    fn a_minute_without_memory_is_broken_and_one_of_waiting_suspect() {
        assert_eq!(verdict("disks", "/proc/pressure/io", 12.0, 8.0), (Fine, ""));
        assert_eq!(verdict("disks", "/proc/pressure/io", 55.0, 40.0), (Suspect, "NodeIoSaturated"));
        assert_eq!(
            verdict("disks", "/proc/pressure/io", 97.0, 71.0),
            (Suspect, "NodeIoSaturated"),
            "one process may do that"
        );
        assert_eq!(verdict("memory", "/proc/pressure/memory", 11.0, 2.0), (Suspect, "MemoryPressure"));
        assert_eq!(verdict("memory", "/proc/pressure/memory", 80.0, 60.0), (Broken, "MemoryPressure"));
        let one_container = verdict_with(60, "memory", "/proc/pressure/memory", 80.0, 60.0);
        assert_eq!(one_container, (Suspect, "MemoryPressure"), "one container at its limit may do that");
    }

    #[test]
    fn processors_that_are_waited_for_are_never_broken() {
        assert_eq!(verdict("processors", "/proc/pressure/cpu", 67.5, 0.0), (Fine, ""));
        assert_eq!(verdict("processors", "/proc/pressure/cpu", 99.0, 99.0), (Suspect, "NodeCpuStarved"));
    }

    #[test]
    fn a_kernel_that_does_not_account_for_it_is_not_asked() {
        assert!(look(&Host::default().node()).iter().all(|one| one.verdict == Unknown(Missing::Subject)));
        let unseen = Host::default().mounted(&["/run"], "");
        assert!(look(&unseen.node()).iter().all(|one| one.verdict == Unknown(Missing::Access)));
    }

    #[test]
    fn nonsense_is_no_answer() {
        for text in ["", "some", "some avg60=x", "some avg60=NaN", "some avg60=101", "full avg60=1"] {
            let host = Host::default().file("/proc/pressure/io", text);
            assert_eq!(find(&look(&host.node()), "disks").verdict, Unknown(Missing::Answer), "{text}");
        }
    }
}
