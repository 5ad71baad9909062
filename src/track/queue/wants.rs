//! What is wanted and not served by a pull that is known by name: with the kubelet's intents one for each image, else one
//! for each pod that waits.

use std::sync::Arc;
use std::time::Duration;

use super::candidate::Candidate;
use super::{Fetch, Waiting};
use crate::model::image::Reference;
use crate::model::intent::Intents;
use crate::model::{Time, since};
use crate::track::pull::{PullTrack, Pulls};

/// The times of API server and containerd may be apart by this.
const COARSE: Duration = Duration::from_secs(2);
/// Pods that came to their images within this time may have asked for them in any order.
const TOGETHER: Duration = Duration::from_secs(1);

/// An image that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// Its name.
    pub(super) image: Arc<str>,
    /// The pods that wait for it, by their place; none where the pod that wanted it is gone.
    pub(super) pods: Vec<usize>,
    /// The kubelet's intent: the image, and when it was seen first.
    pub(super) intent: Option<(Arc<str>, Time)>,
    /// Since when the first of the pods could have asked for it.
    since: Time,
    made: Option<Time>,
}

/// All wants, the first first.
pub(super) fn of(
    waiting: &[Waiting<'_>],
    fetches: &[Fetch],
    pulls: &Pulls,
    live: &[Candidate<'_>],
    now: Time,
) -> Vec<Want> {
    let unserved = |at: &usize| matches!(fetches.get(*at), Some(Fetch::Unknown));
    let mut wants: Vec<Want> = match pulls.intents(now) {
        Some(Intents::Told(images)) => {
            let open = images.iter().filter(|(image, _)| !live.iter().any(|pull| pull.is_for(image)));
            open.filter_map(|(image, seen)| Want::of_intent((image.clone(), *seen), waiting, unserved)).collect()
        }
        _ => {
            let asks = |at: &usize| unserved(at) && waiting.get(*at).is_some_and(|pod| !pod.here && !pod.served);
            (0..waiting.len()).filter(asks).filter_map(|at| Want::of_pod(at, waiting)).collect()
        }
    };
    wants.sort_by_key(|want| (want.asked(), want.since, want.made));
    wants
}

/// What was wanted since then was wanted when that pull began.
#[must_use]
pub fn wanted_before(since_when: Time, pull: &PullTrack) -> bool {
    since_when <= pull.began || since(pull.began, since_when) <= COARSE
}

impl Want {
    fn of_pod(at: usize, waiting: &[Waiting<'_>]) -> Option<Self> {
        let pod = waiting.get(at)?;
        Some(Self { image: pod.image.into(), pods: vec![at], intent: None, since: pod.since, made: pod.made })
    }

    /// None where all who waited for it have been served: the intent is about to go.
    fn of_intent(intent: (Arc<str>, Time), waiting: &[Waiting<'_>], unserved: impl Fn(&usize) -> bool) -> Option<Self> {
        let of_image = waiting.iter().enumerate().filter(|(_, pod)| Intents::is_for(&intent.0, pod.image));
        let (served, mut open): (Vec<_>, Vec<_>) = of_image.partition(|(_, pod)| pod.served);
        open.retain(|(at, _)| unserved(at));
        if open.is_empty() && !served.is_empty() {
            return None;
        }
        let first = open.iter().map(|(_, pod)| pod).min_by_key(|pod| (pod.since, pod.made));
        let (since, made) = first.map_or((intent.1, None), |pod| (pod.since, pod.made));
        let image = intent.0.clone();
        Some(Self { image, pods: open.into_iter().map(|(at, _)| at).collect(), since, made, intent: Some(intent) })
    }

    /// When the kubelet was asked for it, as far as can be told: an intent may be left of an earlier pod's.
    fn asked(&self) -> Time {
        self.intent.as_ref().map_or(self.since, |(_, seen)| self.since.max(*seen))
    }

    /// It was wanted when that pull began, which may be for its image.
    pub(super) fn may_be_of(&self, running: &Candidate<'_>) -> bool {
        (self.pods.is_empty() || wanted_before(self.since, running.pull)) && running.may_be_for(&self.image)
    }

    /// It is of the same image.
    pub(super) fn alike(&self, other: &Self) -> bool {
        Reference::parse(&self.image) == Reference::parse(&other.image)
    }

    /// Which of the two was wanted first is not certain.
    pub(super) fn together(&self, other: &Self) -> bool {
        let seen = |want: &Self| want.intent.as_ref().map(|(_, seen)| *seen).filter(|seen| *seen >= want.since);
        if let (Some(first), Some(second)) = (seen(self), seen(other))
            && first != second
        {
            return false;
        }
        let (first, second) = match (self.made, other.made) {
            (Some(first), Some(second)) => (first, second),
            _ => (self.since, other.since),
        };
        since(first.min(second), first.max(second)) < TOGETHER
    }
}
