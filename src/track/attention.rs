//! What is worth looking at now, for the observers: which of them have reason to look often, and for whom.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::PodUid;
use crate::model::observation::ApiState;
use crate::model::runtime::FailureKind;
use crate::model::stage::Stage;
use crate::model::volume::Mounting;
use crate::model::{Time, since};

use super::World;
use super::pause::PauseTrack;
use super::pod::PodTrack;
use super::readings::API_SERVER;

/// A pod that has stood at one stage for so long is not looked at more often than a calm node: a pod in back-off for hours
/// must not cost the runtime a list a second.
pub(super) const SPAN: Duration = Duration::from_secs(600);

/// So long after it came a pod's first pull is about to begin. One whose sandbox takes longer waits for something else.
const NEW: Duration = Duration::from_secs(10);

/// What was in doubt is followed for so long after it is well: longer than a story takes to end.
const FOLLOWED: Duration = Duration::from_secs(120);

/// What is found broken is looked at closely for so long: longer than most of it has to dwell.
const SETTLING: Duration = Duration::from_secs(60);

impl World {
    /// Something is starting or going wrong, so it is worth looking often.
    #[must_use]
    pub fn busy(&self, now: Time) -> bool {
        self.runtime.failing().is_some() || self.moving(now).next().is_some()
    }

    /// Something of the node was found broken lately, which is told once it has dwelt.
    #[must_use]
    pub fn settling(&self, now: Time) -> bool {
        let pause = self.pause.as_ref().and_then(PauseTrack::missing).map(|(since, _)| since);
        let mut broken = pause.into_iter().chain(self.broken(now));
        broken.any(|began| since(began, now) < SETTLING)
    }

    /// When the newest trouble of the node began. What lies at the root of it may have begun with it: whoever could see that
    /// is to look again.
    #[must_use]
    pub fn troubled_since(&self, now: Time) -> Option<Time> {
        let calls = self.runtime.failing().map(|failing| failing.since);
        let network = self.network.ready.as_ref().filter(|(_, ready)| !ready.status).map(|(since, _)| *since);
        let pause = self.pause.as_ref().and_then(PauseTrack::missing).map(|(since, _)| since);
        calls.into_iter().chain(network).chain(pause).chain(self.broken(now)).max()
    }

    /// Since when each of those is broken that a probe finds so.
    fn broken(&self, now: Time) -> impl Iterator<Item = Time> {
        self.readings.all(now).filter(|course| course.is_broken()).map(|course| course.since)
    }

    /// A pod waits for an image, as far as can be told.
    #[must_use]
    pub fn awaits_image(&self, now: Time) -> bool {
        let at_image = |pod: &PodTrack| matches!(pod.place.stage, Stage::ImageQueue | Stage::ImagePull);
        self.moving(now).any(|pod| at_image(pod) || pod.awaited().is_some())
    }

    /// The images of pods that came within the last ten seconds and have no sandbox yet: the kubelet is about to ask for them.
    #[must_use]
    pub fn images_expected(&self, now: Time) -> Arc<[Arc<str>]> {
        let new = |track: &&PodTrack| track.place.stage <= Stage::Sandbox && since(track.seen_first, now) < NEW;
        let pods = self.starting().filter(new).filter_map(|track| track.pod.as_ref());
        let images = pods.flat_map(|pod| pod.containers.iter().map(|slot| slot.image.clone()));
        images.collect::<BTreeSet<_>>().into_iter().collect()
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

    /// The way to the API server is worth asking: it does not answer this agent, or by another clock, or the node is not
    /// ready. Once asked, until it has been well for a while, so that the end is seen too.
    #[must_use]
    pub fn way_in_doubt(&self, now: Time) -> bool {
        let silent = self.api.as_ref().is_some_and(|(_, state)| matches!(state, ApiState::Unreachable(_)));
        let not_ready = self.node.node.as_ref().is_some_and(|node| node.ready() != Some(true));
        silent || not_ready || self.is_followed(API_SERVER, now)
    }

    /// The pods whose mounts may hang: those that wait for volumes, those on their way out, and all while the runtime hangs.
    #[must_use]
    pub fn mounts_in_doubt(&self, now: Time) -> Arc<[PodUid]> {
        let hangs = self.runtime.failing().is_some_and(|failing| failing.failure.kind == FailureKind::TimedOut);
        let all = hangs || self.is_followed("mounts", now);
        let leaves = |track: &PodTrack| track.pod.as_ref().is_some_and(|pod| pod.deleting);
        let waits = |track: &PodTrack| track.starting() && track.place.stage == Stage::Volumes;
        let suspect = |track: &&PodTrack| all || waits(track) || leaves(track);
        self.pods.values().filter(suspect).map(|track| track.id.uid.clone()).collect()
    }

    /// The probe was asked, and what it looks at has not been well for long.
    fn is_followed(&self, probe: &'static str, now: Time) -> bool {
        self.readings.of(probe, now).any(|course| course.is_unsettled(FOLLOWED, now))
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
