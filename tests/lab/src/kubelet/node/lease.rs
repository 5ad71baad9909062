//! The node's Lease, renewed whatever else is broken (Kubernetes: component-helpers/apimachinery/lease/controller.go).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Error;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::kubelet::Parts;

const NAMESPACE: &str = "kube-node-lease";
const DURATION_SECONDS: i32 = 40;
const PERIOD: Duration = Duration::from_secs(10);

/// Renews for ever.
pub(in crate::kubelet) async fn renew(parts: &Arc<Parts>) {
    loop {
        match timeout(PERIOD, once(parts)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "lease not renewed"),
            Err(_) => tracing::warn!("lease not renewed in time"),
        }
        sleep(PERIOD).await;
    }
}

async fn once(parts: &Parts) -> Result<(), Error> {
    let name = &parts.options.node_name;
    let leases = Api::<Lease>::namespaced(parts.client.clone(), NAMESPACE);
    let now = MicroTime(Timestamp::now());
    let change = Patch::Merge(json!({ "spec": { "renewTime": now } }));
    match leases.patch(name, &PatchParams::default(), &change).await {
        Err(Error::Api(refusal)) if refusal.is_not_found() => {}
        other => return other.map(drop),
    }
    let spec = LeaseSpec {
        holder_identity: Some(name.clone()),
        lease_duration_seconds: Some(DURATION_SECONDS),
        renew_time: Some(now),
        ..LeaseSpec::default()
    };
    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    leases.create(&PostParams::default(), &Lease { metadata, spec: Some(spec) }).await.map(drop)
}
