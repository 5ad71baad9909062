//! The Node object and its Lease, kept as the kubelet keeps them (Kubernetes: pkg/kubelet/kubelet_node_status.go,
//! nodestatus/setters.go). Measures no pressure: memory, disk and PIDs are always said to suffice.

mod lease;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeCondition, NodeStatus, NodeSystemInfo, ObjectReference};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::Parts;
use super::recorder::Type;
use super::status::HOST_IP;

pub(super) use lease::renew;

/// Until the node has been ready once, its status is computed this often.
const FAST: Duration = Duration::from_millis(500);
/// A status that has not changed is written again after this long (Kubernetes: nodeStatusReportFrequency).
const REPORT: Duration = Duration::from_secs(300);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const VERSION: &str = "v1.36.2";

/// The pressures with their reason and message when there is none, and the Event that says so.
const PRESSURES: [[&str; 4]; 3] = [
    [
        "MemoryPressure",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
        "NodeHasSufficientMemory",
    ],
    ["DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"],
    ["PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID"],
];

/// Registers the node and writes its status for ever.
pub(super) async fn keep(parts: &Arc<Parts>) {
    say(parts, "Starting", "Starting kubelet.".to_owned());
    let mut keeper = Keeper { parts, written: None, was_ready: false };
    loop {
        match timeout(ANSWER_WITHIN, keeper.update()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "node status not written"),
            Err(_) => tracing::warn!("node status not written in time"),
        }
        let period = parts.options.status_period;
        sleep(if keeper.was_ready { period.mul_f64(0.96 + fastrand::f64() * 0.08) } else { FAST.min(period) }).await;
    }
}

/// An Event about the node. Without its uid, as kubelets up to 1.36 write them: describe does not find these.
fn say(parts: &Parts, reason: &str, message: String) {
    let about = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(parts.options.node_name.clone()),
        ..ObjectReference::default()
    };
    parts.recorder.record(&about, Type::Normal, reason, message);
}

struct Keeper<'a> {
    parts: &'a Arc<Parts>,
    written: Option<(Vec<NodeCondition>, Instant)>,
    was_ready: bool,
}

impl Keeper<'_> {
    async fn update(&mut self) -> Result<(), kube::Error> {
        let name = &self.parts.options.node_name;
        let nodes = Api::<Node>::all(self.parts.client.clone());
        let node = match nodes.get_opt(name).await? {
            Some(node) => node,
            None => nodes.create(&PostParams::default(), &fresh(name)).await?,
        };
        let before = node.status.and_then(|status| status.conditions).unwrap_or_default();
        let conditions = self.conditions(&before);
        if !self.worth_writing(&conditions) {
            return Ok(());
        }
        self.announce(&before, &conditions);
        let foreign = before.into_iter().filter(|other| conditions.iter().all(|own| own.type_ != other.type_));
        let all = foreign.chain(conditions.clone()).collect();
        let status = NodeStatus { conditions: Some(all), ..self.status().await };
        let change = Patch::Merge(json!({ "status": status }));
        nodes.patch_status(name, &PatchParams::default(), &change).await?;
        self.was_ready |= conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        self.written = Some((conditions, Instant::now()));
        Ok(())
    }

    fn worth_writing(&self, conditions: &[NodeCondition]) -> bool {
        let Some((written, at)) = &self.written else { return true };
        let still = |list: &[NodeCondition]| -> Vec<_> {
            list.iter().map(|each| NodeCondition { last_heartbeat_time: None, ..each.clone() }).collect()
        };
        still(written) != still(conditions) || at.elapsed() > REPORT
    }

    fn conditions(&self, before: &[NodeCondition]) -> Vec<NodeCondition> {
        let relisted = self.parts.relist.borrow().at;
        let mut errors = self.parts.health.runtime_errors(relisted, Instant::now());
        errors.extend(self.parts.health.network_error());
        errors.dedup();
        let ready = match errors.as_slice() {
            [] => ["Ready", "True", "KubeletReady", "kubelet is posting ready status"].map(str::to_owned),
            [one] => ["Ready", "False", "KubeletNotReady", one].map(str::to_owned),
            many => ["Ready", "False", "KubeletNotReady", &format!("[{}]", many.join(", "))].map(str::to_owned),
        };
        let pressures =
            PRESSURES.map(|[type_, reason, message, _]| [type_, "False", reason, message].map(str::to_owned));
        pressures.into_iter().chain([ready]).map(|texts| condition(texts, before)).collect()
    }

    fn announce(&self, before: &[NodeCondition], now: &[NodeCondition]) {
        let old = |type_: &str| before.iter().find(|old| old.type_ == type_).map(|old| old.status.as_str());
        let name = &self.parts.options.node_name;
        let status = |event: &str| say(self.parts, event, format!("Node {name} status is now: {event}"));
        for [type_, .., event] in PRESSURES {
            if old(type_) != Some("False") {
                status(event);
            }
        }
        for ready in now.iter().filter(|condition| condition.type_ == "Ready") {
            if old("Ready").is_some_and(|old| old != ready.status) {
                status(if ready.status == "True" { "NodeReady" } else { "NodeNotReady" });
            }
        }
    }

    async fn status(&self) -> NodeStatus {
        let version = timeout(Duration::from_secs(2), self.parts.runtime.version()).await.ok().and_then(Result::ok);
        let runtime = version.map(|version| format!("{}://{}", version.runtime_name, version.runtime_version));
        let address = |type_: &str, address: &str| NodeAddress { type_: type_.to_owned(), address: address.to_owned() };
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        NodeStatus {
            addresses: Some(vec![address("InternalIP", HOST_IP), address("Hostname", &self.parts.options.node_name)]),
            capacity: Some(capacity()),
            allocatable: Some(capacity()),
            node_info: Some(NodeSystemInfo {
                architecture: "amd64".to_owned(),
                container_runtime_version: runtime.unwrap_or_default(),
                kernel_version: kernel.trim().to_owned(),
                kubelet_version: VERSION.to_owned(),
                operating_system: "linux".to_owned(),
                os_image: "kubewhy lab".to_owned(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }
    }
}

fn fresh(name: &str) -> Node {
    let labels = [("kubernetes.io/hostname", name), ("kubernetes.io/os", "linux"), ("kubernetes.io/arch", "amd64")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
    Node { metadata, ..Node::default() }
}

fn capacity() -> BTreeMap<String, Quantity> {
    [("cpu", "2"), ("memory", "4Gi"), ("ephemeral-storage", "20Gi"), ("pods", "110")]
        .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
        .into()
}

fn condition([type_, status, reason, message]: [String; 4], before: &[NodeCondition]) -> NodeCondition {
    let now = Time(Timestamp::now());
    let old = before.iter().find(|old| old.type_ == type_ && old.status == status);
    NodeCondition {
        last_transition_time: old.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(now.clone())),
        last_heartbeat_time: Some(now),
        type_,
        status,
        reason: Some(reason),
        message: Some(message),
    }
}
