//! Causes that keep a pod's sandbox from coming up, apart from its network: the pause image, names, handlers, time.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Probe, Right, Scope};
use crate::model::sign::{Operation, Sign};
use crate::model::stage::Stage;

const SANDBOX: &[Operation] = &[Operation::Sandbox];

/// The pause image is not on the node, and our own pull of it failed.
pub const PAUSE_IMAGE_MISSING: Cause = Cause {
    id: "PauseImageMissing",
    stage: Stage::Sandbox,
    scope: Scope::Node,
    summary: "The sandbox (pause) image is gone from the node, and a pull of it fails: the next pod will not start.",
    says: "The next pod cannot start on this node[, though it says {ready}]: the pause image {image} is gone, and our own pull of it failed[ ({inner})].",
    rules_out: "The images of the pods are not the cause; what runs keeps running.",
    advice: "load it (ctr -n k8s.io images import) or name another (containerd: sandbox_image, CRI-O: pause_image).",
    mends: "Pods then start.",
    after: Duration::from_secs(5),
    probe: Some(Probe::OwnPull),
    needs: &[],
    steps: &[
        "See which image the runtime wants: `crictl info | grep -i sandboxImage` (containerd), `crio config | grep pause_image` (CRI-O); and whether it is here: `crictl images | grep pause`.",
        "`crictl pull IMAGE` shows the error that kubewhy met: no way to its registry, no such tag, a login.",
        "Load it from a file: `ctr -n k8s.io images import pause.tar`; or name an image that is here in the runtime's configuration, and restart the runtime.",
        "Images are removed by the kubelet's garbage collection unless pinned: containerd 1.7.3 and later, and CRI-O, pin the one that their configuration names.",
    ],
    ..USUAL
};

/// The pause image is not on the node and can't be pulled.
pub const SANDBOX_IMAGE_UNAVAILABLE: Cause = Cause {
    id: "SandboxImageUnavailable",
    stage: Stage::Sandbox,
    scope: Scope::Node,
    summary: "The sandbox (pause) image is not on the node and the runtime cannot pull it.",
    says: "No pod can start on this node: its pause image[ {image}] is not here and cannot be pulled[ ({inner})][; {pods} waiting].",
    rules_out: "The images of the pods are not the cause.",
    advice: "load it (ctr -n k8s.io images import) or name another (containerd: sandbox_image, CRI-O: pause_image).",
    mends: "Pods then start.",
    after: Duration::from_secs(5),
    probe: Some(Probe::Sandboxes),
    needs: &[Right::Pods, Right::PodEvents],
    signs: &[
        Sign::of(&["failed to get sandbox image"]),
        Sign::of(&["pull sandbox image"]),
        Sign::of(&["pulling sandbox image"]),
        Sign::of(&["inspect sandbox image"]),
        Sign::of(&["ensure sandbox image"]),
        Sign::of(&["pause image", "pull"]).but(&["successfully"]),
        Sign::of(&["failed to get/pull image", "pause"]),
        Sign::of(&["failed pulling image", "pause"]),
        Sign::of(&["failed pulling image"]).within(SANDBOX),
        Sign::of(&["failed to pull image", "pause", "sandbox"]),
        Sign::of(&["pull", "/pause:", "sandbox"]),
        Sign::of(&["pull", "/pause-amd64:", "sandbox"]),
        // CRI-O (internal/storage: CreatePodSandbox pulls its pause image)
        Sign::of(&["pod sandbox with name", "initializing source"]),
        Sign::of(&["pod sandbox with name", "container registry"]),
        Sign::of(&["pod sandbox with name", "docker registry"]),
        Sign::of(&["pod sandbox with name", "reading manifest"]),
        Sign::of(&["pod sandbox with name", "image not known"]),
        Sign::of(&["pod sandbox with name", "copying system image"]),
        Sign::of(&["pod sandbox with name", " blob"]),
        // docker, containerd: gone between its check and its use
        Sign::of(&["create a sandbox", "no such image"]),
        Sign::of(&["get image from containerd"]).within(SANDBOX),
        // kubelets before CRI name the infrastructure container POD
        Sign::of(&["for \"pod\" with errimagepull"]),
        Sign::of(&["for \"pod\" with imagepullbackoff"]),
        Sign::of(&["pod-infrastructure"]).within(&[Operation::Pull]),
    ],
    examples: &[
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.10": failed to pull image "registry.k8s.io/pause:3.10": failed to pull and unpack image "registry.k8s.io/pause:3.10": failed to resolve reference "registry.k8s.io/pause:3.10": failed to do request: Head "https://registry.k8s.io/v2/pause/manifests/3.10": dial tcp: lookup registry.k8s.io on 10.0.0.2:53: no such host"#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed pulling image "registry.example.com/pause:3.9": Error response from daemon: Get "https://registry.example.com/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"#,
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = error creating pod sandbox with name "k8s_cart-0_shop_7d0e_0": initializing source docker://registry.example.com/pause:3.9: reading manifest 3.9 in registry.example.com/pause: manifest unknown"#,
    ],
    steps: &[
        "See which image the runtime wants: `crictl info | grep -i sandboxImage` (containerd), `crio config | grep pause_image` (CRI-O); and whether it is here: `crictl images | grep pause`.",
        "Try the pull with the runtime's own settings: `crictl pull IMAGE`; its error says whether name, network, certificate or login is wrong.",
        "No way to that registry: mirror the image, name the mirror in `sandbox_image` (containerd 2: `pinned_images.sandbox`) or `pause_image`, restart the runtime; or load a tar: `ctr -n k8s.io images import pause.tar`.",
        "If it was here and is gone: something removes images that are not pinned (`crictl rmi --prune`, a disk cleaner). Label it `io.cri-containerd.pinned=pinned`, or list it in CRI-O's `pinned_images`.",
    ],
    ..USUAL
};

