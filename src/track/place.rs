//! The stage of a pod, from what API server, runtime and the kubelet's directories say; and the stage at which a container fails, from its status.
//!
//! The order of a start is the kubelet's (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod): sandbox,
//! then init containers one at a time, then the others; for each the image, its configuration, create, start.

use std::sync::Arc;

use crate::model::Time;
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Ended, Phase, Pod};
use crate::model::runtime::RunState;
use crate::model::stage::Stage;

use super::marks::Trace;
use super::pod::PodTrack;
use super::queue::{Fetch, Line};

/// Where a pod stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// At which stage.
    pub stage: Stage,
    /// Since when.
    pub since: Time,
    /// The container that holds it there, for the stages from the image on.
    pub container: Option<Arc<str>>,
    /// What tells so.
    pub told_by: &'static str,
}

/// The stage of a pod, the container that holds it there, and what tells so.
pub type Standing = (Stage, Option<Arc<str>>, &'static str);

/// What tells where a pod stands.
pub mod told_by {
    /// What the API server has of it.
    pub const STATUS: &str = "pod status";
    /// Which sandboxes the runtime lists.
    pub const SANDBOXES: &str = "CRI sandboxes";
    /// Which containers the runtime lists.
    pub const CONTAINERS: &str = "CRI containers";
    /// That the runtime has no network for pods yet.
    pub const NETWORK: &str = "CRI status, NetworkReady";
    /// containerd's records of pulls.
    pub const PULLS: &str = "containerd's pulls";
    /// The kubelet's own records of the images that it wants.
    pub const INTENTS: &str = "the kubelet's pull intents";
    /// The kubelet's Events about it.
    pub const EVENTS: &str = "the kubelet's Events";
    /// The directory that the kubelet makes before it asks for a sandbox.
    pub const POD_LOGS: &str = "the pod's log directory";
    /// The directory that the kubelet makes before it asks for a container.
    pub const CONTAINER_LOGS: &str = "the container's log directory";
    /// The directory that the kubelet makes before it waits for volumes.
    pub const HOME: &str = "the pod's directory";
}
use told_by::{CONTAINER_LOGS, CONTAINERS, EVENTS, HOME, INTENTS, NETWORK, POD_LOGS, PULLS, SANDBOXES, STATUS};

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

/// Where a pod stands now.
#[must_use]
pub fn of(track: &PodTrack) -> Standing {
    let Some(pod) = &track.pod else { return by_runtime_alone(track) };
    if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
        return (Stage::Running, None, STATUS);
    }
    let sandbox_up = track.sandbox.as_ref().is_some_and(|sandbox| sandbox.ready)
        || pod.sandbox_ready.is_some_and(|(ready, _)| ready)
        || pod.containers.iter().any(|slot| matches!(slot.state, ContainerState::Running { .. }));
    if !sandbox_up {
        let (stage, told_by) = before_sandbox(pod, track);
        return (stage, None, told_by);
    }
    let waiting = unfinished(&pod.containers).map(|slot| Waiting::of(slot, track)).collect::<Vec<_>>();
    let failing = waiting.iter().filter(|it| it.step == Step::Fails).min_by_key(|it| it.stage);
    let holding = failing.into_iter().chain(in_hand(&waiting)).min_by_key(|it| it.stage);
    holding.map_or((Stage::Running, None, STATUS), |it| (it.stage, Some(it.slot.name.clone()), it.told_by))
}

