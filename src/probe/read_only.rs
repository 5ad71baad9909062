//! Whether the file systems that the kubelet, the runtime and the pods' logs need can be written: by the options of the
//! file system itself, for a mount of it may be read-only on purpose, as ours are. Tries no write.

use super::Node;
use super::places::{FileSystem, HOST_MOUNTS, file_systems};
use crate::model::reading::{Missing, REACH, Reading};

/// Its id.
pub const ID: &str = "read-only";

/// What a file system says that takes no write any more. ext4 stays `rw` after an error from Linux 6.15 on, and says the
/// others instead (Linux: fs/ext4/super.c).
const SIGNS: &[&str] = &["ro", "emergency_ro", "shutdown"];

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let (seen, mut readings) = file_systems(node, ID);
    readings.extend(seen.iter().map(judge));
    readings
}

fn judge(of: &FileSystem<'_>) -> Reading {
    let Some(mount) = &of.mount else {
        let why = format!("{HOST_MOUNTS} of the host can't be read, or does not name {}", of.place());
        return Reading::unknown(ID, of.name(), Missing::Access, why);
    };
    let (place, users) = (of.place(), of.users());
    match SIGNS.iter().find(|sign| mount.has(sign)) {
        None => Reading::fine(ID, of.name(), format!("{place} can be written ({users})")),
        Some(sign) => {
            let says = format!("{place} can't be written: its file system is {sign} ({users})");
            let path = of.places.first().map(|place| place.path.display().to_string()).unwrap_or_default();
            let broken = Reading::broken(ID, of.name(), "FilesystemReadOnly", says);
            broken.with("file", path).with("device", mount.source.as_str()).with(REACH, of.reach())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Host, find};
    use super::*;
    use crate::model::reading::Verdict;

    fn kubelet(table: &str) -> Reading {
        let host = Host::default();
        let table = table.replace("8:1", &host.device());
        find(&look(&host.file("/proc/1/mountinfo", table).node()), "kubelet").clone()
    }

    #[test]
    fn a_mount_that_is_read_only_is_no_file_system_that_is() {
        let table = "27 1 8:1 / / ro,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n";
        assert_eq!(kubelet(table).verdict, Verdict::Fine);
    }

    #[test]
    fn a_root_that_is_read_only_by_design_is_not_where_the_kubelet_lives() {
        let table = "27 1 7:0 / / ro - squashfs /dev/loop0 ro\n30 27 8:1 / /var rw - ext4 /dev/sda1 rw\n";
        assert_eq!(kubelet(table).verdict, Verdict::Fine);
    }

    #[test]
    fn a_file_system_that_an_error_made_read_only_is_broken() {
        for options in ["ro,errors=remount-ro", "rw,emergency_ro", "rw,shutdown"] {
            let reading = kubelet(&format!("27 1 8:1 / / rw,relatime - ext4 /dev/sda1 {options}\n"));
            assert_eq!((reading.verdict, reading.cause), (Verdict::Broken, "FilesystemReadOnly"), "{options}");
            let reach = (REACH, "kubelet disk, logs disk".into());
            assert_eq!(reading.facts, [("file", "/var/lib/kubelet".into()), ("device", "/dev/sda1".into()), reach]);
        }
    }

    #[test]
    fn a_table_that_does_not_know_what_is_seen_is_not_believed() {
        let reading = kubelet("27 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 27 7:77 / /var rw - xfs /dev/sdb ro\n");
        assert_eq!(reading.verdict, Verdict::Unknown(Missing::Access));
    }

    #[test]
    fn without_the_table_of_the_host_nothing_is_said() {
        for host in
            [Host::default(), Host::default().fifo("/proc/1/mountinfo"), Host::default().huge("/proc/1/mountinfo")]
        {
            assert_eq!(find(&look(&host.node()), "kubelet").verdict, Verdict::Unknown(Missing::Access));
        }
    }
}