/// An earlier attempt at the same sandbox still holds its name.
pub const SANDBOX_NAME_CONFLICT: Cause = Cause {
    id: "SandboxNameConflict",
    stage: Stage::Sandbox,
    summary: "The sandbox's name is still held by an earlier attempt to create it, which has neither ended nor failed.",
    says: "The runtime is still busy with an earlier attempt at this pod's sandbox, which holds its name.[ It began {begun} ago.][ CNI plugin {plugin} has not returned for {age} ({process}).] Nothing is wrong with the pod.",
    rules_out: "The pod and its images are not the cause.",
    advice: "look for what is slow on this node: the CNI plugin, the disk or the runtime.",
    mends: "It ends with the earlier attempt; if that hangs, restart the runtime.",
    after: Duration::from_secs(5),
    needs: &[Right::Pods, Right::PodEvents],
    signs: &[
        Sign::of(&["reserve sandbox name"]),
        Sign::of(&["reserving pod name"]),
        Sign::of(&["reserve pod name"]),
        Sign::of(&["reserve pod sandbox name"]),
        Sign::of(&["pod sandbox name", "reserved"]),
        Sign::of(&["sandbox", "name is reserved"]).but(&["container name", "reserving ctr name"]),
        Sign::of(&["pod sandbox with name", "already in use"]),
        Sign::of(&["pod sandbox with name", "already exists"]),
        Sign::of(&["the container name \"/k8s_pod_", "already in use"]),
        Sign::of(&["the container name \"k8s_pod_", "already in use"]),
    ],
    examples: &[
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to reserve sandbox name "cart-0_shop_7d0e_0": name "cart-0_shop_7d0e_0" is reserved for "e41d37b94b4d""#,
        "Failed to create pod sandbox: rpc error: code = Unknown desc = Kubelet may be retrying requests that are timing out in CRI-O due to system load. Currently at stage sandbox network creation: context deadline exceeded: error reserving pod name k8s_cart-0_shop_7d0e_0 for id b421a4: name is reserved",
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create a sandbox for pod "cart-0": Error response from daemon: Conflict. The container name "/k8s_POD_cart-0_shop_7d0e_0" is already in use by container "6b1f". You have to remove (or rename) that container to be able to reuse that name."#,
    ],
    steps: &[
        "See where the first attempt hangs: `journalctl -u containerd -u crio --since -15min | grep POD`; CRI-O names the stage in its error.",
        "Look for a CNI plugin that does not end: `ps -eo pid,etime,args | grep /cni/bin`; and for a starved node: `cat /proc/pressure/io /proc/pressure/cpu`.",
        "Mend that first. What is left hanging after it is released by `systemctl restart containerd` (or crio); running containers go on.",
    ],
    ..USUAL
};