/// Until the sandbox is up: the kubelet takes the pod up, waits for the network, then for volumes, and makes the pod's log
/// directory just before it asks for the sandbox.
fn before_sandbox(pod: &Pod, track: &PodTrack) -> (Stage, &'static str) {
    let logs = track.traces.logs(pod);
    match (pod.started, logs, said_last(track)) {
        // The status may be late; what the kubelet made is not.
        (None, Trace::Fresh(_), _) => (Stage::Sandbox, POD_LOGS),
        (None, ..) if matches!(track.traces.home(pod), Trace::Fresh(_)) => (Stage::Volumes, HOME),
        (None, ..) => (Stage::Admission, STATUS),
        (_, Trace::Fresh(made), Some((Stage::Volumes, Some(at)))) if at > made.at => (Stage::Volumes, EVENTS),
        (_, Trace::Fresh(_), _) => (Stage::Sandbox, POD_LOGS),
        (..) if gated(pod, track) => (Stage::Sandbox, NETWORK),
        (_, _, Some((stage, _))) => (stage, EVENTS),
        (_, Trace::Absent, None) => (Stage::Volumes, POD_LOGS),
        (_, Trace::Unknown | Trace::Stale, None) => (Stage::Sandbox, SANDBOXES),
    }
}

/// The kubelet waits for the pod network before it does anything else for a pod that needs it
/// (Kubernetes: pkg/kubelet/kubelet.go SyncPod, runtimeState.networkErrors).
fn gated(pod: &Pod, track: &PodTrack) -> bool {
    !pod.host_network && track.network == Some(false)
}

/// The stage that the kubelet's newest Event speaks of, where they were asked for, and when it spoke.
fn said_last(track: &PodTrack) -> Option<(Stage, Option<Time>)> {
    let (_, events) = track.events.as_ref()?;
    let newest = events.iter().filter(|event| event.by_those_who_start_it()).max_by_key(|event| event.at)?;
    match &*newest.reason {
        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" => Some((Stage::Volumes, newest.at)),
        "FailedCreatePodSandBox" => Some((Stage::Sandbox, newest.at)),
        _ => None,
    }
}

/// A container that the pod waits for.
struct Waiting<'a> {
    slot: &'a ContainerSlot,
    stage: Stage,
    told_by: &'static str,
    step: Step,
}

/// The first container that the runtime does not list yet and whose creation has not begun, for whose turn the pod waits.
pub(super) fn next_due<'a>(track: &PodTrack, pod: &'a Pod) -> Option<&'a ContainerSlot> {
    let begun = |slot: &ContainerSlot| {
        track.run_state(&slot.name).is_some() || matches!(track.traces.container(slot, track), Trace::Fresh(_))
    };
    unfinished(&pod.containers).find(|slot| failing(slot).is_none() && !begun(slot))
}

/// Another container of the pod was made from the same image, so that it is here; and a pull of it all the same, which would
/// be seen, is not.
pub(super) fn needs_no_pull(slot: &ContainerSlot, track: &PodTrack) -> bool {
    let others = track.pod.iter().flat_map(|pod| &pod.containers).filter(|other| other.name != slot.name);
    let ran = |other: &ContainerSlot| !matches!(other.state, ContainerState::Waiting { .. });
    let made = |other: &ContainerSlot| ran(other) || track.containers.contains_key(&other.name);
    track.fetch == Fetch::Idle && others.filter(|other| other.image == slot.image).any(made)
}

/// How the kubelet stands to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It failed at it, and goes on to the next.
    Fails,
    /// It awaits its turn, or may have it.
    Due,
    /// The kubelet is seen to be at it.
    Begun,
    /// It was started, and the status does not say so yet: the kubelet is at its hook or at a later one.
    Started,
}

impl<'a> Waiting<'a> {
    /// It was started and nothing holds the kubelet after that: the status will say so.
    fn runs(&self) -> bool {
        self.slot.kind == ContainerKind::Main && !self.slot.post_start
    }

