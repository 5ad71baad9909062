//! What the kubelet's Events of one stuck pod prove about the node: the pause image that can't be had, and, where the
//! host's CNI directories can't be read, the CNI cause that the runtime names. Below it: what is seen of sandboxes in the
//! making.

mod daemon;
mod gathered;
mod making;
pub(super) mod silent;
pub(super) mod stalled;

pub(super) use gathered::Gathered;

use std::sync::Arc;

use crate::causes;
use crate::model::Time;
use crate::model::cause::{Cause, Probe};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::PodEvent;
use crate::model::stage::Stage;
use crate::track::World;
use crate::track::pod::PodTrack;

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};
use super::{View, extract, text};

/// A cause of the node that the Events of a stuck pod name. One pod suffices: pause image and network are the node's.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let (cause, witness, event) = stuck(view.world).find_map(|track| {
        let event = newest_failure(track)?;
        let named = text::read(&text::peel(&event.message), Some(&event.reason)).cause;
        let cause = named.filter(|cause| cause.told_on_node())?;
        Some((cause, track, event))
    })?;
    let seen = event.at.unwrap_or(witness.place.since);
    if mended(cause, &event.message, seen, view) {
        return None;
    }
    let concerned = |track: &&PodTrack| cause.stage != Stage::Network || needs_network(track);
    let affected: Vec<_> = stuck(view.world).filter(concerned).map(|track| track.id.clone()).collect();
    Some(Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: cause.stage.into(),
        confidence: Confidence::Inferred,
        since: witness.place.since,
        ripe: true,
        soon: false,
        facts: facts(cause, &event.message, view).with("pods", pods(affected.len())),
        evidence: vec![evidence("kubelet, Event of a pod", &*event.message, seen)],
        affected,
        field_path: None,
    })
}

/// What is seen on the node itself is newer than the Event, and says otherwise.
fn mended(cause: &Cause, message: &str, seen: Time, view: View<'_>) -> bool {
    match cause.stage {
        Stage::Runtime => true, // its calls are answered now, or this would not be asked
        Stage::Network if cause.probe == Some(Probe::CniDirs) => view.world.network.well_since().is_some(),
        Stage::Network => view.world.network_made().is_some_and(|made| made > seen),
        Stage::Sandbox if cause.probe == Some(Probe::Sandboxes) => {
            image(message, view.world).is_some_and(|image| view.world.has_image_since(image, seen))
        }
        _ => view.world.sandboxes.made.is_some_and(|made| made > seen),
    }
}

fn image<'a>(message: &'a str, world: &'a World) -> Option<&'a str> {
    extract::quoted_after(message, "sandbox image ").or(world.runtime.sandbox_image.as_deref())
}

/// The pause images that pods may lack whose sandbox could not be made.
pub(super) fn images(world: &World) -> impl Iterator<Item = Arc<str>> {
    let failures = stuck(world).filter_map(newest_failure);
    failures.filter_map(|event| image(&event.message, world)).map(Arc::from)
}

fn facts(cause: &Cause, message: &str, view: View<'_>) -> Facts {
    // CRI-O goes on to say NetworkReady once it was (cri-o: internal/config/cnimgr, cni_status_grace_period).
    let says_ready = view.world.network.ready.as_ref().is_some_and(|(_, ready)| ready.status);
    let runtime = if cause.id == causes::CNI_CONFIG_MISSING.id && says_ready { "" } else { view.runtime() };
    Facts::default()
        .with("image", image(message, view.world).unwrap_or_default())
        .with("inner", extract::network_failure(message).unwrap_or_default())
        .with("runtime", runtime)
        .with("ready", view.world.node.says_ready().unwrap_or_default())
        .or(extract::told(cause, &text::peel(message)))
        .or(Facts::default().with("dir", "the runtime's CNI directory"))
}

fn needs_network(track: &PodTrack) -> bool {
    track.pod.as_ref().is_some_and(|pod| !pod.host_network)
}

/// The newest Event that says why the sandbox could not be made.
pub(super) fn newest_failure(track: &PodTrack) -> Option<&PodEvent> {
    let (_, events) = track.events.as_ref()?;
    events.iter().filter(|event| &*event.reason == "FailedCreatePodSandBox").max_by_key(|event| event.at)
}

fn stuck(world: &World) -> impl Iterator<Item = &PodTrack> {
    world.starting().filter(|track| matches!(track.place.stage, Stage::Volumes | Stage::Sandbox) && track.pod.is_some())
}
