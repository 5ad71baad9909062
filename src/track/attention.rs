//! What is worth looking at now, for the observers: which of them have reason to look often, and for whom.

use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::PodUid;
use crate::model::stage::Stage;
use crate::model::volume::Mounting;
use crate::model::{Time, since};

use super::World;
use super::pod::PodTrack;

/// A pod that has stood at one stage for so long is not looked at more often than a calm node: a pod in back-off for hours
/// must not cost the runtime a list a second.
pub(super) const SPAN: Duration = Duration::from_secs(600);

impl World {
    /// Something is starting or going wrong, so it is worth looking often.
    #[must_use]
    pub fn busy(&self, now: Time) -> bool {
        self.runtime.failing().is_some() || self.moving(now).next().is_some()
    }

    /// A pod waits for an image, as far as can be told.
    #[must_use]
    pub fn awaits_image(&self, now: Time) -> bool {
        let at_image = |pod: &PodTrack| matches!(pod.place.stage, Stage::ImageQueue | Stage::ImagePull);
        self.moving(now).any(|pod| at_image(pod) || pod.awaited().is_some())
    }

    /// Pods on their way to running that were seen to move lately: one that is stuck for good is looked at with the rest.
    pub fn moving(&self, now: Time) -> impl Iterator<Item = &PodTrack> {
        let moved = |pod: &PodTrack| pod.since().max(pod.place.since).max(pod.seen_first);
        self.starting().filter(move |pod| since(moved(pod), now) < SPAN)
    }

    /// The pods without a sandbox, as long as one of them is known to wait for it: those on their way out among them, for
    /// the runtime may still be busy with theirs.
    #[must_use]
    pub fn sandboxes_awaited(&self) -> Arc<[PodUid]> {
        let without = |track: &&PodTrack| track.pod.is_some() && track.place.stage <= Stage::Sandbox;
        match self.starting().any(|track| track.place.stage == Stage::Sandbox && track.pod.is_some()) {
            true => self.pods.values().filter(without).map(|track| track.id.uid.clone()).collect(),
            false => Arc::default(),
        }
    }

    /// Pods that wait for volumes or claims that only a look or a question can tell more of.
    pub fn mounting(&self) -> impl Iterator<Item = Mounting> {
        let waiting = self.starting().filter(|track| track.place.stage == Stage::Volumes);
        waiting.filter_map(|track| {
            let waits = track.pod.as_ref().map(|pod| &pod.waits).filter(|waits| !waits.is_empty())?;
            Some(Mounting { pod: track.id.clone(), since: track.since(), waits: waits.clone() })
        })
    }
}
