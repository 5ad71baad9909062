//! The traces that a pod's start leaves in the host's directories: the kubelet makes each directory just before the step
//! that needs it, so that a directory says "this far at least", and its age says since when.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Time;
use super::ids::PodUid;

/// One look at the directories of the pods that start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// When the host booted; none where that is not known. Directories outlive a reboot, and what is older tells nothing.
    pub boot: Option<Time>,
    /// The pods that were looked for; nothing is known of any other.
    pub pods: BTreeMap<PodUid, PodMarks>,
}

/// The directories of one pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodMarks {
    /// `<kubelet root>/pods/<UID>`, made before the kubelet waits for volumes (Kubernetes: pkg/kubelet/kubelet.go SyncPod,
    /// makePodDataDirs); the volume manager may make it earlier.
    pub home: Mark,
    /// `<pod logs>/<namespace>_<name>_<UID>`, made just before RunPodSandbox
    /// (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go createPodSandbox).
    pub logs: Mark,
    /// The directories in it, by container: made once the image is there, just before CreateContainer
    /// (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go generateContainerConfig). None: they can't be seen.
    pub containers: Option<BTreeMap<Arc<str>, Made>>,
}

/// Whether a directory is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// Nobody can tell: it is not mounted, may not be read, or does not answer.
    #[default]
    Unknown,
    /// It is not there.
    Absent,
    /// It is there.
    Made(Made),
}

/// A directory that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Since when, by the host's clock.
    pub at: Time,
    /// What that time is.
    pub dated: Dated,
}

/// What the time of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dated {
    /// Its birth: when it was made.
    Birth,
    /// The last change in it, where the file system keeps no birth: no earlier than it was made.
    Change,
}
