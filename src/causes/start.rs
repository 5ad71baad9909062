//! Causes that no words name: where a start stands, seen from the pod's status beside what the runtime shows. Each says
//! what is seen, and what follows from it as no more than that.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Grows, Owner, Probe, Right};
use crate::model::stage::Stage;

/// What these have in common: nothing failed, so far it only takes long.
const WAIT: Cause = Cause { kind: Grows::Normal, after: Duration::from_secs(45), probe: Some(Probe::Starts), ..USUAL };

/// The pod is bound to this node, and the kubelet has done nothing about it.
pub const KUBELET_NOT_SYNCING: Cause = Cause {
    id: "KubeletNotSyncing",
    stage: Stage::Admission,
    summary: "The pod is bound to this node, and the kubelet has not taken it up.",
    says: "The kubelet has not taken this pod up in {for}, though the Node says Ready and {runtime} answers. Since then it took up {others}.",
    rules_out: "Image, volumes and network are not the cause: none of them was tried.",
    advice: "read journalctl -u kubelet -n 100 (PLEG, a device plugin that does not answer); restarting the kubelet stops no pod.",
    steps: &[
        "`journalctl -u kubelet -n 200`: `Skipping pod synchronization` names what stops its loop; `PLEG is not healthy` means that lists of the runtime hang.",
        "`curl -sk https://localhost:10250/healthz` on the node, with the kubelet's credentials: it checks the loop, the plain health port does not.",
        "A device plugin that never answers Allocate blocks every admission: look at the plugin's pod on this node.",
        "`systemctl restart kubelet`: containers go on running.",
    ],
    after: Duration::from_secs(60),
    kind: Grows::WarningAfter(Duration::from_secs(180)),
    ..WAIT
};

/// The sandbox is seen in the making; or there is none, no Event, and the kubelet waits for nothing else that is known.
pub const SANDBOX_STALLED: Cause = Cause {
    id: "SandboxStalled",
    stage: Stage::Sandbox,
    summary: "The pod's sandbox has been in the making for long: a CNI plugin that does not return is the usual reason.",
    says: "This pod's sandbox is still being made: [CNI plugin {plugin} does not return|its network is made, but {networked} has not started it|{cni} waits for CNI to make its network|{runtime} lists none that is ready]. [Its {command} has run for {age} ({process})|It has run for {age} ({process}), the only one, for the only sandbox in the making|{for} so far][, and {events}].[ {near}.| {suspect} looks like this; the network is {network} ({plugins}).| {suspect} looks like this.][ {daemon}.]",
    rules_out: "The runtime answers, and no image of the pod was asked for yet.",
    advice: "[read /proc/{pid}/stack and the network add-on's log here|read journalctl -u {networked}|look for it (pgrep -af cni/bin) and read the network add-on's log here].[ App: {move}]",
    mends: "",
    steps: &[
        "`ps -eo pid,etime,stat,args | grep /opt/cni/bin`: a plugin that has run for minutes is the one that hangs; state D points at a dead mount.",
        "`kubectl get pods -A -o wide --field-selector spec.nodeName=NODE`: is the network add-on's pod running? Its log says what it waits for.",
        "`journalctl -u containerd -n 100` (or `-u crio`): a `RunPodSandbox` without its end.",
        "`cat /proc/PID/stack` of that plugin, as root: what it waits for in the kernel; `ss -xp | grep PID`: to which daemon it talks.",
        "The kubelet gives up after 4 minutes and tries again; until then it says nothing. Killing the plugin's process ends the wait earlier.",
    ],
    after: Duration::from_secs(30),
    kind: Grows::WarningAfter(Duration::from_secs(90)),
    probe: Some(Probe::Making),
    needs: &[Right::Pods, Right::Traces],
    ..WAIT
};

