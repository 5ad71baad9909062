//! The block devices on which the kubelet, the runtime and the pods' logs rest, by every name that the kernel may use when
//! it speaks of them: the partition, its disk, the disks of which a volume is made. Asks no device.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Node;
use super::places::{FileSystem, file_systems};

/// Volumes on volumes on disks: no node has more layers.
const LAYERS: usize = 8;

/// What they rest on.
pub(super) struct Grounds<'a>(Vec<(FileSystem<'a>, BTreeSet<String>)>);

impl<'a> Grounds<'a> {
    /// As far as it is seen.
    pub(super) fn of(node: &'a Node, probe: &'static str) -> Self {
        let (seen, _) = file_systems(node, probe);
        let with_names = |one| {
            let names = names(node, &one);
            (one, names)
        };
        Self(seen.into_iter().map(with_names).collect())
    }

    /// Whom that device takes along when it fails; none where it is a disk that only pods have, or one that nobody knows.
    pub(super) fn reach(&self, device: &str) -> Option<String> {
        let hit = self.0.iter().filter(|(_, names)| names.iter().any(|name| name == device || is_part(name, device)));
        let reach: Vec<_> = hit.map(|(one, _)| one.reach()).collect();
        (!reach.is_empty()).then(|| reach.join(", "))
    }
}

fn names(node: &Node, one: &FileSystem<'_>) -> BTreeSet<String> {
    let (mut names, device) = (BTreeSet::new(), one.device());
    add(node, &format!("/sys/dev/block/{device}"), LAYERS, &mut names);
    let source = one.mount.as_ref().and_then(|mount| mount.source.strip_prefix("/dev/"));
    match source.map(|source| source.split_once('/').ok_or(source)) {
        Some(Err(name)) => {
            names.insert(name.to_owned());
            // btrfs has a device number of its own.
            add(node, &format!("/sys/class/block/{name}"), LAYERS, &mut names);
        }
        // Its number is its name (Linux: drivers/md/dm.c, alloc_dev).
        Some(Ok(("mapper", _))) => names.extend(device.split_once(':').map(|(_, minor)| format!("dm-{minor}"))),
        _ => {}
    }
    names
}

/// The names on the way to a device and to those that it is made of: a partition lies in the directory of its disk (Linux:
/// Documentation/ABI/stable/sysfs-block). A container's own `/sys` shows them as well as the host's, for namespaces hide
/// nothing there but network devices.
fn add(node: &Node, link: &str, layers: usize, names: &mut BTreeSet<String>) {
    let own = || fs::canonicalize(link).ok();
    let Some(at) = node.root().find(Path::new(link)).ok().or_else(own) else { return };
    let on_the_way = node.root().named(&at);
    names.extend(on_the_way.iter().map(|name| name.to_string_lossy().into_owned()));
    let made_of: Vec<PathBuf> =
        fs::read_dir(at.join("slaves")).into_iter().flatten().flatten().map(|e| e.path()).collect();
    for name in made_of.iter().filter_map(|path| path.file_name()?.to_str()).filter(|_| layers > 0) {
        add(node, &format!("/sys/class/block/{name}"), layers - 1, names);
    }
}

/// `sda1` is a part of `sda`, `nvme0n1p1` one of `nvme0n1` and of the controller `nvme0`.
fn is_part(name: &str, of: &str) -> bool {
    let Some(rest) = name.strip_prefix(of).filter(|rest| !rest.is_empty()) else { return false };
    let starts = if of.ends_with(|c: char| c.is_ascii_digit()) { rest.starts_with(['n', 'p']) } else { true };
    starts && !of.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, 'n' | 'p'))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Host;
    use super::*;

    fn reach(host: &Host, device: &str) -> Option<String> {
        Grounds::of(&host.node(), "").reach(device)
    }

    fn on(source: &str) -> Host {
        let host = Host::default();
        let line = format!("27 1 {} / / rw - ext4 {source} rw\n", host.device());
        host.file("/proc/1/mountinfo", line)
    }

    #[test]
    fn a_partition_is_known_by_its_own_name_and_by_its_disk_s() {
        for (source, its, others) in [
            ("/dev/sda1", ["sda1", "sda"], ["sda2", "sdaa"]),
            ("/dev/nvme0n1p1", ["nvme0n1p1", "nvme0"], ["nvme0n1p11", "nvme01"]),
            ("/dev/sda11", ["sda11", "sda"], ["sda1", "sdb"]),
        ] {
            let host = on(source);
            for device in its {
                assert_eq!(reach(&host, device).as_deref(), Some("kubelet disk, logs disk"), "{device} of {source}");
            }
            others.iter().for_each(|device| assert_eq!(reach(&host, device), None, "{device} of {source}"));
        }
        assert_eq!(reach(&on("/dev/sda1"), ""), None);
    }

    #[test]
    fn a_volume_rests_on_all_disks_that_it_is_made_of() {
        let host = on("/dev/mapper/vg-root");
        let link = format!("/sys/dev/block/{}", host.device());
        let disk = |name: &str| format!("/sys/devices/pci0/block/{name}/{name}2/slaves/");
        let host = host.dir("/sys/devices/virtual/block/dm-7/slaves").link(&link, "../../devices/virtual/block/dm-7");
        let host = ["sdx", "sdy"].iter().fold(host, |host, name| {
            let host = host.dir(&disk(name)).dir(&format!("/sys/devices/virtual/block/dm-7/slaves/{name}2"));
            host.link(&format!("/sys/class/block/{name}2"), &format!("../../devices/pci0/block/{name}/{name}2"))
        });
        for device in ["dm-7", "sdx", "sdx2", "sdy"] {
            assert!(reach(&host, device).is_some(), "{device}");
        }
        assert_eq!(reach(&host, "sdz"), None);
    }
}
