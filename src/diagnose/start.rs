//! Starts that only take long: what the pod's status and the runtime's lists show together, where nobody says a word.
//! Nothing here is claimed while either side may be out of date.

use crate::causes;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Pod};
use crate::model::runtime::RunState;
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::model::{Time, since};
use crate::track::pod::PodTrack;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};

/// One for each pod that stands where only time tells that something holds it.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    view.world.starting().filter_map(move |track| {
        let pod = track.pod.as_ref()?;
        match track.place.stage {
            Stage::Admission => not_taken_up(track, pod, view),
            Stage::Start => runs(track, pod, view),
            Stage::Hook => hook(track, pod, view),
            _ => None,
        }
    })
}

/// Both sides are up to date: the API server answers, the kubelet keeps its Node, the runtime its lists.
fn current(view: View<'_>) -> bool {
    view.api_answers() && view.node_is_ready() && view.world.runtime.well_since().is_some()
}

/// Bound, the Node is well, and not even a start time: the kubelet's loop or its admission hangs.
fn not_taken_up(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    let bound = pod.scheduled.filter(|_| current(view))?;
    let taken_up_since = |other: &&PodTrack| {
        other.pod.as_ref().and_then(|pod| pod.started).is_some_and(|started| since(bound, started).as_secs() > 1)
    };
    let others = match view.world.pods.values().filter(taken_up_since).count() {
        0 => "no other pod".to_owned(),
        n => pods(n),
    };
    let facts = Facts::default().with("runtime", view.runtime()).with("others", others);
    let seen = "PodScheduled is true, startTime is not set";
    Some(wait(&causes::KUBELET_NOT_SYNCING, track, (bound, view.now), seen, facts))
}

/// An init container that runs, or a sidecar that does not count as started.
fn runs(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    let slot = held_by(track, pod).filter(|_| view.api_answers())?;
    let ContainerState::Running { since } = &slot.state else { return None };
    let cause = match slot.kind {
        ContainerKind::Init => &causes::INIT_CONTAINER_RUNNING,
        ContainerKind::Sidecar => &causes::SIDECAR_NOT_STARTED,
        ContainerKind::Main | ContainerKind::Ephemeral => return None,
    };
    let (n, of) = pod.place_of(&slot.name)?;
    let restarts = match slot.restarts {
        0 => String::new(),
        1 => "after 1 restart".to_owned(),
        n => format!("after {n} restarts"),
    };
    let facts = names(track, slot).with("which", format!("{n} of {of}")).with("restarts", restarts);
    let since = since.unwrap_or(track.place.since);
    let found = wait(cause, track, (since, view.now), "the container's status: running", facts);
    Some(Suspicion { confidence: Confidence::Observed, field_path: Some(super::pod::field_path(slot)), ..found })
}

/// The last container runs, the kubelet calls it waiting, and it has a hook.
fn hook(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    let slot = held_by(track, pod).filter(|slot| slot.post_start && current(view))?;
    let container = track.containers.get(&slot.name).filter(|container| container.state == RunState::Running)?;
    let since = container.created.unwrap_or(track.place.since);
    let facts = names(track, slot).with("runtime", view.runtime());
    let seen = "CRI: RUNNING; the container's status: waiting";
    let found = wait(&causes::HOOK_RUNNING, track, (since, view.now), seen, facts);
    Some(Suspicion { field_path: Some(super::pod::field_path(slot)), ..found })
}

fn held_by<'a>(track: &PodTrack, pod: &'a Pod) -> Option<&'a ContainerSlot> {
    let name = track.place.container.as_ref().filter(|name| !track.troubles.contains_key(*name))?;
    pod.containers.iter().find(|slot| slot.name == *name)
}

fn names(track: &PodTrack, slot: &ContainerSlot) -> Facts {
    Facts::default().with("container", &slot.name).with("pod", &track.id.name).with("namespace", &track.id.namespace)
}

fn wait(
    cause: &'static Cause,
    track: &PodTrack,
    (since_when, now): (Time, Time),
    seen: &str,
    facts: Facts,
) -> Suspicion {
    Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: track.place.stage.into(),
        confidence: Confidence::Inferred,
        since: since_when,
        ripe: true,
        soon: false,
        facts: facts.with("for", span(since(since_when, now))),
        evidence: vec![evidence("pod status and CRI lists", seen, now)],
        affected: Vec::new(),
        field_path: None,
    }
}