/// The pod's RuntimeClass names a handler that this node's runtime does not know.
pub(super) const RUNTIME_HANDLER_MISSING: Cause = Cause {
    id: "RuntimeHandlerMissing",
    stage: Stage::Sandbox,
    summary: "The pod's RuntimeClass asks for a runtime handler that is not configured on this node.",
    says: "The pod's RuntimeClass asks for runtime handler[ {handler}], which this node's runtime does not have. Other pods can start.",
    rules_out: "The runtime itself, network and images are fine.",
    advice: "configure it in containerd or CRI-O, or give the RuntimeClass a nodeSelector for nodes that have it.",
    mends: "The pod then starts by itself.",
    after: Duration::from_secs(5),
    needs: &[Right::Pods, Right::PodEvents],
    signs: &[
        Sign::of(&["no runtime for", "is configured"]),
        Sign::of(&["find runtime handler"]),
        Sign::of(&["runtimehandler", "not supported"]),
        Sign::of(&["runtime handler", "not supported"]),
        Sign::of(&["runtime handler", "not found"]),
        Sign::of(&["runtime handler", "not configured"]),
        Sign::of(&["invalid runtime handler"]),
        Sign::of(&["unknown runtime handler"]),
        Sign::of(&["unknown runtime specified"]),
        Sign::of(&["unknown or invalid runtime name"]),
        Sign::of(&["failed to get sandbox runtime"]),
        Sign::of(&["runtimeclass", "not found"]).but(&[
            "failed to list",
            "failed to watch",
            "the server could not find",
        ]),
    ],
    examples: &[
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "kata" is configured"#,
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to find runtime handler kata from runtime list map[crun:0xc0005 runc:0xc0006]",
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = RuntimeHandler "kata" not supported"#,
    ],
    steps: &[
        "See what the pod asks for: `kubectl get pod POD -o jsonpath={.spec.runtimeClassName}`, `kubectl get runtimeclass NAME -o jsonpath={.handler}`.",
        "See what the node has: `kubectl get node NODE -o jsonpath={.status.runtimeHandlers}`; containerd: `containerd config dump | grep -A3 runtimes`; CRI-O: `crio status config | grep -A3 crio.runtime.runtimes`.",
        "Add the handler (for NVIDIA `nvidia-ctk runtime configure`, for Kata and gVisor their installers) and restart the runtime.",
        "If only some nodes have it: set `scheduling.nodeSelector` in the RuntimeClass.",
    ],
    ..USUAL
};

/// The node's resolv.conf, from which those of the pods are made, is not there.
pub(super) const NODE_RESOLV_CONF_MISSING: Cause = Cause {
    id: "NodeResolvConfMissing",
    stage: Stage::Sandbox,
    scope: Scope::Node,
    summary: "The node's resolv.conf, from which the kubelet makes those of the pods, does not exist.",
    says: "No pod can start on this node: the resolv.conf that its kubelet reads[, {file},] does not exist[; {pods} waiting].",
    rules_out: "Runtime, pod network and images are fine.",
    advice: "start systemd-resolved, or set the kubelet's resolvConf to a file that exists (/etc/resolv.conf) and restart it.",
    mends: "Pods then start.",
    after: Duration::from_secs(5),
    probe: Some(Probe::Node),
    needs: &[Right::Pods, Right::PodEvents, Right::KubeletDirs],
    signs: &[
        Sign::of(&["resolv.conf: no such file"]).but(OF_A_POD),
        Sign::of(&["resolv.conf\": no such file"]).but(OF_A_POD),
        Sign::of(&["resolv.conf: the system cannot find"]).but(OF_A_POD),
        Sign::of(&["open resolv conf file", "no such file"]).but(OF_A_POD),
        Sign::of(&["resolv.conf", "does not exist"]).but(OF_A_POD),
    ],
    examples: &[
        "Failed to create pod sandbox: open /run/systemd/resolve/resolv.conf: no such file or directory",
        r#""Could not open resolv conf file." err="open /etc/resolv.conf: no such file or directory""#,
    ],
    steps: &[
        "See which file the kubelet reads: `kubectl get --raw /api/v1/nodes/NODE/proxy/configz | jq -r .kubeletconfig.resolvConf`; and whether it is there: `ls -lL FILE`.",
        "With systemd-resolved: `systemctl enable --now systemd-resolved` makes /run/systemd/resolve/resolv.conf.",
        "Without it: set `resolvConf: /etc/resolv.conf` in the kubelet's configuration (kubeadm sets the other one at join time if it saw systemd-resolved) and restart the kubelet.",
    ],
    ..USUAL
};

