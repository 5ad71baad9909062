//! Which of the pods that wait for an image are served by a pull that runs, and which wait for their turn. CRI and the
//! kubelet's Events can't tell the two apart: `Pulling` is said before a pull is queued (Kubernetes:
//! pkg/kubelet/images/image_manager.go); containerd's records can.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{Time, since};

use super::pull::{PullTrack, Pulls};

/// A pod that came to its image less than this ago has no pull yet, and that says nothing.
const SETTLES: Duration = Duration::from_secs(3);
/// The times of API server and containerd may be apart by this.
const COARSE: Duration = Duration::from_secs(2);
/// Pods that came to their images within this time may have asked for them in any order.
const TOGETHER: Duration = Duration::from_secs(1);
/// A lease under which nothing came for so long is what a crash left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(1_800);

/// How the image that a pod waits for stands with containerd.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fetch {
    /// Nothing tells: pulls can't be seen, none is under way, or the image may be here.
    #[default]
    Unknown,
    /// A pull of it runs.
    Running {
        /// Its lease.
        lease: Arc<str>,
        /// When it began.
        began: Time,
        /// How that is known.
        by: Told,
    },
    /// No pull of it runs, while others do.
    Queued {
        /// Their leases, the oldest first.
        ahead: Vec<Arc<str>>,
    },
}

/// How it is known whose image a pull fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// containerd's records name its repository.
    Name,
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
    /// The image was on the node when images were listed last, or its pull is over: what is waited for may be another thing.
    pub here: bool,
}

/// How the image of each stands, in their order.
///
/// A pull that has not read a manifest yet does not tell whose image it fetches: the kubelet serves in turn, so it is
/// taken to be for the pod that came first and had come when it began; of those who came together with that one nothing is
/// known.
#[must_use]
pub fn assign(waiting: &[Waiting<'_>], pulls: &Pulls, now: Time) -> Vec<Fetch> {
    let live: Vec<&PullTrack> = by_age(pulls).filter(|pull| !left_behind(pull, now)).collect();
    let mut fetches: Vec<Fetch> = waiting.iter().map(|pod| served(pod, &live)).collect();
    let asks = |at: &usize| waiting.get(*at).is_some_and(|pod| !pod.here) && unserved(&fetches, *at);
    let mut first_come: Vec<usize> = (0..waiting.len()).filter(asks).collect();
    first_come.sort_by_key(|at| waiting.get(*at).map(|pod| (pod.since, pod.made)));
    let mut heads = Vec::new();
    for nameless in live.iter().filter(|pull| pull.nameless()) {
        let came = |at: &usize| waiting.get(*at).is_some_and(|pod| could_be_of(pod, nameless));
        if let Some(next) = first_come.iter().position(came) {
            let head = first_come.remove(next);
            heads.push((head, *nameless));
        }
    }
    for (head, nameless) in &heads {
        let sure = !first_come.iter().any(|at| together(waiting.get(*head), waiting.get(*at)));
        set(&mut fetches, *head, running(nameless, if sure { Told::Turn } else { Told::Guess }));
    }
    // Whose it is can't be told among those who came together, so nothing is said of the others.
    first_come.retain(|at| !heads.iter().any(|(head, _)| together(waiting.get(*head), waiting.get(*at))));
    let ahead: Vec<Arc<str>> = live.iter().map(|pull| pull.pull.lease.clone()).collect();
    for at in first_come {
        let waits = waiting.get(at).is_some_and(|pod| since(pod.since, now) >= SETTLES);
        if waits && !ahead.is_empty() {
            set(&mut fetches, at, Fetch::Queued { ahead: ahead.clone() });
        }
    }
    fetches
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
    // A crash may have left an older one behind.
    live.iter().rfind(|pull| pull.fetches(pod.image)).map_or(Fetch::Unknown, |pull| running(pull, Told::Name))
}

fn unserved(fetches: &[Fetch], at: usize) -> bool {
    matches!(fetches.get(at), Some(Fetch::Unknown))
}

fn could_be_of(pod: &Waiting<'_>, pull: &PullTrack) -> bool {
    pod.since <= pull.began || since(pull.began, pod.since) <= COARSE
}

/// Which of them came first is not certain.
fn together(one: Option<&Waiting<'_>>, other: Option<&Waiting<'_>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let (first, second) = match (one.made, other.made) {
        (Some(first), Some(second)) => (first, second),
        _ => (one.since, other.since),
    };
    since(first.min(second), first.max(second)) < TOGETHER
}

fn running(pull: &PullTrack, by: Told) -> Fetch {
    Fetch::Running { lease: pull.pull.lease.clone(), began: pull.began, by }
}

fn set(fetches: &mut [Fetch], at: usize, fetch: Fetch) {
    if let Some(place) = fetches.get_mut(at) {
        *place = fetch;
    }
}

#[cfg(test)]
mod tests;
