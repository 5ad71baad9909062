//! Causes that keep a pod's sandbox from coming up: the pod network and the pause image.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Probe, Right, Scope};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// There is no CNI configuration, so no pod gets a network.
pub const CNI_CONFIG_MISSING: Cause = Cause {
    id: "CniConfigMissing",
    stage: Stage::Network,
    scope: Scope::Node,
    owner: Owner::Platform,
    summary: "The runtime has no CNI network configuration to load.",
    says: "This node has no pod network: {dir} holds no CNI configuration[, and {runtime} says NetworkReady=false]. Pods with their own network cannot start[; {pods} waiting].",
    rules_out: "Runtime and images are fine.",
    advice: "look at the network add-on's pod here (kubectl get pods -A -o wide): it writes that file.",
    mends: "It is loaded within seconds.",
    after: Duration::from_secs(5),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["cni plugin not initialized"]),
        Sign::of(&["no networks found in"]),
        Sign::of(&["no network config found"]),
        Sign::of(&["cni config uninitialized"]),
        Sign::of(&["no cni configuration file in"]),
    ],
    needs: &[Right::CniDirs],
    rest: false,
    examples: &[],
    probe: Some(Probe::CniDirs),
    steps: &[],
};

/// The CNI configuration names a plugin whose program is not there.
pub const CNI_PLUGIN_MISSING: Cause = Cause {
    id: "CniPluginMissing",
    stage: Stage::Network,
    scope: Scope::Node,
    owner: Owner::Platform,
    summary: "The CNI configuration names a plugin that is not installed on the node.",
    says: "Pods with their own network cannot start on this node[, though it says {ready}]: CNI plugin {plugin} is not in {dirs}[; network {network} ({file}) needs it][; {pods} waiting].",
    rules_out: "Runtime, images and the pods are fine.",
    advice: "install it, or restart the network add-on's pod here; cordon meanwhile.",
    mends: "Pods then start.",
    after: Duration::from_secs(5),
    kind: Grows::Warning,
    signs: &[Sign::of(&["failed to find plugin", "in path"])],
    needs: &[Right::CniDirs],
    rest: false,
    examples: &[],
    probe: Some(Probe::CniDirs),
    steps: &[],
};

/// The pause image is not on the node and can't be pulled.
pub const SANDBOX_IMAGE_UNAVAILABLE: Cause = Cause {
    id: "SandboxImageUnavailable",
    stage: Stage::Sandbox,
    scope: Scope::Node,
    owner: Owner::Platform,
    summary: "The sandbox (pause) image is not on the node and the runtime cannot pull it.",
    says: "No pod can start on this node: its pause image {image} is not here and cannot be pulled[ ({inner})][; {pods} waiting].",
    rules_out: "The images of the pods are not the cause.",
    advice: "load it (ctr -n k8s.io images import) or name another (containerd: sandbox_image, CRI-O: pause_image).",
    mends: "Pods then start.",
    after: Duration::from_secs(5),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["failed to get sandbox image"]),
        Sign::of(&["failed to get/pull image", "pause"]),
        Sign::of(&["failed pulling image", "pause"]),
        Sign::of(&["failed to pull image", "pause", "sandbox"]),
    ],
    needs: &[Right::Pods, Right::PodEvents],
    rest: false,
    examples: &[],
    probe: Some(Probe::Sandboxes),
    steps: &[],
};
