//! Sandboxes in the making, as far as the node shows them: the runtime's own records of them, and the CNI plugins that
//! run. CRI lists a sandbox only once it is done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Time;
use super::ids::PodUid;

/// The runtime's record of a sandbox, whether it is done or still being made: CRI's list tells which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SandboxRecord {
    /// The sandbox's id.
    pub id: Arc<str>,
    /// The pod's UID.
    pub pod: PodUid,
    /// When the runtime began it.
    pub created: Time,
    /// How far it is, where the record tells (containerd 2).
    pub step: Option<Step>,
}

/// How far the making of a sandbox is (containerd 2: internal/cri/server/sandbox_run.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// It is known by name, and has no network namespace yet, or will have none of its own.
    Begun,
    /// It has a network namespace, and CNI has not returned.
    Network,
    /// CNI is done: the pause image and the pause container come next.
    Start,
}

/// A CNI plugin that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginProcess {
    /// Its process id, as the host counts.
    pub pid: u32,
    /// The plugin that called it, if one did: the nearest of its ancestors that is one.
    pub caller: Option<u32>,
    /// The plugin's name.
    pub plugin: Arc<str>,
    /// When it was started.
    pub began: Time,
    /// It waits for a disk or a mount and can't be killed (state D).
    pub uninterruptible: bool,
    /// What it was called for; none where this agent may not read that.
    pub call: Option<CniCall>,
}

/// What a CNI plugin was called for (containernetworking/cni: SPEC.md, Parameters).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CniCall {
    /// e.g. `ADD`, `DEL`, `STATUS`.
    pub command: Arc<str>,
    /// The sandbox's id; empty for a call about no sandbox.
    pub sandbox: Arc<str>,
    /// The pod's UID, where the runtime tells it.
    pub pod: Option<PodUid>,
}