    fn of(slot: &'a ContainerSlot, track: &PodTrack) -> Self {
        let it = |stage, told_by, step| Self { slot, stage, told_by, step };
        if let Some((stage, ..)) = failing(slot) {
            return it(stage, STATUS, Step::Fails);
        }
        match (&slot.state, track.run_state(&slot.name)) {
            (ContainerState::Running { .. } | ContainerState::Terminated(_), _) => {
                it(Stage::Start, STATUS, Step::Begun)
            }
            (_, Some(RunState::Created | RunState::Exited | RunState::Unknown)) => {
                it(Stage::Start, CONTAINERS, Step::Begun)
            }
            (_, Some(RunState::Running)) if slot.post_start => it(Stage::Hook, CONTAINERS, Step::Started),
            (_, Some(RunState::Running)) => it(Stage::Start, CONTAINERS, Step::Started),
            (_, None) => {
                let (stage, told_by, step) = before_creation(slot, track);
                it(stage, told_by, step)
            }
        }
    }
}

/// The container that the kubelet is busy with: of those that do not fail the first that was not started, for it takes them
/// in their order; unless a hook of one before it may still hold the kubelet there, and nothing of the next is to be seen
/// where it would be. If all of them were started, the last.
fn in_hand<'a, 'b>(waiting: &'b [Waiting<'a>]) -> Option<&'b Waiting<'a>> {
    let started = |it: &&Waiting<'_>| it.step == Step::Started;
    let Some(due) = waiting.iter().position(|it| it.step != Step::Started && it.step != Step::Fails) else {
        return waiting.iter().rfind(started).filter(|it| !it.runs());
    };
    let hook = waiting.iter().take(due).rfind(|it| it.stage == Stage::Hook);
    let next = waiting.get(due)?;
    Some(hook.filter(|_| next.step == Step::Due).unwrap_or(next))
}

/// The runtime does not list it: its image, or, once that is here or the kubelet has made its log directory, its creation.
fn before_creation(slot: &ContainerSlot, track: &PodTrack) -> (Stage, &'static str, Step) {
    match (track.traces.container(slot, track), &track.fetch) {
        (Trace::Fresh(_), _) => (Stage::Create, CONTAINER_LOGS, Step::Begun),
        // That others are pulled is no sign that this one was asked for.
        (_, Fetch::Queued { line: Line::Unknown, .. }) => (Stage::ImageQueue, PULLS, Step::Due),
        (_, Fetch::Queued { line: Line::Slot { .. }, .. }) => (Stage::ImageQueue, PULLS, Step::Begun),
        (_, Fetch::Queued { line: Line::Kubelet { .. }, .. }) => (Stage::ImageQueue, INTENTS, Step::Begun),
        (_, Fetch::Running { .. }) => (Stage::ImagePull, PULLS, Step::Begun),
        (_, Fetch::Asked { .. }) => (Stage::ImagePull, INTENTS, Step::Begun),
        (_, Fetch::Idle) if needs_no_pull(slot, track) => (Stage::Create, CONTAINERS, Step::Due),
        (Trace::Absent, Fetch::Idle) => (Stage::ImagePull, CONTAINER_LOGS, Step::Due),
        (Trace::Absent, Fetch::Unknown) => (Stage::ImagePull, CONTAINER_LOGS, Step::Begun),
        // Nothing tells image from configuration and creation here; the image is what takes time.
        (Trace::Unknown | Trace::Stale, Fetch::Idle | Fetch::Unknown) => (Stage::ImagePull, CONTAINERS, Step::Begun),
    }
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

/// Without the API server: a READY sandbox without containers waits for an image, as far as can be told.
fn by_runtime_alone(track: &PodTrack) -> Standing {
    let created = track.traces.newest_container(track);
    match (&track.sandbox, track.containers.is_empty(), created) {
        (Some(sandbox), true, Some((name, _))) if sandbox.ready => (Stage::Create, Some(name.clone()), CONTAINER_LOGS),
        (Some(sandbox), true, _) if sandbox.ready => (Stage::ImagePull, None, SANDBOXES),
        (Some(_), ..) => (Stage::Running, None, CONTAINERS),
        (None, ..) => (Stage::Sandbox, None, SANDBOXES),
    }
}

#[cfg(test)]
mod tests;
