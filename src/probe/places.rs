//! The directories without which no pod runs, and the file systems on which they lie: what the probes of file systems
//! judge. A directory that is not seen lies on no file system that is known: a link on the way to it may lead elsewhere.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, statvfs};

use super::Node;
use super::lost;
use crate::host::Lost;
use crate::host::mountinfo::{Mount, holding};
use crate::model::reading::{Missing, Reading};

/// The mounts of the host's first process, thus of the host; everybody may read them (Linux: fs/proc_namespace.c).
pub(super) const HOST_MOUNTS: &str = "/proc/1/mountinfo";
/// A node of 500 pods has some 4,000 lines.
const TABLE_AT_MOST: u64 = 8 << 20;

/// One of these directories.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Who needs it.
    pub(super) whose: &'static str,
    /// As the host names it.
    pub(super) path: &'a Path,
}

/// A file system, and those who need it: never nobody.
#[derive(Debug)]
pub(super) struct FileSystem<'a> {
    /// Where this process can ask it.
    pub(super) at: PathBuf,
    /// Its mount on the host, where the host's table can be read.
    pub(super) mount: Option<Mount>,
    /// Who needs it, in the order in which they are always named.
    pub(super) places: Vec<Place<'a>>,
    /// Device and size: what tells one file system from another.
    identity: (String, u64),
}

/// The file systems that are seen, and of each directory that is not what lacks, as a reading of `probe`.
pub(super) fn file_systems<'a>(node: &'a Node, probe: &'static str) -> (Vec<FileSystem<'a>>, Vec<Reading>) {
    let table = node.root().read(Path::new(HOST_MOUNTS), TABLE_AT_MOST).unwrap_or_default();
    let (mut seen, mut unseen): (Vec<FileSystem<'_>>, _) = (Vec::new(), Vec::new());
    for place in places(node) {
        match file_system(node, &table, place) {
            Ok(one) => match seen.iter_mut().find(|known| known.identity == one.identity) {
                Some(known) => known.places.push(place),
                None => seen.push(one),
            },
            Err(lost) => unseen.push(unknown(probe, &place, &table, &lost)),
        }
    }
    (seen, unseen)
}

/// Where the runtime's root is not known, the layer of this container tells on which file system it must be.
fn places(node: &Node) -> impl Iterator<Item = Place<'_>> {
    let runtime = node.runtime_root.as_deref().or(node.mounts.layer());
    let all = [("kubelet", Some(&*node.kubelet_root)), ("logs", Some(&*node.pod_logs)), ("runtime", runtime)];
    all.into_iter().filter_map(|(whose, path)| Some(Place { whose, path: path? }))
}

/// The file system of one of them alone. The host's table is believed where it
/// names the device that is seen: a kubelet may have mounts of its own that the table does not know. btrfs shows another
/// device for each of its subvolumes, and an overlay hides the one below it.
fn file_system<'a>(node: &Node, table: &[u8], place: Place<'a>) -> Result<FileSystem<'a>, Lost> {
    let (root, path) = (node.root(), place.path);
    let (at, real, hidden) = match (root.find(path), layer_in(node, path)) {
        (Ok(at), _) => (at.clone(), root.named(&at), false),
        (Err(_), Some(layer)) => (PathBuf::from("/"), layer.to_owned(), true),
        (Err(lost), None) => return Err(lost),
    };
    let device = at.metadata().map_err(|error| Lost::Unknown(format!("{}: {error}", path.display())))?.dev();
    let device = format!("{}:{}", major(device), minor(device));
    let mount = holding(table, &real).filter(|mount| hidden || mount.device == device || mount.kind == "btrfs");
    let device = mount.as_ref().map_or(device, |mount| mount.device.clone());
    let size = statvfs(&at).map_or(0, |stat| stat.f_blocks.saturating_mul(stat.f_frsize));
    Ok(FileSystem { at, mount, identity: (device, size), places: vec![place] })
}

/// The runtime keeps the root of this container in this directory: an overlay answers for the file system that it is
/// written to (Linux: ovl_statfs in fs/overlayfs/super.c).
fn layer_in<'a>(node: &'a Node, path: &Path) -> Option<&'a Path> {
    node.mounts.layer().filter(|layer| layer.starts_with(path))
}

fn unknown(probe: &'static str, place: &Place<'_>, table: &[u8], lost: &Lost) -> Reading {
    match (lost, holding(table, place.path)) {
        (Lost::Unknown(why), Some(mount)) => {
            let (source, point) = (&mount.source, mount.point.display());
            let why = format!("{why}; it seems to lie on {source}, mounted at {point}");
            Reading::unknown(probe, place.whose, Missing::Access, why)
        }
        _ => lost::unknown(probe, place.whose, place.path, lost),
    }
}

impl FileSystem<'_> {
    /// By whom it is known: the first who needs it, so that the name stays when another one is found.
    pub(super) fn name(&self) -> &'static str {
        self.places.first().map_or("", |place| place.whose)
    }

    /// All who need it, in words.
    pub(super) fn users(&self) -> String {
        self.places.iter().map(|place| place.whose).collect::<Vec<_>>().join(", ")
    }

    /// The number of its device, `8:1`.
    pub(super) fn device(&self) -> &str {
        &self.identity.0
    }

    /// Whom it takes along when it fails, in the words of [`REACH`](crate::model::reading::REACH).
    pub(super) fn reach(&self) -> String {
        self.places.iter().map(|place| format!("{} disk", place.whose)).collect::<Vec<_>>().join(", ")
    }

    /// Whether one needs it.
    pub(super) fn serves(&self, whose: &str) -> bool {
        self.places.iter().any(|place| place.whose == whose)
    }

    /// As a person would look for it: where it is mounted, or the directory that lies on it.
    pub(super) fn place(&self) -> String {
        let first = self.places.first().map(|place| place.path);
        let point = self.mount.as_ref().map(|mount| &*mount.point).or(first);
        point.map(|path| path.display().to_string()).unwrap_or_default()
    }
}
