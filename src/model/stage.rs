//! The stages of a pod's start, in order, and the parts of a node that can be in trouble. Order is meaning: a pod that
//! reached a later stage has left the earlier ones behind.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a pod stands on its way to running, or which part of the node a diagnosis is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// The kubelet has not taken the pod up yet.
    Admission,
    /// Waits for volumes, Secrets, devices.
    Volumes,
    /// Network namespace, CNI, pause container.
    Sandbox,
    /// Waits for its turn to pull.
    ImageQueue,
    /// Resolve, download, unpack.
    ImagePull,
    /// Container configuration and creation.
    Create,
    /// The container's process is being started, or keeps dying at its start.
    Start,
    /// A postStart hook holds the pod.
    Hook,
    /// All its containers run.
    Running,
    /// The container runtime of the node.
    Runtime,
    /// The node's pod network.
    Network,
    /// The node itself: its kubelet, kernel, disks and memory.
    Node,
    /// Images pulled ahead of the pods that will need them.
    Prepull,
    /// The agent's own configuration.
    Agent,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a story is about: a stage, and where one subject can have several at once (pre-pull sets) which of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Topic {
    /// The stage or the part of the node.
    pub stage: Stage,
    /// The name of the pre-pull set, where the stage is [`Stage::Prepull`].
    pub of: Option<Arc<str>>,
}

impl From<Stage> for Topic {
    fn from(stage: Stage) -> Self {
        Self { stage, of: None }
    }
}
