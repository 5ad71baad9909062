//! How much of the disk that holds images is free, and what of that a set may use. Never writes, and never guesses: a disk
//! that can't be seen is unknown.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::statvfs;

use self::claims::Claims;
use super::asking::Asking;
use crate::client::cri::Cri;
use crate::host::{Mounts, Root};
use crate::model::pull::{Layer, Pull, sum};

mod claims;

pub(super) use self::claims::Claim;

/// A disk that does not answer within this time is not seen.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// What layers that are compressed, as nearly all are, take unpacked: two to three times their size as a rule.
const UNPACKED: u64 = 3;

/// The file system of images, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that are free for everybody.
    pub free: u64,
    /// Its size in bytes.
    pub size: u64,
}

impl Space {
    /// What may be used of it where so many percent stay free.
    #[must_use]
    pub fn above(self, min_free: u8) -> u64 {
        self.free.saturating_sub(self.share(min_free))
    }

    /// So many percent of its size.
    #[must_use]
    pub fn share(self, percent: u8) -> u64 {
        u64::try_from(u128::from(self.size) * u128::from(percent) / 100).unwrap_or(u64::MAX)
    }
}

/// What a pull still takes: the bytes that are to come, and all its layers that are to come unpacked. Layers that are here
/// are taken to be unpacked, for most are of other images; that is why the disk is looked at during the pull too.
#[must_use]
pub fn needs(pull: &Pull) -> u64 {
    sum(missing(pull).map(takes))
}

/// What a pull takes that is cut off in the middle and begun again: what was unpacked of it by then is taken off the disk. 0
/// where its layers are not known yet.
#[must_use]
pub fn needs_again(pull: &Pull) -> u64 {
    sum(pull.layers.iter().filter(|_| pull.complete_list).map(takes))
}

/// What an image of that size holds, with what it is unpacked to. The runtime's own size of it is that of what was downloaded
/// (containerd: internal/cri/store/image/image.go).
pub(super) fn holds(size: u64) -> u64 {
    size.saturating_add(size.saturating_mul(UNPACKED))
}

fn missing(pull: &Pull) -> impl Iterator<Item = &Layer> {
    pull.layers.iter().filter(|layer| layer.offset < layer.total)
}

/// The bytes of a layer that are to come, and all of it unpacked.
fn takes(layer: &Layer) -> u64 {
    layer.total.saturating_sub(layer.offset).saturating_add(layer.total.saturating_mul(UNPACKED))
}

/// Where images are, how that disk is asked, and what pulls have claimed of it. Cheap to copy; all copies know the same.
#[derive(Clone, Debug)]
pub struct Disk {
    cri: Cri,
    root: Arc<Path>,
    looks: Asking,
    claims: Claims,
}

impl Disk {
    /// The disk of this runtime; `root` is where the host's root is seen.
    #[must_use]
    pub fn new(cri: Cri, root: &Path) -> Self {
        Self { cri, root: root.into(), looks: Asking::new(1, ANSWERS_WITHIN), claims: Claims::default() }
    }

    /// How full it is; none where it can't be seen.
    pub async fn space(&self) -> Option<Space> {
        let answer = self.cri.image_fs_info().await.ok()?;
        let place = PathBuf::from(answer.image_filesystems.into_iter().next()?.fs_id?.mountpoint);
        let root = self.root.clone();
        self.looks.ask(move || look(&root, &place)).await?
    }

    /// Claims of this room what a pull takes; else what is left of it beside the claims of others.
    pub(super) fn claim(&self, pull: &Pull, room: u64) -> Result<Claim, u64> {
        self.claims.claim(pull, room)
    }

    /// What is left of it once all pulls under way have what they claimed.
    pub(super) fn beside_claims(&self, space: Space) -> Space {
        Space { free: space.free.saturating_sub(self.claims.total()), ..space }
    }
}

/// An overlay answers for the file system that it is written to (Linux: ovl_statfs in fs/overlayfs/super.c): where the
/// runtime keeps this container among its images, `/` tells what is not mounted here.
fn look(root: &Path, place: &Path) -> Option<Space> {
    let mounts = Mounts::at(root).ok()?;
    let own = mounts.layer().is_some_and(|layer| layer.starts_with(place));
    let at = Root(&mounts).find(place).ok().or(own.then(|| PathBuf::from("/")))?;
    let stat = statvfs(&at).ok()?;
    Some(Space { free: stat.f_bavail.saturating_mul(stat.f_frsize), size: stat.f_blocks.saturating_mul(stat.f_frsize) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer of which so many bytes are here.
    pub(super) fn layer(digest: &str, offset: u64, total: u64) -> Layer {
        Layer { digest: digest.into(), offset, total, active: false, elsewhere: false, updated: None }
    }

    /// A pull whose manifest is here.
    pub(super) fn pull(layers: Vec<Layer>) -> Pull {
        Pull {
            lease: "l".into(),
            own: None,
            began: None,
            repositories: Vec::new(),
            manifests: Vec::new(),
            document: None,
            layers,
            complete_list: true,
        }
    }

    #[test]
    fn a_set_uses_what_lies_above_its_floor() {
        let space = Space { free: 300, size: 1_000 };
        assert_eq!((space.above(20), space.above(30), space.above(40)), (100, 0, 0));
        assert_eq!(Space { free: 0, size: u64::MAX }.share(99), u64::MAX / 100 * 99 + u64::MAX % 100 * 99 / 100);
    }

    #[test]
    fn a_pull_needs_what_is_to_come_and_that_unpacked() {
        let pull = pull(vec![layer("a", 100, 100), layer("b", 40, 100), layer("c", 0, 10)]);
        assert_eq!(needs(&pull), (60 + 300) + (10 + 30));
        assert_eq!(needs_again(&pull), 300 + (60 + 300) + (10 + 30));
        assert_eq!(needs_again(&Pull { complete_list: false, ..pull }), 0);
    }

    #[test]
    fn sizes_that_no_registry_has_are_more_than_any_disk_has() {
        let pull = pull(vec![layer("a", 0, u64::MAX), layer("b", 1, u64::MAX), layer("c", 0, u64::MAX / 2)]);
        assert_eq!((needs(&pull), needs_again(&pull), holds(u64::MAX)), (u64::MAX, u64::MAX, u64::MAX));
        assert_eq!((pull.total(), pull.done()), (Some(u64::MAX), 1));
    }

    #[test]
    fn the_disk_of_a_directory_is_seen_below_a_prefix_and_not_where_nothing_is() {
        let host = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(host.path().join("var/lib/containerd")).unwrap();
        let seen = look(host.path(), Path::new("/var/lib/containerd")).unwrap();
        assert!(seen.size > 0 && seen.free <= seen.size);
        assert_eq!(look(host.path(), Path::new("/var/lib/nothing")), None);
    }
}
