//! Causes that are a verdict on the node as a whole: what keeps ending, and what no pod gets past.

use std::time::Duration;

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Probe, Right};
use crate::model::stage::Stage;

/// The kubelet is started again and again.
pub const KUBELET_CRASH_LOOPING: Cause = Cause {
    id: "KubeletCrashLooping",
    summary: "The kubelet of this node keeps ending and is started again and again.",
    says: "The kubelet of this node keeps ending: {starts} starts in 10 min[, last words: \"{words}\"]. What runs keeps running; nothing new starts. The pods are not the cause.",
    rules_out: "The pods and their images are not the cause: something ends the kubelet soon after each start.",
    advice: "journalctl -u kubelet -n 100: the last lines before each end say why.",
    mends: "It will hardly mend itself.",
    steps: &[
        "`journalctl -u kubelet -n 100`: the last lines before `Main process exited` name the flag, file or check that it ends on.",
        "`systemctl status kubelet`: the exit code; 137 is a kill, by the kernel for lack of memory (`dmesg -T | grep -i kubelet`) or by a person.",
        "Swap, cgroup v1, a full disk, no inotify instance left, a certificate that has expired: the usual reasons. `kubewhy check` on the node looks at each.",
    ],
    after: Duration::ZERO,
    needs: &[Right::Proc],
    ..OF_THE_NODE
};

/// The runtime is started again and again.
pub const RUNTIME_CRASH_LOOPING: Cause = Cause {
    id: "RuntimeCrashLooping",
    stage: Stage::Runtime,
    summary: "The container runtime of this node keeps ending and is started again and again.",
    says: "The container runtime of this node keeps ending: {starts} starts in 10 min[, last words: \"{words}\"]. What runs goes on; nothing new starts.",
    rules_out: "The pods are hardly the cause: something ends the runtime soon after each start.",
    advice: "journalctl -u containerd (or crio) -n 100: the lines before each end.",
    mends: "It will hardly mend itself.",
    steps: &[
        "`journalctl -u containerd -n 100` (or `crio`): the last lines before `Main process exited`; a panic has its stack there.",
        "`systemctl status containerd`: the exit code; 137 is a kill, by the kernel for lack of memory (`dmesg -T | grep -iE 'oom|containerd'`) or by a person.",
        "A full disk or a broken metadata file (`/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db`) ends it at each start: `df -h /var/lib/containerd`.",
    ],
    after: Duration::ZERO,
    needs: &[Right::Proc],
    ..OF_THE_NODE
};

/// Pods of several owners fail at one stage for one reason, and none gets past it.
pub const NODE_CANNOT_START_PODS: Cause = Cause {
    id: "NodeCannotStartPods",
    summary: "Pods of several owners fail or hang on this node at one stage for one cause, and none has started since.",
    says: "[{which}|Pods] cannot start on this node[, though it says {ready}]. [{hang} hang|{failed} failed], 0 started since {began}: {why}",
    rules_out: "The single pods and their owners are not the cause.",
    advice: "[read /proc/{pid}/stack and the network add-on's log here|look up {cause} in what kubewhy explains|see the Events of those pods]; cordon this node meanwhile.",
    mends: "",
    steps: &[
        "`kubewhy explain --cause CAUSE` for the cause that the Event names: what to look at, and the command that shows it.",
        "`kubectl cordon NODE`, so that no further pod comes here; delete waiting pods whose controllers make them anew elsewhere.",
        "`kubewhy check` on the node: each part of it, and what is wrong with it.",
    ],
    after: Duration::from_secs(5),
    probe: Some(Probe::Crowd),
    needs: &[Right::Pods, Right::PodEvents],
    ..OF_THE_NODE
};
