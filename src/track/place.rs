//! The stage of a pod, from what API server and runtime say; and the stage at which a container fails, from its status.
//!
//! The order of a start is the kubelet's (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod): sandbox,
//! then init containers one at a time, then the others; for each the image, its configuration, create, start.

use std::sync::Arc;

use crate::model::Time;
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Ended, Phase};
use crate::model::runtime::RunState;
use crate::model::stage::Stage;

use super::pod::PodTrack;
use super::queue::Fetch;

/// Where a pod stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// At which stage.
    pub stage: Stage,
    /// Since when.
    pub since: Time,
    /// The container that holds it there, for the stages from the image on.
    pub container: Option<Arc<str>>,
}

/// Waiting reasons of a failed or refused pull (Kubernetes: pkg/kubelet/images/types.go, cri-api/pkg/errors).
const IMAGE_REASONS: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ImageInspectError",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];
/// Waiting reasons before a container exists (pkg/kubelet/kuberuntime/kuberuntime_container.go).
const CREATE_REASONS: &[&str] = &["CreateContainerConfigError", "PreCreateHookError", "CreateContainerError"];
/// Waiting reasons of a container that exists and does not start.
const START_REASONS: &[&str] = &["RunContainerError", "PreStartHookError"];
/// How the runtime's refusal to start a container is told once it counts as ended.
const NEVER_STARTED: &[&str] = &["StartError", "ContainerCannotRun"];

/// The stage of a pod, and the container that holds it there.
#[must_use]
pub fn of(track: &PodTrack) -> (Stage, Option<Arc<str>>) {
    let Some(pod) = &track.pod else { return by_runtime_alone(track) };
    if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
        return (Stage::Running, None);
    }
    let sandbox_up = track.sandbox.as_ref().is_some_and(|sandbox| sandbox.ready)
        || pod.sandbox_ready.is_some_and(|(ready, _)| ready)
        || pod.containers.iter().any(|slot| matches!(slot.state, ContainerState::Running { .. }));
    if pod.started.is_none() && !sandbox_up {
        return (Stage::Admission, None);
    }
    if !sandbox_up {
        return (if held_by_volumes(track) { Stage::Volumes } else { Stage::Sandbox }, None);
    }
    let unfinished: Vec<_> = unfinished(&pod.containers).map(|slot| (stage_of_container(slot, track), slot)).collect();
    let failing = unfinished.iter().filter(|(_, slot)| failing(slot).is_some()).min_by_key(|(stage, _)| *stage);
    failing
        .into_iter()
        .chain(in_hand(&unfinished))
        .min_by_key(|(stage, _)| *stage)
        .map_or((Stage::Running, None), |(stage, slot)| (*stage, Some(slot.name.clone())))
}

/// The container that the kubelet is busy with: of those that do not fail the first that does not run, for it takes them
/// in their order; if all of them run, the last, whose hook holds it.
fn in_hand<'a, 'b>(unfinished: &'b [(Stage, &'a ContainerSlot)]) -> Option<&'b (Stage, &'a ContainerSlot)> {
    let fine = || unfinished.iter().filter(|(_, slot)| failing(slot).is_none());
    fine().find(|(stage, _)| *stage != Stage::Hook).or_else(|| fine().next_back())
}

/// The stage at which a container fails, with the waiting reason and the most telling text; none if it does not fail.
/// A container whose process ran and ended by itself is the application's affair.
#[must_use]
pub fn failing(slot: &ContainerSlot) -> Option<(Stage, &Arc<str>, &Arc<str>)> {
    match &slot.state {
        ContainerState::Waiting { reason, message } => match &**reason {
            r if IMAGE_REASONS.contains(&r) => Some((Stage::ImagePull, reason, message)),
            r if CREATE_REASONS.contains(&r) => Some((Stage::Create, reason, message)),
            r if START_REASONS.contains(&r) => Some((Stage::Start, reason, message)),
            "PostStartHookError" => Some((Stage::Hook, reason, message)),
            "CrashLoopBackOff" => slot.last.as_ref().and_then(never_started),
            _ => None,
        },
        ContainerState::Terminated(ended) => never_started(ended),
        ContainerState::Running { .. } => None,
    }
}

fn never_started(ended: &Ended) -> Option<(Stage, &Arc<str>, &Arc<str>)> {
    NEVER_STARTED.contains(&&*ended.reason).then_some((Stage::Start, &ended.reason, &ended.message))
}

/// The containers a pod waits for now: its first unfinished init container or sidecar, else all that do not run yet.
fn unfinished(slots: &[ContainerSlot]) -> impl Iterator<Item = &ContainerSlot> {
    let is_init = |slot: &&ContainerSlot| matches!(slot.kind, ContainerKind::Init | ContainerKind::Sidecar);
    let init = slots.iter().filter(is_init).find(|slot| !finished(slot));
    let others = slots.iter().filter(move |slot| init.is_none() && slot.kind == ContainerKind::Main && !finished(slot));
    init.into_iter().chain(others)
}

fn finished(slot: &ContainerSlot) -> bool {
    match (&slot.state, slot.kind) {
        (ContainerState::Running { .. }, ContainerKind::Init) => false,
        (ContainerState::Running { .. }, ContainerKind::Sidecar) => slot.started,
        (ContainerState::Running { .. }, _) => true,
        (ContainerState::Terminated(ended), ContainerKind::Init) => ended.exit_code == 0,
        (ContainerState::Terminated(ended), _) => never_started(ended).is_none(),
        // A crash loop is a container that started: only its last words tell whether it ever did.
        (ContainerState::Waiting { reason, .. }, ContainerKind::Main | ContainerKind::Ephemeral) => {
            &**reason == "CrashLoopBackOff" && failing(slot).is_none()
        }
        (ContainerState::Waiting { .. }, _) => false,
    }
}

fn stage_of_container(slot: &ContainerSlot, track: &PodTrack) -> Stage {
    if let Some((stage, _, _)) = failing(slot) {
        return stage;
    }
    match (&slot.state, track.containers.get(&slot.name).map(|container| container.state)) {
        (ContainerState::Running { .. } | ContainerState::Terminated(_), _) => Stage::Start,
        (_, Some(RunState::Created | RunState::Unknown)) => Stage::Start,
        // It runs while the status still says waiting: a later container or a hook holds the kubelet's worker.
        (_, Some(RunState::Running)) if slot.kind == ContainerKind::Main => Stage::Hook,
        (_, Some(RunState::Running)) => Stage::Start,
        (_, Some(RunState::Exited)) => Stage::Start,
        (_, None) if matches!(track.fetch, Fetch::Queued { .. }) => Stage::ImageQueue,
        // Nothing tells image from configuration and creation here; the image is what takes time.
        (_, None) => Stage::ImagePull,
    }
}

/// The kubelet's Events, where they were asked for, speak of volumes and not of the sandbox.
fn held_by_volumes(track: &PodTrack) -> bool {
    let newest = track.events.as_ref().and_then(|(_, events)| events.iter().max_by_key(|event| event.at));
    newest.is_some_and(|event| matches!(&*event.reason, "FailedMount" | "FailedAttachVolume" | "FailedMapVolume"))
}

/// Without the API server: a READY sandbox without containers waits for an image, as far as can be told.
fn by_runtime_alone(track: &PodTrack) -> (Stage, Option<Arc<str>>) {
    match (&track.sandbox, track.containers.is_empty()) {
        (Some(sandbox), true) if sandbox.ready => (Stage::ImagePull, None),
        (Some(_), _) => (Stage::Running, None),
        (None, _) => (Stage::Sandbox, None),
    }
}
