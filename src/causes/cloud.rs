//! Causes that lie with those who must finish a node from outside: the cloud's controllers.

use std::time::Duration;

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Right};

/// What the Node itself says; controllers take some seconds for a new one.
const OF_THE_CLOUD: Cause = Cause { after: Duration::from_secs(28), probe: None, needs: &[Right::Pods], ..OF_THE_NODE };

/// No cloud controller has taken the node up.
pub const NODE_UNINITIALIZED: Cause = Cause {
    id: "NodeUninitialized",
    summary: "The cloud controller has not initialized this node, so ordinary pods are not scheduled to it.",
    says: "No cloud controller has initialized this node: it still has the taint node.cloudprovider.kubernetes.io/uninitialized, so ordinary pods are not scheduled to it. Kubelet, runtime and network of the node are not the cause.",
    rules_out: "Kubelet, runtime and network of the node are not the cause.",
    advice: "see the log of the cloud-controller-manager.",
    mends: "",
    steps: &[
        "`kubectl get pods -A | grep -i cloud-controller`: does it run? It must tolerate this taint itself, and be on the node's network, or it waits for what it is to do.",
        "Its log: no credentials for the cloud's API, or no machine of this name (`kubectl get node NODE -o jsonpath='{.spec.providerID}'`).",
        "No cloud at all: the kubelet was started with `--cloud-provider=external` by mistake; take it out, restart the kubelet and remove the taint: `kubectl taint node NODE node.cloudprovider.kubernetes.io/uninitialized-`.",
    ],
    ..OF_THE_CLOUD
};

/// The routes of the node are not made.
pub const NETWORK_UNAVAILABLE: Cause = Cause {
    id: "NetworkUnavailable",
    summary: "The Node says that its network is not set up: its routes are missing, and ordinary pods are not scheduled to it.",
    says: "The network of this node is not set up, by its condition NetworkUnavailable[ ({reason})]: routes to its pods are missing, and ordinary pods are not scheduled to it. Kubelet and runtime are not the cause.",
    rules_out: "Kubelet and runtime of the node are not the cause; nor is a CNI plugin that starts pods.",
    advice: "see the log of the route controller or CNI agent that sets the condition.",
    mends: "",
    steps: &[
        "`kubectl describe node NODE`: the condition's reason and message. `NoRouteCreated` is the cloud's route controller; Calico, Cilium and flannel set it too.",
        "Clouds: the log of the cloud-controller-manager; a route table that is full, a missing right, or two nodes with one pod range (`kubectl get nodes -o custom-columns=N:.metadata.name,R:.spec.podCIDR`).",
        "A condition that nobody owns any more (another CNI was there before): the one that is there now must write it, or it is patched in the Node's status by hand.",
    ],
    ..OF_THE_CLOUD
};
