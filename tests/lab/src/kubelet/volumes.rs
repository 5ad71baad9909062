//! The wait for a pod's claims, as the kubelet does it and as silently (Kubernetes: pkg/kubelet/volumemanager,
//! WaitForAttachAndMount): until each claim is bound, its volume is noted on the Node as in use, and somebody says there
//! that it is attached. Mounts nothing, and knows no volume but a CSI driver's.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::Parts;
use super::sandbox::Identity;

/// It gives up after this long and tries again (Kubernetes: podAttachAndMountTimeout).
pub(super) const PATIENCE: Duration = Duration::from_secs(123);
/// It looks again after this long (Kubernetes: podAttachAndMountRetryInterval).
pub(super) const RETRY: Duration = Duration::from_millis(300);

/// Whether the volume of that claim is attached to the node by now.
pub(super) async fn is_attached(parts: &Parts, id: &Identity, claim: &str) -> bool {
    let Some(unique) = unique_name(parts, id, claim).await else { return false };
    attached(parts, &unique).await.unwrap_or(false)
}

/// The name of the claim's volume in the Node's status; none until the claim is bound.
async fn unique_name(parts: &Parts, id: &Identity, claim: &str) -> Option<String> {
    let claims = Api::<PersistentVolumeClaim>::namespaced(parts.client.clone(), &id.namespace);
    let claim = claims.get(claim).await.ok()?;
    claim.status.filter(|status| status.phase.as_deref() == Some("Bound"))?;
    let volumes = Api::<PersistentVolume>::all(parts.client.clone());
    let csi = volumes.get(&claim.spec?.volume_name?).await.ok()?.spec?.csi?;
    Some(format!("kubernetes.io/csi/{}^{}", csi.driver, csi.volume_handle))
}

async fn attached(parts: &Parts, unique: &str) -> kube::Result<bool> {
    let nodes = Api::<Node>::all(parts.client.clone());
    let status = nodes.get(&parts.options.node_name).await?.status.unwrap_or_default();
    let mut in_use = status.volumes_in_use.unwrap_or_default();
    if !in_use.iter().any(|name| name == unique) {
        in_use.push(unique.to_owned());
        let change = Patch::Merge(json!({"status": {"volumesInUse": in_use}}));
        nodes.patch_status(&parts.options.node_name, &PatchParams::default(), &change).await?;
    }
    Ok(status.volumes_attached.unwrap_or_default().iter().any(|volume| volume.name == unique))
}
