//! Pins of ours on images to keep: set where containerd heeds them, up to a share of the disk, and taken off when an image is
//! to be kept no more. Removes no image, and touches no pin of anybody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::room::{self, Disk};
use crate::client::containerd::{Containerd, Pin};
use crate::client::cri::Cri;
use crate::model::image::Reference;
use crate::model::runtime::CallFailure;

/// Pins images of one containerd.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    pub(super) cri: Cri,
    pub(super) containerd: Containerd,
    pub(super) disk: Disk,
}

impl Keeper {
    /// Pins these images, the first ones first, as far as they take no more than that share of the disk, and takes our pins
    /// off all others but those to spare. Where pins are not heeded none is set: such images are watched and pulled again.
    pub(super) async fn keep(
        &self,
        images: &[Arc<str>],
        percent: u8,
        spared: &BTreeSet<Arc<str>>,
    ) -> Result<(), CallFailure> {
        let heeded = self.containerd.runtime().await?.containerd().is_some_and(heeds_pins);
        let wanted = if heeded { self.within(images, percent).await } else { BTreeSet::new() };
        let spared: BTreeSet<String> = spared.iter().map(|image| Reference::parse(image).full_name()).collect();
        for name in self.containerd.pinned_by_us().await? {
            if !wanted.contains(&name) && !spared.contains(&name) {
                self.containerd.unpin(&name).await?;
            }
        }
        for name in wanted {
            if self.containerd.pin(&name).await? == Some(Pin::Theirs) {
                tracing::debug!(image = name, "somebody else has pinned it");
            }
        }
        Ok(())
    }

    /// The names of as many of them as the share has room for.
    async fn within(&self, images: &[Arc<str>], percent: u8) -> BTreeSet<String> {
        let room = self.disk.space().await.map_or(0, |space| space.share(percent));
        let mut sizes = Vec::new();
        for image in images {
            sizes.extend(self.size(image).await.map(|size| (&**image, size)));
        }
        names_within(room, &sizes)
    }

    async fn size(&self, image: &str) -> Option<u64> {
        self.cri.image_status(image).await.result.ok()?.image.map(|image| image.size)
    }
}

/// By what each of them is reckoned to hold.
fn names_within(mut room: u64, sizes: &[(&str, u64)]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (image, size) in sizes {
        if let Some(left) = room.checked_sub(room::holds(*size)) {
            room = left;
            names.insert(Reference::parse(image).full_name());
        }
    }
    names
}

/// (containerd: pkg/cri/store/image/image.go, from 1.6.25 and 1.7.10 on)
fn heeds_pins(release: (u32, u32, u32)) -> bool {
    match release {
        (1, 6, patch) => patch >= 25,
        (1, 7, patch) => patch >= 10,
        (major, ..) => major >= 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_kept_by_what_they_hold_unpacked_and_not_by_what_was_downloaded() {
        let names = names_within(100, &[("a", 10), ("b", 20), ("c", 15), ("d", 1)]);
        assert_eq!(names, ["a", "c"].map(|name| format!("docker.io/library/{name}:latest")).into());
        assert!(names_within(u64::MAX, &[("a", u64::MAX)]).len() == 1 && names_within(0, &[("a", 1)]).is_empty());
    }

    #[test]
    fn pins_are_heeded_from_the_releases_on_that_know_them() {
        for (release, heeded) in [
            ((1, 5, 18), false),
            ((1, 6, 20), false),
            ((1, 6, 25), true),
            ((1, 7, 9), false),
            ((1, 7, 24), true),
            ((2, 0, 0), true),
        ] {
            assert_eq!(heeds_pins(release), heeded, "{release:?}");
        }
    }
}