/// The resolv.conf of a sandbox or a container, which the runtime makes.
const OF_A_POD: &[&str] = &["/sandboxes/", "rootfs", "/containers/", "/overlay-containers/", "kata-containers"];

/// The sandbox took too long, and nothing says why.
pub(super) const SANDBOX_TIMEOUT: Cause = Cause {
    id: "SandboxTimeout",
    stage: Stage::Sandbox,
    summary: "The runtime did not finish the pod's sandbox within the kubelet's deadline, and nothing says why.",
    says: "The pod's sandbox was not finished within the kubelet's deadline (4 min by default); the runtime does not say what it waited for.",
    rules_out: "The runtime took the request; the images of the pod are not needed yet.",
    advice: "look for a CNI plugin that hangs (ps on this node), a slow disk or a runtime that is stuck (crictl info).",
    mends: "The kubelet tries again by itself.",
    after: Duration::from_secs(5),
    needs: &[Right::Pods, Right::PodEvents],
    rest: true,
    signs: &[
        Sign::of(&["deadline exceeded"]).within(SANDBOX).but(ANOTHER_CALL),
        Sign::of(&["deadlineexceeded"]).within(SANDBOX).but(ANOTHER_CALL),
        Sign::of(&["operation timeout"]).within(SANDBOX).but(ANOTHER_CALL),
        Sign::of(&["pod sandbox", "context canceled"]).but(ANOTHER_CALL),
        Sign::of(&["runpodsandbox", "context canceled"]).but(ANOTHER_CALL),
        Sign::of(&["requests that are timing out"]).within(SANDBOX).but(ANOTHER_CALL),
    ],
    examples: &[
        "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create a sandbox for pod "cart-0": operation timeout: context deadline exceeded"#,
        r#""RunPodSandbox from runtime service failed" err="rpc error: code = DeadlineExceeded desc = stream terminated by RST_STREAM with error code: CANCEL""#,
    ],
    steps: &[
        "Is a CNI plugin hanging? `ps -eo pid,etime,args | grep /cni/bin`; then look at the network add-on's pod on this node.",
        "Is the node starved? `cat /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory; uptime`.",
        "Does the runtime answer? `time crictl info; time crictl pods`; its log: `journalctl -u containerd -u crio --since -15min`.",
    ],
    ..USUAL
};

/// Other calls whose texts name a sandbox too: containers in it, its end, its state.
const ANOTHER_CALL: &[&str] = &[
    "createcontainer",
    "create container",
    "startcontainer",
    "start container ",
    "container create failed",
    "stoppodsandbox",
    "stop pod sandbox",
    "stop sandbox",
    "stopping pod sandbox",
    "killpodsandbox",
    "removepodsandbox",
    "remove sandbox",
    "remove pod sandbox",
    "listpodsandbox",
    "list sandboxes",
    "podsandboxstatus",
    "sandbox status",
    "podsandboxstats",
    "portforward",
    "execsync",
    "killing pod",
    "failed to sync",
    "pull image",
    "pulling image",
    "mountvolume",
    "volumes",
];
