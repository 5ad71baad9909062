//! What the kubelet's own words about a pod's containers say, made short and plain.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::causes;
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::{ContainerKind, ContainerSlot, Pod};
use crate::model::stage::Stage;
use crate::model::wording::{cut_middle, one_line};
use crate::track::pod::{PodTrack, Trouble};

use super::phrase::Facts;
use super::sandbox::Gathered;
use super::suspicion::{Suspicion, evidence};
use super::{View, extract, sandbox, store, text, throttled, told};

/// How much of an unknown error is quoted, in bytes.
const QUOTE_AT_MOST: usize = 500;

/// Every container that fails, and every pod stuck before its sandbox is up whose Events say something.
pub(super) fn suspicions<'a>(gathered: &Gathered<'a>, view: View<'a>) -> impl Iterator<Item = Suspicion> {
    let of_pod = move |track| containers(track).into_iter().chain(before_sandbox(track, gathered, view));
    view.world.starting().flat_map(of_pod).map(move |suspicion| throttled::with_state(suspicion, view))
}

/// A container that fails, and why.
struct Failure<'a> {
    slot: &'a ContainerSlot,
    trouble: &'a Trouble,
    cause: &'static Cause,
}

/// One for each stage at which containers fail: the one whose cause is the most decisive tells the pod's story there.
fn containers(track: &PodTrack) -> Vec<Suspicion> {
    let Some(pod) = &track.pod else { return Vec::new() };
    let mut telling: BTreeMap<Stage, Failure<'_>> = BTreeMap::new();
    for failure in pod.containers.iter().filter_map(|slot| failure(track, slot)) {
        let known = telling.get(&failure.trouble.stage);
        if known.is_none_or(|known| causes::rank(failure.cause) < causes::rank(known.cause)) {
            telling.insert(failure.trouble.stage, failure);
        }
    }
    telling.values().map(|failure| container(track, pod, failure)).collect()
}

fn failure<'a>(track: &'a PodTrack, slot: &'a ContainerSlot) -> Option<Failure<'a>> {
    let trouble = track.troubles.get(&slot.name)?;
    // A crash loop's own message says nothing of a cause, and an empty one even less.
    if trouble.said.text().is_empty() {
        return None;
    }
    let named = trouble.said.cause(|said| text::read(&text::peel(said), Some(&trouble.reason)).cause);
    // Only a pull speaks of registries: elsewhere the same words tell of the API server or a webhook.
    let pulling = trouble.stage == Stage::ImagePull;
    let fits = |c: &&Cause| c.scope == Scope::Node || (c.stage == Stage::ImagePull) == pulling;
    let cause = of_the_pod(named.filter(fits).or_else(|| store::lost(trouble)))?;
    Some(Failure { slot, trouble, cause })
}

fn container(track: &PodTrack, pod: &Pod, failure: &Failure<'_>) -> Suspicion {
    let Failure { slot, trouble, cause } = failure;
    let source = format!("kubelet, pod status ({})", trouble.reason);
    Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: trouble.stage.into(),
        confidence: confidence(cause),
        since: trouble.since,
        ripe: true,
        soon: false,
        facts: facts(pod, failure),
        evidence: vec![evidence(&source, trouble.said.text(), trouble.at)],
        affected: Vec::new(),
        field_path: Some(field_path(slot)),
    }
}

/// The kubelet's words are seen; a cause for the rest of its kind is what they leave.
fn confidence(cause: &Cause) -> Confidence {
    match () {
        () if cause.signs.is_empty() => Confidence::Suspected,
        () if cause.rest => Confidence::Inferred,
        () => Confidence::Observed,
    }
}

/// The cause that a text names, or Unclassified; none where it is told on the node, by the part of the look that proves
/// it there.
fn of_the_pod(named: Option<&'static Cause>) -> Option<&'static Cause> {
    match named {
        Some(cause) if cause.told_on_node() => None,
        Some(cause) => Some(cause),
        None => Some(&causes::UNCLASSIFIED),
    }
}

/// Before the sandbox is up the status says nothing; the Events were asked for.
fn before_sandbox(track: &PodTrack, gathered: &Gathered<'_>, view: View<'_>) -> Option<Suspicion> {
    if !matches!(track.place.stage, Stage::Volumes | Stage::Sandbox) {
        return None;
    }
    let (_, events) = track.events.as_ref()?;
    let holding = events.iter().filter(|event| told::prepares(event, track, view.now));
    let event = sandbox::newest_failure(track).or_else(|| holding.max_by_key(|event| event.at))?;
    // No image is pulled yet but the node's own: what can't be reached here is no registry.
    let plain = text::peel(&event.message);
    let named = text::read(&plain, Some(&event.reason)).cause.filter(|c| c.stage != Stage::ImagePull);
    // What did not end in time for a reason that is seen is told with that reason.
    let cause = of_the_pod(named).filter(|cause| !cause.rest || !sandbox::stalled::is_seen(track, gathered, view))?;
    let first = sandbox::stalled::first_attempt(track, cause, gathered, view);
    let (since, first) = first.unwrap_or((track.place.since, Facts::default()));
    let facts = Facts::default().with("stage", track.place.stage.to_string()).with("quote", quote(&plain));
    let facts = facts.or(extract::told(cause, &plain)).or(first);
    Some(Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: track.place.stage.into(),
        confidence: Confidence::Suspected,
        since,
        ripe: true,
        soon: false,
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

fn facts(pod: &Pod, failure: &Failure<'_>) -> Facts {
    let Failure { slot, trouble, cause } = failure;
    let text = trouble.said.text();
    let base = Facts::default().with("container", &slot.name).with("stage", trouble.stage.to_string());
    let plain = text::peel(text);
    let told = match cause.stage {
        _ if cause.signs.is_empty() => base.with("quote", quote(&plain)),
        Stage::ImagePull => extract::image(base, pod, &slot.image, text),
        Stage::Create => extract::config(base, pod, slot, text),
        _ => extract::command(base, slot, text),
    };
    // Not `extract::told`: it would judge the way by the image that the text names, and the pod's own is known.
    told.or(text::facts(&plain)).or(Facts::default().with("image", &slot.image))
}

fn quote(text: &str) -> String {
    cut_middle(&one_line(text), QUOTE_AT_MOST)
}

/// As the kubelet names a container in an Event (Kubernetes: pkg/kubelet/container/ref.go).
pub(super) fn field_path(slot: &ContainerSlot) -> Arc<str> {
    let list = match slot.kind {
        ContainerKind::Init | ContainerKind::Sidecar => "initContainers",
        ContainerKind::Main => "containers",
        ContainerKind::Ephemeral => "ephemeralContainers",
    };
    format!("spec.{list}{{{}}}", slot.name).into()
}
