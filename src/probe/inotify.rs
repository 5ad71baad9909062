//! Whether one more file can be watched by root, as the kubelet, the runtime and systemd must: by trying it. What is made
//! for that is gone at once. Says nothing where this process is not the root of the node.

use std::fs::File;
use std::path::Path;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::Node;
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "inotify";

const INSTANCES: &str = "instances";
const WATCHES: &str = "watches";
/// Whom each user of this namespace is outside of it: in a user namespace, the limits are other ones.
const USERS: &str = "/proc/self/uid_map";
const SIZE_AT_MOST: u64 = 4096;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    if !is_root() {
        let why = "only root can tell how many root can have";
        return [INSTANCES, WATCHES].map(|of| Reading::unknown(ID, of, Missing::Access, why)).into();
    }
    let (instance, watch) = tried();
    vec![judge(node, INSTANCES, &instance), judge(node, WATCHES, &watch)]
}

fn is_root() -> bool {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let whole = users.split_whitespace().eq(["0", "0", "4294967295"]);
    rustix::process::geteuid().is_root() && whole
}

/// An instance, and a watch on it (Linux: inotify_init(2), inotify_add_watch(2)).
fn tried() -> (Result<(), Errno>, Result<(), Errno>) {
    match init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
        // Too many files of this process are not too many instances of root.
        Err(Errno::MFILE) if File::open("/").is_err() => (Err(Errno::NFILE), Err(Errno::NFILE)),
        Err(error) => (Err(error), Err(error)),
        Ok(instance) => (Ok(()), add_watch(&instance, "/", WatchFlags::DELETE_SELF).map(drop)),
    }
}

fn judge(node: &Node, of: &str, tried: &Result<(), Errno>) -> Reading {
    let limit = limit(node, of);
    match (of, tried) {
        (_, Ok(())) => Reading::fine(ID, of, format!("one more can be had; the limit of a user is {limit}")),
        (INSTANCES, Err(Errno::MFILE)) | (WATCHES, Err(Errno::NOSPC)) => {
            let says = format!("root has all that a user may have: {limit}");
            Reading::broken(ID, of, "InotifyExhausted", says).with("what", of).with("limit", limit)
        }
        (_, Err(error)) => Reading::unknown(ID, of, Missing::Answer, format!("not tried: {error}")),
    }
}

/// As the node has it set, or a word for it.
fn limit(node: &Node, of: &str) -> String {
    let file = format!("/proc/sys/fs/inotify/max_user_{of}");
    let content = node.root().read(Path::new(&file), SIZE_AT_MOST).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    text.trim().parse::<u64>().map_or_else(|_| format!("max_user_{of}"), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Host;
    use super::*;
    use crate::model::reading::Verdict;

    fn verdict(of: &str, tried: Result<(), Errno>) -> Reading {
        let host = Host::default().file("/proc/sys/fs/inotify/max_user_instances", "128\n");
        judge(&host.node(), of, &tried)
    }

    #[test]
    fn each_limit_has_its_own_error() {
        let instances = verdict(INSTANCES, Err(Errno::MFILE));
        assert_eq!((instances.verdict, instances.cause), (Verdict::Broken, "InotifyExhausted"));
        assert_eq!(instances.facts, [("what", "instances".to_owned()), ("limit", "128".to_owned())]);
        assert_eq!(verdict(WATCHES, Err(Errno::NOSPC)).verdict, Verdict::Broken);
        assert_eq!(verdict(WATCHES, Err(Errno::MFILE)).verdict, Verdict::Unknown(Missing::Answer));
        assert_eq!(verdict(INSTANCES, Err(Errno::NFILE)).verdict, Verdict::Unknown(Missing::Answer));
        assert_eq!(verdict(INSTANCES, Ok(())).verdict, Verdict::Fine);
    }

    #[test]
    fn a_limit_that_makes_no_sense_is_told_by_its_name() {
        for host in [Host::default(), Host::default().huge("/proc/sys/fs/inotify/max_user_watches")] {
            assert_eq!(limit(&host.node(), WATCHES), "max_user_watches");
        }
    }
}
