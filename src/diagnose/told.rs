//! What the Events of those who start a pod tell of what holds it before its sandbox is up. Who else speaks of the pod, the
//! scheduler or this agent, and what was said long ago, tells nothing of now.

use std::time::Duration;

use crate::model::pod::PodEvent;
use crate::model::{Time, since};
use crate::track::pod::PodTrack;

/// The kubelet repeats what still holds at least every 5 min (Kubernetes: tools/record/events_cache.go), and a change of
/// volume permissions every minute (pkg/volume/volume_linux.go progressReportDuration), though its Events may be asked for
/// less often than that.
const FRESH: Duration = Duration::from_secs(360);

/// Reasons before the sandbox, beside the sandbox's own.
const OF_PREPARATION: &[&str] = &[
    "FailedMount",
    "FailedMapVolume",
    "FailedAttachVolume",
    "FailedCreatePodContainer",
    "FailedPrepareDynamicResources",
];
/// Reasons of a sandbox that can't be made yet.
const OF_SANDBOX: &[&str] = &["FailedCreatePodSandBox", "NetworkNotReady"];

/// Whether an Event tells what holds the pod now, before its sandbox is asked for.
pub(super) fn prepares(event: &PodEvent, track: &PodTrack, now: Time) -> bool {
    OF_PREPARATION.contains(&&*event.reason) && speaks_of_now(event, track, now)
}

/// An Event says what holds the pod now.
pub(super) fn held(track: &PodTrack, now: Time) -> bool {
    let telling = |event: &PodEvent| says_why(event) && speaks_of_now(event, track, now);
    track.events.as_ref().is_some_and(|(_, events)| events.iter().any(telling))
}

/// That no Event says why, where they were read and none does: an old one would belie it.
pub(super) fn silence(track: &PodTrack) -> &'static str {
    let silent = track.events.as_ref().is_some_and(|(_, events)| !events.iter().any(says_why));
    if silent { "no Event says why" } else { "" }
}

fn says_why(event: &PodEvent) -> bool {
    event.by_those_who_start_it() && OF_PREPARATION.iter().chain(OF_SANDBOX).any(|reason| *reason == &*event.reason)
}

fn speaks_of_now(event: &PodEvent, track: &PodTrack, now: Time) -> bool {
    event.by_those_who_start_it() && is_recent(event, track, now)
}

/// Said in this stage, and not long ago.
pub(super) fn is_recent(event: &PodEvent, track: &PodTrack, now: Time) -> bool {
    event.at.is_some_and(|at| at >= track.place.since && since(at, now) <= FRESH)
}
