//! VolumeOwnershipSlow: the kubelet gives every file of a volume to the pod's `fsGroup`. Told by its Event, or suspected
//! where all volumes are mounted, the pod sets such a group, and nothing else is known to hold it.

use crate::causes;
use crate::diagnose::View;
use crate::diagnose::sandbox::stalled::heard;
use crate::diagnose::suspicion::Suspicion;
use crate::diagnose::told::is_recent;
use crate::model::diagnosis::Confidence;
use crate::model::pod::{Pod, PodEvent};
use crate::model::volume::Ownership;
use crate::track::pod::PodTrack;

use super::{suspicion, waits};

/// The kubelet's word for it (Kubernetes: pkg/kubelet/events/event.go).
const REASON: &str = "VolumePermissionChangeInProgress";

/// The kubelet says so.
pub(super) fn told(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    let (_, events) = track.events.as_ref()?;
    let says_so = |event: &&PodEvent| &*event.reason == REASON && is_recent(event, track, view.now);
    let event = events.iter().filter(says_so).max_by_key(|event| event.at)?;
    let said = &*event.message;
    let directory = said.strip_prefix("Setting volume ownership for ").and_then(|rest| rest.split([' ', ',']).next());
    let volume = directory.map(|directory| directory.strip_suffix("/mount").unwrap_or(directory));
    let volume = volume.and_then(|directory| directory.rsplit('/').next()).unwrap_or_default();
    let files = said.split_once("processed ").and_then(|(_, rest)| rest.strip_suffix(" files.")).unwrap_or_default();
    let facts = waits(track, view).with("volume", volume).with("files", files).with("policy", policy(pod));
    let found =
        suspicion(&causes::VOLUME_OWNERSHIP_SLOW, track, facts, ("kubelet, Event", said, event.at.unwrap_or(view.now)));
    Some(Suspicion { confidence: Confidence::Observed, ..found })
}

/// All volumes are in the pod's directory, and it does not go on.
pub(super) fn suspected(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    pod.waits.ownership.filter(|_| heard(track, pod, view))?;
    view.world.volumes.of(&track.id.uid)?;
    let facts = waits(track, view).with("policy", policy(pod));
    let says = "every volume is mounted, and fsGroup is set";
    let found = suspicion(&causes::VOLUME_OWNERSHIP_SLOW, track, facts, ("host, mounts", says, view.now));
    Some(Suspicion { confidence: Confidence::Suspected, ..found })
}

fn policy(pod: &Pod) -> &'static str {
    match pod.waits.ownership {
        Some(Ownership::OnRootMismatch) => "OnRootMismatch",
        Some(Ownership::Always) | None => "",
    }
}
