//! Which of the pods that wait for an image are served by a pull that runs, and which wait for their turn. CRI and the
//! kubelet's Events can't tell the two apart: `Pulling` is said before a pull is queued (Kubernetes:
//! pkg/kubelet/images/image_manager.go); containerd's records can, and the kubelet's intents say in which order.

mod turns;
mod wants;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Time, since};

use super::pull::{PullTrack, Pulls};

/// A pod that came to its image less than this ago has no pull yet, and that says nothing.
const SETTLES: Duration = Duration::from_secs(3);
/// A lease under which nothing came for so long is what a crash left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(1_800);

/// How the image that a pod waits for stands with containerd.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fetch {
    /// Nothing tells: pulls can't be seen.
    #[default]
    Unknown,
    /// Pulls can be seen, and none is known to be its own: it was not asked for yet, or it is here.
    Idle,
    /// A pull of it runs.
    Running {
        /// Its lease.
        lease: Arc<str>,
        /// When it began.
        began: Time,
        /// How that is known.
        by: Told,
    },
    /// A pull of it runs as far as the kubelet's own records tell; the runtime shows no pulls.
    Asked {
        /// Since when nothing stood before it.
        began: Time,
    },
    /// It waits for its turn.
    Queued {
        /// Leases of the pulls that run meanwhile, the oldest first.
        ahead: Vec<Arc<str>>,
        /// What it waits for.
        line: Line,
    },
}

/// What an image waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// No pull of it runs, while others do: why can't be told.
    Unknown,
    /// Its turn with the kubelet.
    Kubelet {
        /// So many pulls run beside each other.
        at_once: NonZeroU32,
        /// So many images that do not run yet come before it; none where that can't be told.
        before: Option<usize>,
    },
    /// One of containerd's downloads, of which the whole node has a few (from 2.1 on).
    Slot {
        /// Its own lease.
        lease: Arc<str>,
    },
}

/// How it is known whose image a pull fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// containerd's records name its repository.
    Name,
    /// It names nothing yet, and the kubelet wanted this image first.
    Intent,
    /// It names nothing yet, and this pod came first.
    Turn,
    /// It names nothing yet, and this pod came first together with others.
    Guess,
}

/// A pod that waits for an image.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The image as its spec names it.
    pub image: &'a str,
    /// Since when it could have asked for it.
    pub since: Time,
    /// When its sandbox was made: finer than the API server's seconds, it tells who of two came first.
    pub made: Option<Time>,
    /// The pull of its image was seen, and is over: what is waited for may be another thing.
    pub served: bool,
    /// The image was on the node when it was asked for last: likewise, unless the kubelet wants it pulled all the same.
    pub here: bool,
}

/// How an image stands of which no pull is known.
#[must_use]
pub fn unserved(pulls: &Pulls) -> Fetch {
    if pulls.listed { Fetch::Idle } else { Fetch::Unknown }
}

/// How the image of each stands, in their order.
///
/// A pull that has not read a manifest yet does not tell whose image it fetches: the kubelet serves in turn, so it is
/// taken to be for what was wanted first and had been when it began. Of what was wanted together with that nothing is known.
#[must_use]
pub fn assign(waiting: &[Waiting<'_>], pulls: &Pulls, now: Time) -> Vec<Fetch> {
    let live: Vec<&PullTrack> = by_age(pulls).filter(|pull| !left_behind(pull, now)).collect();
    let mut fetches: Vec<Fetch> = waiting.iter().map(|pod| served(pod, &live)).collect();
    let wants = wants::of(waiting, &fetches, pulls, &live, now);
    let told = match pulls.unseen {
        None => turns::with_pulls(wants, pulls, &live),
        Some(_) => turns::without_pulls(wants, pulls),
    };
    for (pod, fetch) in told {
        let settled = waiting.get(pod).is_some_and(|pod| since(pod.since, now) >= SETTLES);
        // What the kubelet itself has written down needs no time to settle.
        let worth_saying = settled || !matches!(fetch, Fetch::Queued { line: Line::Unknown | Line::Slot { .. }, .. });
        if let Some(place) = fetches.get_mut(pod).filter(|_| worth_saying) {
            *place = fetch;
        }
    }
    fetches.into_iter().map(|fetch| in_line_for_slot(fetch, pulls, &live)).collect()
}

/// A pull that runs and waits for a download of others to end stands in line like one that has not begun.
fn in_line_for_slot(fetch: Fetch, pulls: &Pulls, live: &[&PullTrack]) -> Fetch {
    match fetch {
        Fetch::Running { lease, by, .. }
            if by != Told::Guess && pulls.running.get(&lease).is_some_and(|pull| pull.waits_for_slot) =>
        {
            let ahead = live.iter().filter(|pull| !pull.waits_for_slot).map(|pull| pull.pull.lease.clone()).collect();
            Fetch::Queued { ahead, line: Line::Slot { lease } }
        }
        fetch => fetch,
    }
}

/// The kubelet's pulls. Our own stand in nobody's way: they go past its queue.
fn by_age(pulls: &Pulls) -> impl Iterator<Item = &PullTrack> {
    let mut all: Vec<&PullTrack> = pulls.running.values().filter(|pull| pull.pull.own.is_none()).collect();
    all.sort_by_key(|pull| pull.began);
    all.into_iter()
}

fn left_behind(pull: &PullTrack, now: Time) -> bool {
    let moved = if pull.pull.layers.is_empty() { pull.began } else { pull.moved };
    since(moved, now) >= LEFT_BEHIND
}

fn served(pod: &Waiting<'_>, live: &[&PullTrack]) -> Fetch {
    let fetching = live.iter().filter(|pull| pull.fetches(pod.image));
    fetching.max_by_key(|pull| pull.weight()).map_or(Fetch::Unknown, |pull| running(pull, Told::Name))
}

fn running(pull: &PullTrack, by: Told) -> Fetch {
    Fetch::Running { lease: pull.pull.lease.clone(), began: pull.began, by }
}

#[cfg(test)]
mod tests;
