//! From the API server's spelling to the model's nouns, and the names that Kubernetes makes from a volume's own.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::wire::{ApiAttachment, ApiClaim, ApiCsiDriver, ApiCsiNode, ApiResourceClaim, ApiVolume, Csi};
use crate::model::ids::PodUid;
use crate::model::redact::redact;
use crate::model::volume::{Allocation, Answer, Attachment, Backing, CsiVolume, VolumeClaim};

/// A claim; what it is bound to is still to be asked for.
pub(super) fn claim(from: ApiClaim) -> VolumeClaim {
    VolumeClaim {
        bound: from.status.phase == "Bound",
        class: from.spec.storage_class_name.filter(|class| !class.is_empty()),
        volume: from.spec.volume_name.filter(|name| !name.is_empty()),
        backing: Answer::Unknown,
    }
}

/// A PersistentVolume; how its driver stands to this node is still to be asked for.
pub(super) fn backing(from: ApiVolume) -> (Backing, Option<Csi>) {
    match (from.spec.csi, from.spec.host_path) {
        (Some(csi), _) => (Backing::Csi(csi_volume(&csi)), Some(csi)),
        (None, Some(_)) => (Backing::HostPath, None),
        (None, None) => (Backing::Other, None),
    }
}

fn csi_volume(from: &Csi) -> CsiVolume {
    CsiVolume {
        driver: from.driver.clone(),
        unique: format!("kubernetes.io/csi/{}^{}", from.driver, from.volume_handle).into(),
        hash: hash(&[&from.volume_handle]).into(),
        attaches: None,
        attachment: Answer::Unknown,
    }
}

/// The VolumeAttachment of a volume on a node (Kubernetes: pkg/volume/csi/csi_attacher.go getAttachmentName).
pub(super) fn attachment_name(of: &Csi, node: &str) -> String {
    format!("csi-{}", hash(&[&of.volume_handle, &of.driver, node]))
}

fn hash(parts: &[&str]) -> String {
    let sum = Sha256::digest(parts.concat());
    sum.iter().fold(String::with_capacity(64), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// How a volume is attached. The storage's words may quote what it was asked with.
pub(super) fn attachment(from: &ApiAttachment) -> Attachment {
    Attachment { attached: from.status.attached, error: redact(&from.status.attach_error.message).into() }
}

/// The drivers that are registered.
pub(super) fn drivers(from: ApiCsiNode) -> Vec<Arc<str>> {
    from.spec.drivers.into_iter().map(|driver| driver.name).collect()
}

/// Whether the driver wants its volumes attached; without a word of it, or without such an object, it does (Kubernetes:
/// pkg/volume/csi/csi_plugin.go skipAttach).
pub(super) fn attaches(from: &Answer<ApiCsiDriver>) -> Option<bool> {
    match from {
        Answer::Is(driver) => Some(driver.spec.attach_required.unwrap_or(true)),
        Answer::Missing => Some(true),
        Answer::Unknown => None,
    }
}

/// A resource claim, as the pod that wants it sees it.
pub(super) fn allocation(from: ApiResourceClaim, pod: &PodUid) -> Allocation {
    let results = from.status.allocation.as_ref().map_or(&[][..], |allocation| &allocation.devices.results);
    let mut drivers: Vec<_> = results.iter().map(|device| device.driver.clone()).collect();
    drivers.sort();
    drivers.dedup();
    Allocation {
        allocated: from.status.allocation.is_some(),
        reserved: from.status.reserved_for.iter().any(|by| by.resource == "pods" && *by.uid == *pod.as_str()),
        drivers,
    }
}
