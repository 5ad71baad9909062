//! What a pull that runs may be for: containerd's records name its repository, never its tag. Not whose turn it is.

use super::{Waiting, wanted_before};
use crate::model::Time;
use crate::model::image::Reference;
use crate::model::intent::Intents;
use crate::track::pull::{PullTrack, Pulls};

/// A pull that runs, and the images that it may be for.
pub(super) struct Candidate<'a> {
    pub(super) pull: &'a PullTrack,
    images: Vec<&'a str>,
}

impl<'a> Candidate<'a> {
    /// What the kubelet's intents name of its repository, else what the pods wait for that have to have it pulled; but not
    /// what was wanted only after it had begun, if anything was before.
    pub(super) fn of(pull: &'a PullTrack, waiting: &[Waiting<'a>], pulls: &'a Pulls, now: Time) -> Self {
        let intents = pulls.intents(now).into_iter().flat_map(Intents::images);
        let mut images: Vec<&str> = intents.filter(|image| pull.fetches(image)).collect();
        if images.is_empty() {
            let absent = waiting.iter().filter(|pod| !pod.here).map(|pod| pod.image);
            images = absent.filter(|image| pull.fetches(image)).collect();
        }
        // A crowd of pods waits for a few images.
        images.sort_unstable();
        images.dedup();
        let late = |image: &str| {
            let mut pods = waiting.iter().filter(|pod| Intents::is_for(image, pod.image)).peekable();
            pods.peek().is_some() && pods.all(|pod| !wanted_before(pod.since, pull))
        };
        let early: Vec<&str> = images.iter().copied().filter(|image| !late(image)).collect();
        Self { pull, images: if early.is_empty() { images } else { early } }
    }

    /// Its records alone tell that it is for that image.
    pub(super) fn is_for(&self, image: &str) -> bool {
        let reference = Reference::parse(image);
        let alone = !self.images.is_empty() && self.images.iter().all(|other| Reference::parse(other) == reference);
        alone || self.pull.has_digest_of(&reference)
    }

    /// Nothing in its records tells for which image it is.
    pub(super) fn open(&self) -> bool {
        self.pull.nameless() || self.pull.contested(self.images.iter().copied())
    }

    /// Its records leave it possible that it is for that image.
    pub(super) fn may_be_for(&self, image: &str) -> bool {
        self.pull.nameless() || self.pull.fetches(image)
    }
}
