//! Errors that ext4 has found in its file systems, as it keeps them in each (Linux: Documentation/ABI/testing/sysfs-fs-ext4).
//! Those of a pod's volume are no fault of the node.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Node;
use super::devices::Grounds;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::Time;
use crate::model::reading::{NOBODY, REACH, Reading, Unit};
use crate::model::since;
use crate::model::wording::span;

/// Its id.
pub const ID: &str = "ext4";

const FILE_SYSTEMS: &str = "/sys/fs/ext4";
const SIZE_AT_MOST: u64 = 4096;
/// More devices than a node mounts.
const DEVICES: usize = 256;
/// An error this young is one of today; an older one is kept until somebody checks the file system, and may be years old.
const YOUNG: Duration = Duration::from_secs(3600);

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let dir = match node.root().find(Path::new(FILE_SYSTEMS)) {
        Ok(dir) => dir,
        Err(lost) => return vec![unknown(ID, "", Path::new(FILE_SYSTEMS), &lost)],
    };
    let mut devices: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().take(DEVICES).collect();
    devices.sort_by_key(fs::DirEntry::file_name);
    let names = devices.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let grounds = Grounds::of(node, ID);
    names.filter_map(|device| one(node, &device, &grounds)).collect()
}

/// None for what is no file system: `features`.
fn one(node: &Node, device: &str, grounds: &Grounds<'_>) -> Option<Reading> {
    let errors = match number(node, device, "errors_count") {
        Ok(errors) => errors,
        Err(Lost::Missing) => return None,
        Err(lost) => return Some(unknown(ID, device, Path::new(FILE_SYSTEMS), &lost)),
    };
    let last = number(node, device, "last_error_time").ok().and_then(at);
    Some(judge(device, errors, last.map(|last| since(last, node.now)), grounds.reach(device)))
}

fn judge(device: &str, errors: u64, ago: Option<Duration>, reach: Option<String>) -> Reading {
    let when = ago.map_or_else(|| "once".to_owned(), |ago| format!("the last {} ago", span(ago)));
    let says = format!("{errors} errors in the file system of {device}, {when}");
    let young = ago.is_some_and(|ago| ago <= YOUNG);
    let reading = match &reach {
        _ if errors == 0 => Reading::fine(ID, device, "no error"),
        Some(_) if young => Reading::broken(ID, device, "KernelFault", says),
        Some(_) => Reading::suspect(ID, device, "KernelFault", says),
        None => Reading::suspect(ID, device, "KernelFault", format!("{says} (no disk of the node's own)")),
    };
    let reading = match errors {
        0 => reading,
        _ => reading.with("device", device).with(REACH, reach.unwrap_or_else(|| NOBODY.to_owned())),
    };
    #[expect(clippy::cast_precision_loss, reason = "so many errors no file system has")]
    reading.of_amount(errors as f64, 0.0, Unit::Count)
}

fn at(seconds: u64) -> Option<Time> {
    Time::from_second(i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?).ok()
}

fn number(node: &Node, device: &str, file: &str) -> Result<u64, Lost> {
    let path = format!("{FILE_SYSTEMS}/{device}/{file}");
    let content = node.root().read(Path::new(&path), SIZE_AT_MOST)?;
    let number = String::from_utf8_lossy(&content).trim().parse();
    number.map_err(|_| Lost::Invalid(format!("{path} does not hold a number")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Missing;
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

    fn host(errors: &str, last: &str) -> Host {
        let host = Host::default();
        let host = on("/dev/sda1", host).dir("/sys/fs/ext4/features").file("/sys/fs/ext4/sda1/errors_count", errors);
        host.file("/sys/fs/ext4/sda1/last_error_time", last)
    }

    fn on(disk: &str, host: Host) -> Host {
        let line = format!("27 1 {} / / rw - ext4 {disk} rw\n", host.device());
        host.file("/proc/1/mountinfo", line)
    }

    fn reading(host: &Host) -> Reading {
        let node = Node { now: Time::from_second(1_700_000_000).unwrap(), ..host.node() };
        find(&look(&node), "sda1").clone()
    }

    #[test]
    fn an_error_of_today_is_broken_and_an_old_one_suspect() {
        assert_eq!(reading(&host("0\n", "0\n")).verdict, Fine);
        assert_eq!(reading(&host("2\n", "1600000000\n")).verdict, Suspect);
        assert_eq!(reading(&host("2\n", "0\n")).verdict, Suspect);
        let broken = reading(&host("2\n", "1699999940\n"));
        assert_eq!((broken.verdict, broken.cause), (Broken, "KernelFault"));
        assert_eq!(broken.says, "2 errors in the file system of sda1, the last 1 min ago");
        assert_eq!(broken.facts, [("device", "sda1".to_owned()), (REACH, "kubelet disk, logs disk".to_owned())]);
        let of_a_pod = reading(&on("/dev/sdb1", host("2\n", "1699999940\n")));
        assert_eq!((of_a_pod.verdict, of_a_pod.fact(REACH)), (Suspect, Some(NOBODY)));
    }

    #[test]
    fn what_is_no_number_is_no_answer() {
        for host in [host("many", ""), host("", "").huge("/sys/fs/ext4/sda1/errors_count")] {
            assert_eq!(reading(&host).verdict, Unknown(Missing::Answer));
        }
    }

    #[test]
    fn a_node_without_ext4_is_not_asked_and_an_unseen_one_unknown() {
        assert_eq!(look(&Host::default().node())[0].verdict, Unknown(Missing::Subject));
        assert_eq!(look(&host("0", "0").mounted(&["/proc"], "").node())[0].verdict, Unknown(Missing::Access));
    }
}
