//! What of a pod's spec the kubelet may wait for in silence. Of every other volume nothing is kept.

use std::sync::Arc;

use crate::model::volume::{Ownership, ResourceClaim, Source, Volume, Waits};
use crate::observe::apiserver::wire;

/// Kinds of volumes that the kubelet makes by itself: what one of them lacks, it says at once (Kubernetes:
/// pkg/volume/{configmap,secret,projected,downwardapi,emptydir,hostpath,image}).
const LOCAL: &[&str] = &["configMap", "downwardAPI", "emptyDir", "gitRepo", "hostPath", "image", "projected", "secret"];

/// What the pod of that name waits for.
pub(super) fn of(pod: &str, spec: &wire::PodSpec, status: &wire::PodStatus) -> Waits {
    Waits {
        volumes: spec.volumes.iter().filter_map(|from| volume(pod, from, spec)).collect(),
        claims: spec.resource_claims.iter().filter_map(|claim| resource_claim(claim, status)).collect(),
        ownership: ownership(&spec.security_context),
    }
}

fn volume(pod: &str, from: &wire::Volume, spec: &wire::PodSpec) -> Option<Volume> {
    let containers = spec.init_containers.iter().chain(&spec.containers);
    let device = containers.flat_map(|container| &container.volume_devices).any(|device| device.name == from.name);
    Some(Volume { name: from.name.clone(), source: source(pod, from)?, device })
}

/// The claim of an `ephemeral` volume is named after pod and volume (Kubernetes:
/// staging/src/k8s.io/component-helpers/storage/ephemeral).
fn source(pod: &str, from: &wire::Volume) -> Option<Source> {
    if let Some(claim) = &from.persistent_volume_claim {
        return Some(Source::Claim(claim.claim_name.clone()));
    }
    if let Some(csi) = &from.csi {
        return Some(Source::Driver(csi.driver.clone()));
    }
    match from.kind.keys().next()?.as_str() {
        "ephemeral" => Some(Source::Claim(format!("{pod}-{}", from.name).into())),
        local if LOCAL.contains(&local) => None,
        other => Some(Source::Plugin(other.into())),
    }
}

/// One that is made from a template gets its name with the pod's status. An entry without a name there says that none was
/// needed (Kubernetes: pkg/apis/core PodResourceClaimStatus): nobody waits for it.
fn resource_claim(from: &wire::ClaimReference, status: &wire::PodStatus) -> Option<ResourceClaim> {
    let made = status.resource_claim_statuses.iter().find(|made| made.name == from.name);
    let claim: Option<Arc<str>> = match (&from.resource_claim_name, made) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(made)) => Some(made.resource_claim_name.clone()?),
        (None, None) => None,
    };
    Some(ResourceClaim { name: from.name.clone(), claim })
}

fn ownership(from: &wire::SecurityContext) -> Option<Ownership> {
    from.fs_group?;
    Some(match from.fs_group_change_policy.as_deref() {
        Some("OnRootMismatch") => Ownership::OnRootMismatch,
        _ => Ownership::Always,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::apiserver::recorded;

    fn read(spec: &Value, status: &Value) -> Waits {
        recorded::pod(json!({"metadata": {"name": "cart-0"}, "spec": spec, "status": status})).unwrap().waits
    }

    fn volume(name: &str, source: Source, device: bool) -> Volume {
        Volume { name: name.into(), source, device }
    }

    #[test]
    fn of_each_volume_what_a_driver_makes_is_kept_with_what_it_is_made_from() {
        let waits = read(
            &json!({
            "securityContext": {"fsGroup": 2000, "fsGroupChangePolicy": "OnRootMismatch"},
            "containers": [{"name": "a", "volumeDevices": [{"name": "raw", "devicePath": "/dev/x"}]}],
            "volumes": [
                {"name": "tmp", "emptyDir": {}}, {"name": "settings", "configMap": {"name": "cart"}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-cart-0"}},
                {"name": "raw", "persistentVolumeClaim": {"claimName": "raw-cart-0"}},
                {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                {"name": "vault", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": true}},
                {"name": "share", "nfs": {"server": "10.2.0.9", "path": "/export"}},
            ]}),
            &json!({}),
        );
        let claim = |name: &str| Source::Claim(name.into());
        let expected = [
            volume("data", claim("data-cart-0"), false),
            volume("raw", claim("raw-cart-0"), true),
            volume("scratch", claim("cart-0-scratch"), false),
            volume("vault", Source::Driver("secrets-store.csi.k8s.io".into()), false),
            volume("share", Source::Plugin("nfs".into()), false),
        ];
        assert_eq!(
            waits,
            Waits { volumes: expected.into(), claims: vec![], ownership: Some(Ownership::OnRootMismatch) }
        );
    }

    #[test]
    fn a_resource_claim_is_named_by_the_spec_or_once_it_is_made_by_the_status() {
        let spec = json!({"resourceClaims": [
            {"name": "gpu", "resourceClaimName": "shared-gpu"}, {"name": "nic", "resourceClaimTemplateName": "nic"},
            {"name": "late", "resourceClaimTemplateName": "late"}, {"name": "none", "resourceClaimTemplateName": "none"}]});
        let status = json!({"resourceClaimStatuses": [
            {"name": "nic", "resourceClaimName": "cart-0-nic-x7k2p"}, {"name": "none"}]});
        let names: Vec<_> = read(&spec, &status).claims.into_iter().map(|claim| claim.claim).collect();
        assert_eq!(names, [Some("shared-gpu".into()), Some("cart-0-nic-x7k2p".into()), None], "one is not needed");
        assert_eq!(read(&json!({"securityContext": {"fsGroup": 1}}), &json!({})).ownership, Some(Ownership::Always));
        assert_eq!(read(&json!({"securityContext": null}), &json!({})), Waits::default());
    }
}
