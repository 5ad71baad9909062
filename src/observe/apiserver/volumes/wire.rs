//! The fields of the objects behind volumes and claims that are used, as the API server spells them.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ObjectMeta;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::observe::apiserver::wire::{Metadata, or_empty, resource};

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiClaim {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) spec: ClaimSpec,
    #[serde(default)]
    pub(super) status: ClaimStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClaimSpec {
    pub(super) volume_name: Option<Arc<str>>,
    pub(super) storage_class_name: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClaimStatus {
    pub(super) phase: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiVolume {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) spec: VolumeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VolumeSpec {
    pub(super) csi: Option<Csi>,
    pub(super) host_path: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Csi {
    pub(super) driver: Arc<str>,
    pub(super) volume_handle: Arc<str>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiAttachment {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) status: AttachmentStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AttachmentStatus {
    pub(super) attached: bool,
    #[serde(deserialize_with = "or_empty")]
    pub(super) attach_error: AttachError,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AttachError {
    pub(super) message: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiCsiNode {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) spec: CsiNodeSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CsiNodeSpec {
    #[serde(deserialize_with = "or_empty")]
    pub(super) drivers: Vec<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: Arc<str>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiCsiDriver {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) spec: CsiDriverSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CsiDriverSpec {
    pub(super) attach_required: Option<bool>,
}

/// A ResourceClaim of `resource.k8s.io/v1`, which clusters serve from 1.34 on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiResourceClaim {
    pub(super) metadata: Metadata<IgnoredAny>,
    #[serde(default)]
    pub(super) status: ResourceClaimStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceClaimStatus {
    pub(super) allocation: Option<AllocationResult>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) reserved_for: Vec<Consumer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AllocationResult {
    #[serde(deserialize_with = "or_empty")]
    pub(super) devices: Devices,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Devices {
    #[serde(deserialize_with = "or_empty")]
    pub(super) results: Vec<Device>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Device {
    pub(super) driver: Arc<str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Consumer {
    pub(super) resource: String,
    pub(super) uid: Arc<str>,
}

resource!(ApiClaim, NamespaceResourceScope, "", "PersistentVolumeClaim", "persistentvolumeclaims");
resource!(ApiVolume, ClusterResourceScope, "", "PersistentVolume", "persistentvolumes");
resource!(ApiAttachment, ClusterResourceScope, "storage.k8s.io", "VolumeAttachment", "volumeattachments");
resource!(ApiCsiNode, ClusterResourceScope, "storage.k8s.io", "CSINode", "csinodes");
resource!(ApiCsiDriver, ClusterResourceScope, "storage.k8s.io", "CSIDriver", "csidrivers");
resource!(ApiResourceClaim, NamespaceResourceScope, "resource.k8s.io", "ResourceClaim", "resourceclaims");