/// The image's turn has not come: with the kubelet, or among the runtime's downloads.
pub const IMAGE_PULL_QUEUED: Cause = Cause {
    id: "ImagePullQueued",
    stage: Stage::ImageQueue,
    summary: "The image waits: the node pulls others, and of this one no byte was asked for yet.",
    says: "This pod's image waits [its turn ({for}): the node pulls {at_once} at a time, now {ahead}|for a download ({for}): containerd's default is {slots} layers at a time for the whole node, and {ahead} has them|({for}): no pull of it runs, while the node pulls {ahead}][: {progress}][; {before} before it]. Nothing is wrong with this pod.",
    gist: "behind {head}[, {progress}][, {before} before it]",
    rules_out: "Nothing is known against the image or its registry: they were not asked yet.",
    advice: "see kubewhy status[; {remedy}].[ App: {move}]",
    steps: &[
        "`kubewhy status` on the node shows what is pulled, how fast, and who waits.",
        "If the pull ahead stands still, its registry is the matter: ImagePullStalled on the pod that waits for it.",
        "The kubelet's turn: `serializeImagePulls: false` with `maxParallelImagePulls` in its configuration lets pulls run side by side.",
        "containerd's downloads, from 2.1 on counted over the node: `max_concurrent_downloads` in its configuration.",
        "A pre-pull set has the image on the node before a pod asks.",
    ],
    after: Duration::from_secs(15),
    kind: Grows::WarningAfter(Duration::from_secs(300)),
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..WAIT
};

/// Every byte is here, and the pull is not over.
pub const IMAGE_UNPACK_SLOW: Cause = Cause {
    id: "ImageUnpackSlow",
    stage: Stage::ImagePull,
    summary: "The image is downloaded, and unpacking it takes long.",
    says: "The image is downloaded and not ready yet: all {total} in {layers} arrived {for} ago, so it is being unpacked. Registry, network and login are done.",
    gist: "all {total} here, unpacking for {for}",
    rules_out: "Registry, network and login are fine: every byte is here.",
    advice: "look at this node's disk (iostat -x 1; cat /proc/pressure/io) and processors.",
    steps: &[
        "`cat /proc/pressure/io /proc/pressure/cpu`: what `some` and `full` say of the last minute.",
        "`iostat -x 1`: the disk under the runtime's root, `/var/lib/containerd` by default.",
        "Large images of many small files take long on network disks: fewer layers, or a faster disk for the runtime.",
    ],
    kind: Grows::WarningAfter(Duration::from_secs(300)),
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..WAIT
};

/// The process runs, and the kubelet waits for its hook.
pub const HOOK_RUNNING: Cause = Cause {
    id: "HookRunning",
    stage: Stage::Hook,
    owner: Owner::App,
    summary: "The container runs, and its postStart hook has not returned.",
    says: "Container {container} was made {for} ago and runs in {runtime}, but the kubelet has not gone on: its postStart hook has not returned. Image, network and volumes are fine.",
    rules_out: "Image, network and volumes are fine: the process runs.",
    advice: "look at what the hook waits for; an exec hook has no time-out of its own.",
    steps: &[
        "`kubectl get pod POD -o yaml`: `lifecycle.postStart` of that container.",
        "`kubectl exec POD -c CONTAINER -- ps`: what the hook does, if the image has `ps`.",
        "Give the command a limit of its own, such as `timeout 30 …`.",
    ],
    after: Duration::from_secs(30),
    kind: Grows::WarningAfter(Duration::from_secs(300)),
    ..WAIT
};

/// An init container is at work.
pub const INIT_CONTAINER_RUNNING: Cause = Cause {
    id: "InitContainerRunning",
    stage: Stage::Start,
    owner: Owner::App,
    summary: "An init container runs, and the pod waits for it to end.",
    says: "Init container {container} ({which}) has run for {for}[, {restarts}], and the pod waits for it to end. Nothing of the node holds this pod.",
    rules_out: "The node is fine: it has started all that could be started.",
    advice: "[kubectl -n {namespace} logs {pod} -c {container}|its log] says what it waits for.",
    steps: &[
        "`kubectl logs POD -c CONTAINER`: many init containers wait for a database or another service.",
        "`kubectl exec POD -c CONTAINER -- ps`: what it does, if the image has `ps`.",
    ],
    ..WAIT
};

/// A sidecar runs and does not count as started.
pub const SIDECAR_NOT_STARTED: Cause = Cause {
    id: "SidecarNotStarted",
    stage: Stage::Start,
    owner: Owner::App,
    summary: "A sidecar runs and does not count as started, and what comes after it waits.",
    says: "Sidecar {container} ({which}) has run for {for} and does not count as started: its startup probe has not succeeded. The containers after it wait.",
    rules_out: "The node is fine: the sidecar's process runs.",
    advice: "look at its startup probe and its log[: kubectl -n {namespace} logs {pod} -c {container}].",
    steps: &[
        "`kubectl describe pod POD`: `Unhealthy` Events say what the startup probe got.",
        "`kubectl logs POD -c CONTAINER`: what it waits for.",
    ],
    ..WAIT
};
