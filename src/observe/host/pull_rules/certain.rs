//! Whether what the kubelet's files say of verification is what the kubelet does: tenants are kept apart by it, so whatever
//! leaves room for doubt makes it unknown.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::Chosen;
use crate::host::{Pids, Process, Processes, Root, Stat};
use crate::model::Time;
use crate::model::verification::Verification;

/// Made by a kubelet that verifies (Kubernetes: pkg/kubelet/images/pullmanager/fs_pullrecords.go); one before 1.33 knows
/// nothing of it and only warns of the words in its file. From then on none starts with a policy that it does not follow
/// (ValidateKubeletConfiguration in pkg/kubelet/apis/config/validation).
const RECORDS: &str = "image_manager/pulled";
/// A line of numbers.
const STAT_AT_MOST: u64 = 4 << 10;

/// The policy. One that verifies is certain where the one kubelet that runs was started after the last change of all that
/// it was told by, for it reads that once, and keeps records of what it pulled.
pub(super) fn verification(root: Root<'_>, kubelet: &Path, chosen: &Chosen, now: Time) -> Verification {
    let said = chosen.choices.verification();
    match said {
        Verification::Allowlisted(_) | Verification::Always if !is_followed(root, kubelet, chosen, now) => {
            Verification::Unknown
        }
        said => said,
    }
}

fn is_followed(root: Root<'_>, kubelet: &Path, chosen: &Chosen, now: Time) -> bool {
    let [process] = &chosen.running[..] else { return false };
    let Some(age) = age(root, process, now) else { return false };
    let unchanged = |place: &Path| changed(root, place, now).is_some_and(|ago| ago >= age);
    root.find(&kubelet.join(RECORDS)).is_ok() && chosen.places.iter().all(|place| unchanged(place))
}

/// How long the process has run.
fn age(root: Root<'_>, process: &Path, now: Time) -> Option<Duration> {
    let line = root.read(&process.join("stat"), STAT_AT_MOST).ok()?;
    let Stat { state, start, .. } = Stat::parse(&String::from_utf8_lossy(&line))?;
    let up = Processes::of(root, &Pids::default(), now).uptime().ok()?;
    Some(Process { pid: 0, command: Vec::new(), state, start }.age(up))
}

/// How long ago a file, or the link to it, was changed in any way.
fn changed(root: Root<'_>, place: &Path, now: Time) -> Option<Duration> {
    let link = root.find(place.parent()?).ok()?.join(place.file_name()?);
    let times = [link.symlink_metadata().ok()?, root.find(place).ok()?.metadata().ok()?]
        .map(|of| (of.ctime(), of.ctime_nsec()));
    let (seconds, nanos) = times.into_iter().max()?;
    let changed = Time::new(seconds, i32::try_from(nanos).ok()?).ok()?;
    now.duration_since(changed).try_into().ok()
}
