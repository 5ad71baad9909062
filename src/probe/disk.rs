//! Space and inodes of the file systems that the kubelet, the runtime and the pods' logs need.

use std::path::Path;

use super::Node;
use crate::model::reading::{Missing, Reading, Unit};
use crate::model::wording::size;

/// Its id.
pub const ID: &str = "disk";

/// Below this share of free space the kubelet begins to evict (Kubernetes: pkg/kubelet/eviction/defaults_linux.go,
/// nodefs.available<10%); images it collects from 85 % used on.
const EVICTS: f64 = 0.10;
/// Below this share of free inodes the kubelet begins to evict (likewise, nodefs.inodesFree<5%).
const EVICTS_INODES: f64 = 0.05;
/// As good as nothing.
const FULL: f64 = 0.01;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let places = [
        ("kubelet", Some(&node.kubelet_root)),
        ("logs", Some(&node.pod_logs)),
        ("runtime", node.runtime_root.as_ref()),
    ];
    places
        .into_iter()
        .filter_map(|(whose, place)| Some((whose, place?)))
        .flat_map(|(whose, place)| one(node, whose, place))
        .collect()
}

fn one(node: &Node, whose: &'static str, place: &Path) -> Vec<Reading> {
    let seen = match node.root().find(place) {
        Ok(seen) => seen,
        Err(lost) => return vec![Reading::unknown(ID, whose, Missing::Access, lost.to_string())],
    };
    let Ok(stat) = rustix::fs::statvfs(&seen) else {
        return vec![Reading::unknown(
            ID,
            whose,
            Missing::Answer,
            format!("{} does not say how full it is", place.display()),
        )];
    };
    #[expect(clippy::cast_precision_loss, reason = "a share of a disk needs no more than 52 bits")]
    let [blocks, free, files, free_files] =
        [stat.f_blocks, stat.f_bavail, stat.f_files, stat.f_favail].map(|count| count as f64);
    let bytes = stat.f_bavail.saturating_mul(stat.f_frsize);
    #[expect(clippy::cast_precision_loss, reason = "likewise")]
    let unit = stat.f_frsize as f64;
    let says =
        format!("{} free of {} ({})", size(bytes), size(stat.f_blocks.saturating_mul(stat.f_frsize)), place.display());
    let space = judge(free / blocks.max(1.0), EVICTS, Reading::fine(ID, whose, says), "DiskFull");
    let space = space.of_amount((blocks - free) * unit, blocks * unit, Unit::Bytes);
    // Some file systems make inodes as they are needed and count none.
    let inodes = (files > 0.0).then(|| {
        let says = format!("{free_files} inodes free of {files} ({})", place.display());
        let reading = judge(
            free_files / files,
            EVICTS_INODES,
            Reading::fine(ID, &format!("{whose}, inodes"), says),
            "InodesExhausted",
        );
        reading.of_amount(files - free_files, files, Unit::Count)
    });
    [space].into_iter().chain(inodes).collect()
}

fn judge(free: f64, little: f64, fine: Reading, cause: &'static str) -> Reading {
    use crate::model::reading::Verdict;
    match () {
        () if free < FULL => Reading { verdict: Verdict::Broken, cause, ..fine },
        () if free < little => Reading { verdict: Verdict::Suspect, cause, ..fine },
        () => fine,
    }
}
