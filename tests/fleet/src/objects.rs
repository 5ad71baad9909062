//! Nodes and pods as a cluster has them, of the usual size: a pod of 6 KB with its managed fields, a Node of 12 KB with its
//! list of images. What the agent does not read is one long string.

use serde_json::{Value, json};

/// The image that is rolled out to every node, and that no registry has.
pub const BAD_IMAGE: &str = "registry.example.com/shop/cart:2.14.1";
/// What the names of its pods begin with; the node's name follows.
pub const NEW_POD: &str = "cart-";
/// Where it is rolled out.
pub const NAMESPACE: &str = "shop";
/// What the kubelet says of it, as containerd 2.1 words it.
const NOT_FOUND: &str = "failed to pull and unpack image \"registry.example.com/shop/cart:2.14.1\": failed to resolve image: \
                         registry.example.com/shop/cart:2.14.1: not found";

/// A Node that is ready.
#[must_use]
pub fn node(name: &str, at: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "", "lastHeartbeatTime": at, "lastTransitionTime": "2026-11-01T00:00:00Z"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "uid": format!("uid-{name}"),
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "a"},
            "annotations": {"rest": "i".repeat(11_000)},
        },
        "spec": {"podCIDR": "10.1.0.0/24"},
        "status": {"conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID"),
            condition("Ready", "True", "KubeletReady"),
        ]},
    })
}

/// A pod of that number which runs on a node, and has for long.
#[must_use]
pub fn running_pod(node: &str, number: usize) -> Value {
    let since = "2026-11-01T00:00:00Z";
    let state = json!({"running": {"startedAt": since}});
    let status = status("Running", since, true, &state);
    pod(&format!("web-{number}-{node}"), "base", node, "registry.example.com/base/web:1", status)
}

/// The pod of the rollout on a node, as its kubelet has just taken it up.
#[must_use]
pub fn new_pod(node: &str, at: &str) -> Value {
    let state = json!({"waiting": {"reason": "ContainerCreating"}});
    pod(&new_pod_name(node), NAMESPACE, node, BAD_IMAGE, status("Pending", at, true, &state))
}

/// Its name.
#[must_use]
pub fn new_pod_name(node: &str) -> String {
    format!("{NEW_POD}{node}")
}

/// What its kubelet says of its container once a pull has failed, and while it waits for the next one.
#[must_use]
pub fn waiting(backs_off: bool) -> Value {
    if backs_off {
        let message = format!("Back-off pulling image \"{BAD_IMAGE}\": ErrImagePull: {NOT_FOUND}");
        json!({"waiting": {"reason": "ImagePullBackOff", "message": message}})
    } else {
        json!({"waiting": {"reason": "ErrImagePull", "message": NOT_FOUND}})
    }
}

fn status(phase: &str, at: &str, has_sandbox: bool, state: &Value) -> Value {
    let runs = phase == "Running";
    let condition = |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastTransitionTime": at});
    json!({
        "phase": phase, "startTime": at, "hostIP": "10.0.0.7",
        "conditions": [
            condition("PodReadyToStartContainers", has_sandbox), condition("Initialized", true), condition("Ready", runs),
            condition("ContainersReady", runs), condition("PodScheduled", true),
        ],
        "containerStatuses": [{
            "name": "main", "image": "", "imageID": "", "ready": runs, "started": runs, "restartCount": 0, "state": state,
        }],
    })
}

fn pod(name: &str, namespace: &str, node: &str, image: &str, status: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "labels": {"app": "web"},
            "annotations": {"rest": "m".repeat(4_600)},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "uid": "uid-web", "controller": true}],
        },
        "spec": {
            "nodeName": node, "restartPolicy": "Always", "serviceAccountName": "default",
            "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent"}],
        },
        "status": status,
    })
}
