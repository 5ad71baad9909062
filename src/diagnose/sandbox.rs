//! SandboxImageUnavailable, from the kubelet's Events of a pod that is stuck before its sandbox is up.

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::PodEvent;
use crate::model::stage::Stage;
use crate::track::pod::PodTrack;

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};
use super::{View, extract, text};

/// The pause image can't be had. One pod's Events suffice: it is one image for the whole node.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let (witness, event) = stuck(view).find_map(|track| {
        let event = newest_failure(track)?;
        let named = text::classify(&event.message)?;
        (named.id == causes::SANDBOX_IMAGE_UNAVAILABLE.id).then_some((track, event))
    })?;
    let image = extract::quoted_after(&event.message, "sandbox image ").or(view.world.runtime.sandbox_image.as_deref());
    let seen = event.at.unwrap_or(witness.place.since);
    if image.is_some_and(|image| view.world.has_image_since(image, seen)) {
        return None; // it has come meanwhile, and the pod's next try will find it
    }
    let affected: Vec<_> = stuck(view).map(|track| track.id.clone()).collect();
    let facts = Facts::default()
        .with("image", image.unwrap_or("(name unknown)"))
        .with("inner", extract::network_failure(&event.message).unwrap_or_default())
        .with("pods", pods(affected.len()));
    Some(Suspicion {
        cause: &causes::SANDBOX_IMAGE_UNAVAILABLE,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Sandbox.into(),
        confidence: Confidence::Observed,
        since: witness.place.since,
        ripe: true,
        facts,
        evidence: vec![evidence("kubelet, Event of a pod", &*event.message, seen)],
        affected,
        field_path: None,
    })
}

/// The newest Event that says why the sandbox could not be made.
pub(super) fn newest_failure(track: &PodTrack) -> Option<&PodEvent> {
    let (_, events) = track.events.as_ref()?;
    events.iter().filter(|event| &*event.reason == "FailedCreatePodSandBox").max_by_key(|event| event.at)
}

fn stuck(view: View<'_>) -> impl Iterator<Item = &PodTrack> {
    view.world
        .starting()
        .filter(|track| matches!(track.place.stage, Stage::Volumes | Stage::Sandbox) && track.pod.is_some())
}
