//! A pod as the API server tells it, cut down to what a diagnosis needs.

use std::sync::Arc;

use serde::Serialize;

use super::Time;
use super::ids::{PodId, PodUid};
use super::volume::Waits;

/// What the API server says about one pod of this node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pod {
    /// Its names; the UID is the runtime's (see [`PodUid`]).
    pub id: PodId,
    /// The API object's own UID; differs from `id.uid` for static pods only.
    pub api_uid: PodUid,
    /// The controller that owns it, as `Kind/name`; none for a bare pod. The owner's identity, not a display name: pods of
    /// two owners failing alike is evidence against the node.
    pub owner: Option<Arc<str>>,
    /// Uses the node's own network, so CNI does not concern it.
    pub host_network: bool,
    /// Created at (API server's clock).
    pub created: Option<Time>,
    /// Bound to this node at (condition PodScheduled).
    pub scheduled: Option<Time>,
    /// First taken up by the kubelet at; none: the kubelet has not completed half a sync of it
    /// (Kubernetes: pkg/kubelet/status/status_manager.go).
    pub started: Option<Time>,
    /// Being deleted: never diagnosed.
    pub deleting: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// `status.reason`, e.g. of an admission rejection.
    pub reason: String,
    /// `status.message`.
    pub message: String,
    /// Condition PodReadyToStartContainers: its sandbox is up and has a network; since when. None: the condition is not there.
    pub sandbox_ready: Option<(bool, Option<Time>)>,
    /// Condition Ready.
    pub ready: bool,
    /// Since when that is so.
    pub ready_since: Option<Time>,
    /// What the kubelet may wait for in silence before it makes the sandbox.
    pub waits: Waits,
    /// It has volumes of ConfigMaps, Secrets or host paths: what one of them lacks, the kubelet tells in an Event alone.
    pub told_waits: bool,
    /// Directories of the host that it mounts and may write to.
    pub host_dirs: Vec<Arc<str>>,
    /// Of priority class `system-node-critical`: whoever runs the nodes has put it there.
    pub node_critical: bool,
    /// Names of the pull secrets it lists.
    pub pull_secrets: Vec<Arc<str>>,
    /// Init containers first, then sidecars and ordinary ones, in the order of the spec.
    pub containers: Vec<ContainerSlot>,
}

impl Pod {
    /// Nothing is to be said about a pod that is finished or on its way out.
    #[must_use]
    pub fn over(&self) -> bool {
        self.deleting || matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Each of its ordinary containers has run at least once.
    #[must_use]
    pub fn has_run(&self) -> bool {
        let ran = |slot: &ContainerSlot| {
            slot.restarts > 0 || slot.last.is_some() || matches!(slot.state, ContainerState::Running { .. })
        };
        let mut ordinary = self.containers.iter().filter(|slot| slot.kind == ContainerKind::Main).peekable();
        ordinary.peek().is_some() && ordinary.all(ran)
    }

    /// Which of how many init containers, sidecars among them, that one is, from one.
    #[must_use]
    pub fn place_of(&self, init: &str) -> Option<(usize, usize)> {
        let is_init = |slot: &&ContainerSlot| matches!(slot.kind, ContainerKind::Init | ContainerKind::Sidecar);
        let names: Vec<&str> = self.containers.iter().filter(is_init).map(|slot| &*slot.name).collect();
        names.iter().position(|name| *name == init).map(|index| (index + 1, names.len()))
    }
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Phase {
    /// Not all containers have run yet.
    #[default]
    Pending,
    /// At least one container runs or is being restarted.
    Running,
    /// All ended well.
    Succeeded,
    /// All ended, one of them badly, or the pod was rejected.
    Failed,
    /// Anything else.
    Unknown,
}

/// One container of a pod's spec with its status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerSlot {
    /// Its name in the spec.
    pub name: Arc<str>,
    /// Which list of the spec it stands in.
    pub kind: ContainerKind,
    /// The image as the spec names it.
    pub image: Arc<str>,
    /// Where it stands.
    pub state: ContainerState,
    /// How its last run ended, if it had one.
    pub last: Option<Ended>,
    /// `started`: it runs and its startup probe, if any, succeeded.
    pub started: bool,
    /// It has a postStart hook.
    pub post_start: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// What its environment takes from ConfigMaps and Secrets, so that a missing one can be named fully.
    pub refs: Vec<ConfigRef>,
}

/// Which list of the spec a container stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ContainerKind {
    /// Runs to its end before the next one.
    Init,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    /// An ordinary container.
    Main,
    /// Added by `kubectl debug`.
    Ephemeral,
}

/// `state` of a container status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum ContainerState {
    /// Not running; the kubelet's word for why, and its sentence.
    Waiting {
        /// e.g. `ContainerCreating`, `ErrImagePull`; may be empty.
        reason: Arc<str>,
        /// The error's text where there is one.
        message: Arc<str>,
    },
    /// Runs since.
    Running {
        /// Start of the process.
        since: Option<Time>,
    },
    /// Ended.
    Terminated(Ended),
}

/// The end of a container's run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ended {
    /// Exit code of the process.
    pub exit_code: i32,
    /// e.g. `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub reason: Arc<str>,
    /// The runtime's text where the container never started.
    pub message: Arc<str>,
    /// When.
    pub at: Option<Time>,
}

/// One reference of a container's environment to a ConfigMap or Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigRef {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// The object's name.
    pub name: Arc<str>,
    /// The key, for a single variable; none for `envFrom`.
    pub key: Option<Arc<str>>,
    /// The variable it fills; none for `envFrom`.
    pub variable: Option<Arc<str>>,
}

/// A kubelet Event about a pod, fetched on demand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodEvent {
    /// e.g. `FailedCreatePodSandBox`.
    pub reason: Arc<str>,
    /// Its text.
    pub message: Arc<str>,
    /// `source.component`, e.g. `kubelet`.
    pub from: Arc<str>,
    /// Last seen.
    pub at: Option<Time>,
}

impl PodEvent {
    /// Said by one of those who start a pod, who know what holds it: not by the scheduler, nor by this agent.
    #[must_use]
    pub fn by_those_who_start_it(&self) -> bool {
        matches!(&*self.from, "kubelet" | "attachdetach-controller")
    }
}
