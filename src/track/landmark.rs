//! What API server, runtime and the kubelet's directories tell of when a pod passed the points of its way: truer than when somebody looked.
//!
//! The order of the way is the kubelet's (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod): the sandbox,
//! then one container after the other in the order of the spec, init containers first.

use std::sync::Arc;

use crate::model::Time;
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Phase, Pod};
use crate::model::stage::Stage;

use super::place;
use super::place::told_by::{CONTAINER_LOGS, NETWORK, POD_LOGS, PULLS};

/// The kubelet took the pod up.
const STARTED: &str = "status.startTime";
use super::pod::PodTrack;
use super::queue::{Fetch, Told};

/// How far on its way a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Zero until its sandbox is up, then the place of the container in the spec, from one.
    pub container: usize,
    /// The stage, of the pod or of that container.
    pub stage: Stage,
}

/// A point of the way, and when it was passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmark {
    /// What begins there.
    pub position: Position,
    /// The container it is about.
    pub container: Option<Arc<str>>,
    /// When.
    pub at: Time,
    /// What tells it.
    pub evidence: &'static str,
}

/// How far a pod at that stage, held there by that container, is.
#[must_use]
pub fn position(track: &PodTrack, stage: Stage, container: Option<&Arc<str>>) -> Position {
    let slots = track.pod.as_ref().map_or(&[][..], |pod| &pod.containers);
    let index = match stage {
        Stage::Admission | Stage::Volumes | Stage::Sandbox => 0,
        Stage::ImageQueue | Stage::ImagePull | Stage::Create | Stage::Start | Stage::Hook => {
            slots.iter().position(|slot| Some(&slot.name) == container).map_or(1, |index| index + 1)
        }
        _ => slots.len() + 1,
    };
    Position { container: index, stage }
}

/// All that is known of the way, in its order.
#[must_use]
pub fn all(track: &PodTrack) -> Vec<Landmark> {
    let mut all = match &track.pod {
        Some(pod) => of_pod(track, pod),
        None => of_sandbox(track, 1, None).into_iter().collect(),
    };
    all.sort_by_key(|landmark| (landmark.position, landmark.at));
    all
}

fn of_pod(track: &PodTrack, pod: &Pod) -> Vec<Landmark> {
    let (bound, told_by) = match (pod.scheduled, pod.created) {
        (Some(at), _) => (at, "condition PodScheduled"),
        (None, Some(at)) => (at, "the pod's creation"),
        (None, None) => (track.seen_first, "first seen"),
    };
    let way: Vec<&ContainerSlot> = pod.containers.iter().filter(|slot| slot.kind != ContainerKind::Ephemeral).collect();
    let mut all = vec![landmark(0, Stage::Admission, None, bound, told_by)];
    let (waits, told_by) = first_wait(track, pod);
    all.extend(pod.started.map(|at| landmark(0, waits, None, at, told_by)));
    all.extend(marks(track));
    all.extend(of_sandbox(track, 1, way.first().map(|slot| &slot.name)));
    for (index, slot) in (1..).zip(&way) {
        all.extend(of_container(track, slot, index));
        all.extend(done(slot).and_then(|(at, evidence)| {
            let next = way.get(index)?;
            let stage = if place::needs_no_pull(next, track) { Stage::Create } else { Stage::ImagePull };
            Some(landmark(index + 1, stage, Some(&next.name), at, evidence))
        }));
    }
    all.extend(fetched(track, &way));
    // A process that runs while a hook holds its pod does not tell when the hook was over.
    all.extend(arrival(pod, &way).filter(|_| track.timeline.stage() != Some(Stage::Hook)));
    all
}

