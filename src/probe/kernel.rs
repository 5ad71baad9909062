//! What the kernel gives out and can run out of: processes, file handles, tracked connections.

use std::path::Path;

use super::Node;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading, Unit};

/// Its id.
pub const ID: &str = "kernel-limits";

/// A count of the kernel's and its limit: where each is read (Linux: Documentation/admin-guide/sysctl), and the cause that
/// it means when it is used up.
struct Limit {
    of: &'static str,
    used: (&'static str, usize),
    limit: (&'static str, usize),
    cause: &'static str,
}

/// Path and, from zero, the number that counts in it. `/proc/loadavg` has running and all threads as `2/845`.
const LIMITS: &[Limit] = &[
    Limit {
        of: "processes",
        used: ("/proc/loadavg", 4),
        limit: ("/proc/sys/kernel/pid_max", 0),
        cause: "PidsExhausted",
    },
    Limit {
        of: "open files",
        used: ("/proc/sys/fs/file-nr", 0),
        limit: ("/proc/sys/fs/file-nr", 2),
        cause: "FileDescriptorsExhausted",
    },
    Limit {
        of: "tracked connections",
        used: ("/proc/sys/net/netfilter/nf_conntrack_count", 0),
        limit: ("/proc/sys/net/netfilter/nf_conntrack_max", 0),
        cause: "ConntrackFull",
    },
];

/// Above this share it will run out soon.
const SOON: f64 = 0.9;
/// From this share on something fails now and then.
const OUT: f64 = 0.99;
const SIZE_AT_MOST: u64 = 4096;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    LIMITS.iter().map(|limit| one(node, limit)).collect()
}

fn one(node: &Node, Limit { of, used, limit, cause }: &Limit) -> Reading {
    let (used, limit) = match (number(node, *used), number(node, *limit)) {
        (Ok(used), Ok(limit)) => (used, limit),
        (Err(Lost::Missing), _) | (_, Err(Lost::Missing)) => {
            return Reading::unknown(ID, of, Missing::Subject, "this kernel does not count them");
        }
        (Err(lost), _) | (_, Err(lost)) => return Reading::unknown(ID, of, Missing::Access, lost.to_string()),
    };
    let says = format!("{used} of {limit}");
    let share = used / limit.max(1.0);
    let reading = match () {
        () if share >= OUT => Reading::broken(ID, of, cause, says),
        () if share >= SOON => Reading::suspect(ID, of, cause, says),
        () => Reading::fine(ID, of, says),
    };
    reading.of_amount(used, limit, Unit::Count)
}

fn number(node: &Node, (path, index): (&str, usize)) -> Result<f64, Lost> {
    let content = node.root().read(Path::new(path), SIZE_AT_MOST)?;
    let text = String::from_utf8_lossy(&content);
    let mut numbers = text.split([' ', '\t', '\n', '/']).filter(|word| !word.is_empty());
    let number = numbers.nth(index).and_then(|word| word.parse().ok());
    number.ok_or_else(|| Lost::Unknown(format!("{path} does not hold what it should")))
}
