//! When the host booted, by the kernel's own account.

use std::path::Path;

use crate::host::Root;
use crate::model::Time;

/// It is not of any namespace: a container reads the host's (Linux: proc_stat(5)).
const FILE: &str = "/proc/stat";
/// The line stands behind one that grows with processors and interrupts.
const AT_MOST: u64 = 4 << 20;

/// When the host booted, to the second; none where that can't be read.
pub(super) fn time(root: Root<'_>) -> Option<Time> {
    let content = root.read(Path::new(FILE), AT_MOST).ok()?;
    let line = content.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    Time::from_second(std::str::from_utf8(line).ok()?.trim().parse().ok()?).ok()
}
