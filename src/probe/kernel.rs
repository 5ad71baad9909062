//! What the kernel gives out and can run out of: processes, file handles, tracked connections.

use std::path::Path;

use super::Node;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading, Unit};

/// Its id.
pub const ID: &str = "kernel-limits";

/// A file and, from zero, the number that counts in it.
type Number = (&'static str, usize);

/// A count of the kernel's and its limit: where each is read (Linux: Documentation/admin-guide/sysctl), and the cause that
/// it means when it is used up.
struct Limit {
    of: &'static str,
    used: Number,
    limit: Number,
    cause: &'static str,
}

/// Running and all threads stand in `/proc/loadavg` as `2/845`; each has a process id of its own. The connections are those
/// of the network namespace that asks: the node's, where the agent runs in it.
const LIMITS: &[Limit] = &[
    Limit { of: "process ids", used: THREADS, limit: (PID_MAX, 0), cause: "PidsExhausted" },
    Limit { of: "threads", used: THREADS, limit: ("/proc/sys/kernel/threads-max", 0), cause: "PidsExhausted" },
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
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// The first kernel whose process namespaces have a limit each (Linux: 7863dcc72d0f, "pid: allow pid_max to be set per pid
/// namespace").
const OF_NAMESPACES: (u32, u32) = (6, 14);
const THREADS: Number = ("/proc/loadavg", 4);

/// The cgroup of all pods, by either driver, on cgroup v2 and v1 (Kubernetes: pkg/kubelet/cm, enforceNodeAllocatable).
const PODS: &[&str] = &[
    "/sys/fs/cgroup/kubepods.slice",
    "/sys/fs/cgroup/kubepods",
    "/sys/fs/cgroup/pids/kubepods.slice",
    "/sys/fs/cgroup/pids/kubepods",
];

/// Above this share it will run out soon.
const SOON: f64 = 0.9;
/// From this share on something fails now and then.
const OUT: f64 = 0.99;
/// The kernel's own word for none is the largest number that it has.
const NO_LIMIT: f64 = 1e15;
const SIZE_AT_MOST: u64 = 4096;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    LIMITS.iter().map(|limit| one(node, limit)).chain([pods(node)]).collect()
}

fn one(node: &Node, Limit { of, used, limit, cause }: &Limit) -> Reading {
    if limit.0 == PID_MAX && is_of_this_container(node) {
        let why = "this kernel has a limit for each process namespace, and this agent is not in the host's";
        return Reading::unknown(ID, of, Missing::Access, why);
    }
    match (number(node, used.0, used.1), number(node, limit.0, limit.1)) {
        (Ok(used), Ok(limit)) => judge(of, used, limit, cause),
        (Err(lost), _) => unknown(ID, of, Path::new(used.0), &lost),
        (_, Err(lost)) => unknown(ID, of, Path::new(limit.0), &lost),
    }
}

/// From Linux 6.14 on `pid_max` is that of the process namespace of whoever reads it, through whichever `/proc` (Linux:
/// kernel/pid.c, pid_table_root_lookup). A `/proc` shows a process with its ids in all namespaces from its own one inwards
/// (proc_pid_status(5), NSpid), and with one id what is in that one itself.
fn is_of_this_container(node: &Node) -> bool {
    let read = |path: &str| {
        node.root().read(Path::new(path), SIZE_AT_MOST).map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    let for_all = |release: String| {
        let mut parts = release.split(['.', '-']).map(|part| part.parse::<u32>().ok());
        matches!((parts.next().flatten(), parts.next().flatten()), (Some(major), Some(minor)) if (major, minor) < OF_NAMESPACES)
    };
    let ids = |status: String| {
        status.lines().find_map(|line| line.strip_prefix("NSpid:")).map(|ids| ids.split_whitespace().count())
    };
    let inside = read("/proc/self/status").ok().and_then(ids) == Some(1);
    !inside && !read("/proc/sys/kernel/osrelease").is_ok_and(for_all)
}

/// The threads of all pods together, where the kubelet limits them.
fn pods(node: &Node) -> Reading {
    const OF: &str = "process ids of pods";
    for dir in PODS {
        let [used, limit] = ["pids.current", "pids.max"].map(|file| number(node, &format!("{dir}/{file}"), 0));
        match (used, limit) {
            (Ok(used), Ok(limit)) => return judge(OF, used, limit, "PidsExhausted"),
            (Ok(used), Err(Lost::Invalid(_))) => return Reading::fine(ID, OF, format!("{used}, without a limit")),
            (Err(Lost::Missing), _) => {}
            (Err(lost), _) | (_, Err(lost)) => return unknown(ID, OF, Path::new(dir), &lost),
        }
    }
    Reading::unknown(ID, OF, Missing::Subject, "there is no cgroup of pods")
}

fn judge(of: &str, used: f64, limit: f64, cause: &'static str) -> Reading {
    if limit >= NO_LIMIT {
        return Reading::fine(ID, of, format!("{used}, without a limit"));
    }
    let says = format!("{used} of {limit}");
    let share = used / limit.max(1.0);
    let reading = match () {
        () if share >= OUT => Reading::broken(ID, of, cause, says),
        () if share >= SOON => Reading::suspect(ID, of, cause, says),
        () => Reading::fine(ID, of, says),
    };
    reading.of_amount(used, limit, Unit::Count).with("used", used.to_string()).with("limit", limit.to_string())
}

fn number(node: &Node, path: &str, index: usize) -> Result<f64, Lost> {
    let content = node.root().read(Path::new(path), SIZE_AT_MOST)?;
    let text = String::from_utf8_lossy(&content);
    let mut numbers = text.split([' ', '\t', '\n', '/']).filter(|word| !word.is_empty());
    let number = numbers.nth(index).and_then(|word| word.parse::<u64>().ok());
    #[expect(clippy::cast_precision_loss, reason = "no count is anywhere near 52 bits, and no limit that is means one")]
    number.map(|number| number as f64).ok_or_else(|| Lost::Invalid(format!("{path} does not hold a number")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

    fn host(threads: u32) -> Host {
        let host = Host::default().file("/proc/loadavg", format!("0.10 0.20 0.30 2/{threads} 40221\n"));
        let host = host
            .file("/proc/self/status", "Name:\tkubewhy\nNSpid:\t812\n")
            .file("/proc/sys/kernel/osrelease", "6.14.2-cloud\n");
        host.file("/proc/sys/kernel/pid_max", "1000\n").file("/proc/sys/fs/file-nr", "1184\t0\t9223372036854775807\n")
    }

    #[test]
    fn threads_count_against_process_ids() {
        for (threads, verdict) in [(845, Fine), (900, Suspect), (995, Broken)] {
            let readings = look(&host(threads).node());
            let reading = find(&readings, "process ids");
            assert_eq!(reading.verdict, verdict);
            assert_eq!(reading.facts, [("used", threads.to_string()), ("limit", "1000".into())]);
        }
    }

    #[test]
    fn the_limit_of_this_container_is_not_the_host_s() {
        let inner = |release: &str| {
            let host = host(995).file("/proc/self/status", "Name:\tkubewhy\nNSpid:\t40221\t7\n");
            find(&look(&host.file("/proc/sys/kernel/osrelease", release).node()), "process ids").verdict
        };
        for release in ["6.14.0-1008-aws\n", "6.17.1\n", "7.0.0\n", "x"] {
            assert_eq!(inner(release), Unknown(Missing::Access), "{release}");
        }
        assert_eq!([inner("6.8.0-51-generic\n"), inner("5.15.0\n")], [Broken; 2], "of old there is one for all");
    }

    #[test]
    fn what_this_kernel_does_not_count_is_no_question() {
        let readings = look(&host(1).node());
        assert_eq!(find(&readings, "open files").says, "1184, without a limit");
        for of in ["tracked connections", "threads", "process ids of pods"] {
            assert_eq!(find(&readings, of).verdict, Unknown(Missing::Subject), "{of}");
        }
    }

    #[test]
    fn the_pods_have_a_limit_of_their_own_or_none() {
        let dir = "/sys/fs/cgroup/kubepods.slice/";
        let with = |max: &str| {
            let host = host(1).file(&format!("{dir}pids.current"), "99\n").file(&format!("{dir}pids.max"), max);
            find(&look(&host.node()), "process ids of pods").verdict
        };
        assert_eq!([with("100\n"), with("max\n")], [Broken, Fine]);
        let unseen = host(1).mounted(&["/proc"], "");
        assert_eq!(find(&look(&unseen.node()), "process ids of pods").verdict, Unknown(Missing::Access));
    }

    #[test]
    fn nonsense_is_no_answer() {
        let hosts = [
            host(1).file("/proc/loadavg", "a b c d e f"),
            host(1).huge("/proc/loadavg"),
            host(1).file("/proc/loadavg", ""),
        ];
        for host in hosts {
            assert_eq!(find(&look(&host.node()), "process ids").verdict, Unknown(Missing::Answer));
        }
    }
}
