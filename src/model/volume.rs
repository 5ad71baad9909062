//! Volumes and resource claims: what a pod asks for, what the kubelet's directories show of it, and what the API server
//! says of the objects behind it. What nobody could look at is unknown, never absent.

use std::sync::Arc;

use serde::Serialize;

use super::Time;
use super::ids::{PodId, PodUid};

/// What the kubelet may wait for in silence before it makes a pod's sandbox (Kubernetes: pkg/kubelet/kubelet.go SyncPod,
/// WaitForAttachAndMount; pkg/kubelet/kuberuntime/kuberuntime_manager.go, PrepareDynamicResources).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// Volumes that a driver attaches or mounts, in the order of the spec.
    pub volumes: Vec<Volume>,
    /// Resource claims.
    pub claims: Vec<ResourceClaim>,
    /// The pod sets an `fsGroup`: files of its volumes are given to that group.
    pub ownership: Option<Ownership>,
}

impl Waits {
    /// The names of all of them in the pod's spec.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.volumes.iter().map(|volume| &volume.name).chain(self.claims.iter().map(|claim| &claim.name))
    }

    /// There is nothing that is waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.claims.is_empty()
    }
}

/// One volume of a pod that a driver attaches or mounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its name in the pod's spec.
    pub name: Arc<str>,
    /// What it is made from.
    pub source: Source,
    /// A container takes it as a device: it is never mounted.
    pub device: bool,
}

/// What a volume is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Source {
    /// The PersistentVolumeClaim of that name in the pod's namespace.
    Claim(Arc<str>),
    /// A CSI driver, named by the pod itself.
    Driver(Arc<str>),
    /// Another kind of volume, as the spec spells it: `nfs`, `iscsi`.
    Plugin(Arc<str>),
}

/// One entry of `spec.resourceClaims`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceClaim {
    /// Its name in the pod's spec.
    pub name: Arc<str>,
    /// The ResourceClaim; none while one is still to be made from a template.
    pub claim: Option<Arc<str>>,
}

/// When files of a volume change their owner (`fsGroupChangePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Ownership {
    /// All of them, at every start.
    Always,
    /// Only where the owner of the volume's root is another.
    OnRootMismatch,
}

/// A pod that waits for its volumes or claims: what is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mounting {
    /// The pod.
    pub pod: PodId,
    /// Since when it waits.
    pub since: Time,
    /// What for.
    pub waits: Waits,
}

/// The answer to a question that may be refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Answer<T> {
    /// It is there.
    Is(T),
    /// It is not there.
    Missing,
    /// Nobody could tell: not asked, refused, or not answered.
    #[default]
    Unknown,
}

impl<T> Answer<T> {
    /// What is there, if that is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(known) => Some(known),
            Self::Missing | Self::Unknown => None,
        }
    }

    /// The same answer with another reading of what is there.
    #[must_use]
    pub fn map<U>(self, read: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Is(known) => Answer::Is(read(known)),
            Self::Missing => Answer::Missing,
            Self::Unknown => Answer::Unknown,
        }
    }
}

/// One look at what the kubelet's directories and the mounts of the host show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostVolumes {
    /// Volumes that were begun, for each pod that was looked for; a pod that is not here was not looked for.
    pub pods: Vec<(PodUid, Vec<HostVolume>)>,
    /// Names of the drivers whose registration sockets are in the kubelet's `plugins_registry`.
    pub sockets: Option<Vec<Arc<str>>>,
    /// CSI volumes that are staged on this node: driver and hash of the volume's handle (Kubernetes:
    /// pkg/volume/csi/csi_attacher.go makeDeviceMountPath).
    pub staged: Vec<(Arc<str>, Arc<str>)>,
    /// Why nothing of this can be told, where it can't.
    pub unreadable: Option<String>,
}

/// A volume of a pod in the kubelet's directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostVolume {
    /// The plugin, as the directory spells it: `kubernetes.io~csi`.
    pub plugin: Arc<str>,
    /// The PersistentVolume, or the volume of the spec where there is none.
    pub name: Arc<str>,
    /// It is mounted, or its device is there.
    pub ready: bool,
}

/// What the API server says of the objects that one pod's volumes and claims are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// Claims of volumes, by the volume's name in the pod.
    pub volumes: Vec<(Arc<str>, Answer<VolumeClaim>)>,
    /// Drivers that this node's CSINode lists.
    pub drivers: Answer<Vec<Arc<str>>>,
    /// Resource claims, by their name in the pod.
    pub claims: Vec<(Arc<str>, Answer<Allocation>)>,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeClaim {
    /// It is bound to a PersistentVolume.
    pub bound: bool,
    /// Its storage class.
    pub class: Option<Arc<str>>,
    /// The PersistentVolume that it names.
    pub volume: Option<Arc<str>>,
    /// That PersistentVolume.
    pub backing: Answer<Backing>,
}

/// What a PersistentVolume is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Backing {
    /// A CSI driver's volume.
    Csi(CsiVolume),
    /// A directory of the node, which is used where it is: nothing is attached or mounted.
    HostPath,
    /// Another plugin's volume.
    Other,
}

/// A volume of a CSI driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CsiVolume {
    /// The driver's name.
    pub driver: Arc<str>,
    /// Its name in the Node's `volumesAttached` and `volumesInUse` (Kubernetes: pkg/volume/util/util.go
    /// GetUniqueVolumeName).
    pub unique: Arc<str>,
    /// The hash of its handle, under which it is staged.
    pub hash: Arc<str>,
    /// Its driver wants volumes attached first; none: unknown.
    pub attaches: Option<bool>,
    /// Its VolumeAttachment for this node.
    pub attachment: Answer<Attachment>,
}

/// A VolumeAttachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// `status.attached`.
    pub attached: bool,
    /// What the storage said last, without secrets; empty where it said nothing.
    pub error: Arc<str>,
}

/// A ResourceClaim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allocation {
    /// Devices were allocated to it.
    pub allocated: bool,
    /// It is reserved for the pod.
    pub reserved: bool,
    /// The drivers of its devices.
    pub drivers: Vec<Arc<str>>,
}
