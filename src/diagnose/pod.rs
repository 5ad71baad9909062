//! What the kubelet's own words about a pod's containers say, made short and plain.

use std::sync::Arc;

use crate::causes;
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::{ContainerKind, ContainerSlot, Pod};
use crate::model::stage::Stage;
use crate::model::wording::{cut_middle, one_line};
use crate::track::pod::{PodTrack, Trouble};

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};
use super::{View, extract, sandbox, text};

/// How much of an unknown error is quoted, in bytes.
const QUOTE_AT_MOST: usize = 500;

/// Every container that fails, and every pod stuck before its sandbox is up whose Events say something.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    view.world.starting().flat_map(|track| containers(track).chain(before_sandbox(track)))
}

fn containers(track: &PodTrack) -> impl Iterator<Item = Suspicion> {
    let pod = track.pod.as_ref();
    let slots = pod.into_iter().flat_map(|pod| pod.containers.iter().map(move |slot| (pod, slot)));
    slots.filter_map(|(pod, slot)| container(track, pod, slot, track.troubles.get(&slot.name)?))
}

fn container(track: &PodTrack, pod: &Pod, slot: &ContainerSlot, trouble: &Trouble) -> Option<Suspicion> {
    // A crash loop's own message says nothing of a cause, and an empty one even less.
    if trouble.text.is_empty() {
        return None;
    }
    let cause = own_cause(&trouble.text)?;
    let facts = facts(pod, slot, trouble);
    Some(Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: trouble.stage.into(),
        confidence: if cause.signs.is_empty() { Confidence::Suspected } else { Confidence::Observed },
        since: trouble.since,
        ripe: true,
        facts,
        evidence: vec![evidence(&format!("kubelet, pod status ({})", trouble.reason), &*trouble.text, trouble.at)],
        affected: Vec::new(),
        field_path: Some(field_path(slot)),
    })
}

/// The cause that a text names, or Unclassified; none where it is the node's: that is told on the node, by the part of
/// the look that proves it there.
fn own_cause(text: &str) -> Option<&'static Cause> {
    match text::classify(text) {
        Some(cause) if cause.scope == Scope::Node => None,
        Some(cause) => Some(cause),
        None => Some(&causes::UNCLASSIFIED),
    }
}

/// Before the sandbox is up the status says nothing; the Events were asked for.
fn before_sandbox(track: &PodTrack) -> Option<Suspicion> {
    if !matches!(track.place.stage, Stage::Volumes | Stage::Sandbox) {
        return None;
    }
    let (_, events) = track.events.as_ref()?;
    let failing = |reason: &str| reason.starts_with("Failed");
    let event = sandbox::newest_failure(track)
        .or_else(|| events.iter().filter(|event| failing(&event.reason)).max_by_key(|event| event.at))?;
    let cause = own_cause(&event.message)?;
    let facts = Facts::default().with("stage", track.place.stage.to_string()).with("quote", quote(&event.message));
    Some(Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: track.place.stage.into(),
        confidence: Confidence::Suspected,
        since: track.place.since,
        ripe: true,
        facts,
        evidence: vec![evidence(
            &format!("kubelet, Event {}", event.reason),
            &*event.message,
            event.at.unwrap_or(track.place.since),
        )],
        affected: Vec::new(),
        field_path: None,
    })
}

fn facts(pod: &Pod, slot: &ContainerSlot, trouble: &Trouble) -> Facts {
    let base = Facts::default()
        .with("container", &slot.name)
        .with("namespace", &pod.id.namespace)
        .with("stage", trouble.stage.to_string())
        .with("quote", quote(&trouble.text));
    match trouble.stage {
        Stage::ImagePull => extract::image(base, pod, &slot.image, &trouble.text),
        Stage::Create => extract::config(base, pod, slot, &trouble.text),
        _ => extract::command(base, slot, &trouble.text),
    }
}

fn quote(text: &str) -> String {
    cut_middle(&one_line(text), QUOTE_AT_MOST)
}

/// As the kubelet names a container in an Event (Kubernetes: pkg/kubelet/container/ref.go).
fn field_path(slot: &ContainerSlot) -> Arc<str> {
    let list = match slot.kind {
        ContainerKind::Init | ContainerKind::Sidecar => "initContainers",
        ContainerKind::Main => "containers",
        ContainerKind::Ephemeral => "ephemeralContainers",
    };
    format!("spec.{list}{{{}}}", slot.name).into()
}