/// What a pod that was taken up waits for first: the making of its sandbox, unless it is known to have waited for volumes
/// before, or for the network before those.
fn first_wait(track: &PodTrack, pod: &Pod) -> (Stage, &'static str) {
    if track.place.told_by == NETWORK || track.timeline.told_by() == Some(NETWORK) {
        return (Stage::Sandbox, NETWORK);
    }
    let volumes = |stage| stage == Stage::Volumes;
    let marked = track.traces.logs(pod).made().is_some();
    let for_volumes = marked || volumes(track.place.stage) || track.timeline.stage().is_some_and(volumes);
    (if for_volumes { Stage::Volumes } else { Stage::Sandbox }, STARTED)
}

/// What the kubelet's directories date: the begin of the sandbox, and of the creation of each container.
#[must_use]
pub fn marks(track: &PodTrack) -> Vec<Landmark> {
    let Some(pod) = &track.pod else { return Vec::new() };
    let sandbox = track.traces.logs(pod).made().map(|at| landmark(0, Stage::Sandbox, None, at, POD_LOGS));
    let created = (1..).zip(&pod.containers).filter_map(|(index, slot)| {
        let at = track.traces.container(slot, track).made()?;
        Some(landmark(index, Stage::Create, Some(&slot.name), at, CONTAINER_LOGS))
    });
    sandbox.into_iter().chain(created).collect()
}

fn of_sandbox(track: &PodTrack, index: usize, first: Option<&Arc<str>>) -> Option<Landmark> {
    let by_api = track.pod.as_ref().and_then(|pod| pod.sandbox_ready).filter(|(ready, _)| *ready);
    let by_api = by_api.and_then(|(_, since)| Some((since?, "condition PodReadyToStartContainers")));
    // containerd 1.x dates a sandbox from before its network was made; where nothing else tells, that must do.
    let sandbox = track.sandbox.as_ref().filter(|sandbox| sandbox.ready && track.pod.is_none());
    let (at, evidence) = by_api.or_else(|| Some((sandbox?.created?, "CRI sandbox, created")))?;
    Some(landmark(index, Stage::ImagePull, first, at, evidence))
}

/// Its creation: the image is there, and it is being started.
fn of_container(track: &PodTrack, slot: &ContainerSlot, index: usize) -> Option<Landmark> {
    let created = track.containers.get(&slot.name)?.created?;
    Some(landmark(index, Stage::Start, Some(&slot.name), created, "CRI container, created"))
}

/// When the kubelet went on to the next container.
fn done(slot: &ContainerSlot) -> Option<(Time, &'static str)> {
    match (&slot.state, slot.kind) {
        (ContainerState::Terminated(ended), ContainerKind::Init) if ended.exit_code == 0 => {
            Some((ended.at?, "container status, finishedAt"))
        }
        (ContainerState::Running { since }, ContainerKind::Main) => Some(((*since)?, "container status, startedAt")),
        _ => None,
    }
}

/// The pull of the image that is waited for, where it runs.
fn fetched(track: &PodTrack, way: &[&ContainerSlot]) -> Option<Landmark> {
    let Fetch::Running { began, by: Told::Name | Told::Intent | Told::Turn, .. } = &track.fetch else { return None };
    let name = track.place.container.as_ref()?;
    let index = way.iter().position(|slot| slot.name == *name)?;
    Some(landmark(index + 1, Stage::ImagePull, Some(name), *began, PULLS))
}

/// The last of its containers was started.
fn arrival(pod: &Pod, way: &[&ContainerSlot]) -> Option<Landmark> {
    let started = way.iter().filter(|slot| slot.kind != ContainerKind::Init).filter_map(|slot| match &slot.state {
        ContainerState::Running { since } => *since,
        ContainerState::Terminated(ended) if pod.phase == Phase::Succeeded => ended.at,
        _ => None,
    });
    let at = started.max()?;
    Some(landmark(pod.containers.len() + 1, Stage::Running, None, at, "container status, startedAt"))
}

fn landmark(container: usize, stage: Stage, name: Option<&Arc<str>>, at: Time, evidence: &'static str) -> Landmark {
    Landmark { position: Position { container, stage }, container: name.cloned(), at, evidence }
}
