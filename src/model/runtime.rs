//! The container runtime as its CRI socket shows it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Time;
use super::ids::PodUid;

/// Who answers at the CRI socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuntimeInfo {
    /// e.g. `containerd`, `cri-o`.
    pub name: Arc<str>,
    /// e.g. `1.6.20~ds1`.
    pub version: Arc<str>,
    /// CRI version it speaks, e.g. `v1`.
    pub api: Arc<str>,
    /// The socket.
    pub socket: PathBuf,
}

impl RuntimeInfo {
    /// Major, minor and patch release of containerd; none for other runtimes, and where the version does not name all three.
    #[must_use]
    pub fn containerd(&self) -> Option<(u32, u32, u32)> {
        let mut parts = self.version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
        let mut number = || parts.next()?.parse::<u32>().ok();
        let release = (number()?, number()?, number()?);
        (&*self.name == "containerd").then_some(release)
    }
}

/// A CRI method this agent calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Method {
    /// Opening the socket.
    Connect,
    /// `Version`.
    Version,
    /// `Status`; runs the CNI plugins' STATUS from containerd 2.1 on, so it may hang where the runtime is well.
    Status,
    /// `ListPodSandbox`.
    ListPodSandbox,
    /// `ListContainers`.
    ListContainers,
    /// `ImageStatus`.
    ImageStatus,
    /// `PullImage`.
    PullImage,
}

impl Method {
    /// As CRI spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Version => "Version",
            Self::Status => "Status",
            Self::ListPodSandbox => "ListPodSandbox",
            Self::ListContainers => "ListContainers",
            Self::ImageStatus => "ImageStatus",
            Self::PullImage => "PullImage",
        }
    }

    /// Whether a failure of this call says that the runtime as a whole is down. `Status` does not: a hung CNI plugin
    /// hangs it too.
    #[must_use]
    pub fn vital(self) -> bool {
        matches!(self, Self::Connect | Self::Version | Self::ListPodSandbox | Self::ListContainers)
    }
}

/// The outcome of one call to the runtime.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallOutcome {
    /// Which call.
    pub method: Method,
    /// How long it took, or ran until its deadline.
    pub took: Duration,
    /// Nothing, or why it failed.
    pub failure: Option<CallFailure>,
}

/// Why a call to the runtime failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallFailure {
    /// The kind, by which the advice is chosen.
    pub kind: FailureKind,
    /// The socket, or the candidates that were tried.
    pub socket: PathBuf,
    /// What the operator should read; secrets removed.
    pub text: String,
}

/// Kinds of failed calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum FailureKind {
    /// No such file at the path that was given, or where the runtime was before.
    NoSocket,
    /// No such file at any of the usual places, and none was ever found there.
    NoneFound,
    /// The path is something else.
    NotASocket,
    /// This process may not open it.
    PermissionDenied,
    /// The file is there, nobody listens.
    NobodyListens,
    /// It can't be opened or spoken on for a reason that only the text tells.
    Broken,
    /// No answer before the deadline.
    TimedOut,
    /// It speaks a CRI version this agent does not (v1alpha2 only).
    Unsupported,
    /// It answered with an error.
    Answered,
}

impl FailureKind {
    /// Whether it is this agent that lacks a right or a mount. Such a failure says nothing about the runtime.
    #[must_use]
    pub fn blind(self) -> bool {
        matches!(self, Self::PermissionDenied | Self::NoneFound)
    }
}

/// Answer of CRI `Status`, with what its verbose part tells about CNI.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuntimeStatus {
    /// Conditions such as `RuntimeReady`, `NetworkReady`.
    pub conditions: Vec<RuntimeCondition>,
    /// Where the runtime looks for CNI configuration (containerd only).
    pub cni_conf_dir: Option<PathBuf>,
    /// Where it looks for CNI plugins (containerd only).
    pub cni_bin_dirs: Vec<PathBuf>,
    /// `lastCNILoadStatus` where it is not `OK` (containerd only).
    pub cni_load_error: Option<String>,
    /// Plugin types of the networks it has loaded, loopback left out (containerd only).
    pub cni_plugins: Vec<Arc<str>>,
    /// The pause image by its configuration, where it tells (containerd 1.x, CRI-O).
    pub sandbox_image: Option<Arc<str>>,
    /// Where it keeps images and containers (containerd only).
    pub root_dir: Option<PathBuf>,
    /// Whether systemd makes the cgroups of its default handler (containerd only).
    pub systemd_cgroup: Option<bool>,
}

impl RuntimeStatus {
    /// The condition of that type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&RuntimeCondition> {
        self.conditions.iter().find(|c| &*c.kind == kind)
    }
}

/// One condition of CRI `Status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuntimeCondition {
    /// e.g. `NetworkReady`.
    pub kind: Arc<str>,
    /// Holds or not.
    pub status: bool,
    /// One word.
    pub reason: Arc<str>,
    /// The sentence.
    pub message: Arc<str>,
}

/// A pod sandbox as CRI lists it. One whose creation is under way or failed is not listed by containerd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Its id.
    pub id: Arc<str>,
    /// The pod's UID, from the sandbox's metadata.
    pub pod: PodUid,
    /// The pod's namespace.
    pub namespace: Arc<str>,
    /// The pod's name.
    pub name: Arc<str>,
    /// How many sandboxes of this pod came before it.
    pub attempt: u32,
    /// READY, or not.
    pub ready: bool,
    /// Created at.
    pub created: Option<Time>,
}

/// A container as CRI lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: Arc<str>,
    /// The sandbox it lives in.
    pub sandbox: Arc<str>,
    /// The pod's UID, from the label `io.kubernetes.pod.uid`.
    pub pod: PodUid,
    /// Its name in the pod's spec.
    pub name: Arc<str>,
    /// CREATED, RUNNING, EXITED or UNKNOWN.
    pub state: RunState,
    /// Created at.
    pub created: Option<Time>,
    /// The image it was created from, as the kubelet named it.
    pub image: Arc<str>,
}

/// CRI container state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// Created, not started.
    Created,
    /// Its process runs.
    Running,
    /// Its process ended.
    Exited,
    /// The runtime does not know.
    Unknown,
}
