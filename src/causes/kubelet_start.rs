//! Why a kubelet refuses to start, by its own last words. No text of another component names these: the same words in a
//! pod's Event, or in what a person pastes, prove nothing of this node's kubelet (`endings.rs` has the sentences).

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Right};

/// What the kubelet says as it ends is in the journal, and that it has ended in the table of processes.
const LAST_WORDS: Cause = Cause { needs: &[Right::Proc, Right::KubeletDirs], ..OF_THE_NODE };

/// The host has cgroup v1, and the kubelet does not take that any more.
pub(super) const CGROUP_V1_REFUSED: Cause = Cause {
    id: "CgroupV1Refused",
    summary: "The kubelet of this node refuses to start, because the host uses cgroup v1.",
    says: "The kubelet of this node does not start: the host uses cgroup v1, which kubelets from 1.35 on refuse. Runtime, network and pods are not the cause.",
    rules_out: "Runtime, network and pods are not the cause: the kubelet stops before it uses them.",
    advice: "boot with systemd.unified_cgroup_hierarchy=1 (cgroup v2); failCgroupV1: false puts it off.",
    mends: "It will not mend itself.",
    steps: &[
        "`stat -fc %T /sys/fs/cgroup`: `tmpfs` is cgroup v1, `cgroup2fs` v2. `cat /proc/cmdline`: does it switch v2 off (`systemd.unified_cgroup_hierarchy=0`)?",
        "`grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1` (or `GRUB_CMDLINE_LINUX` and `update-grub`), cordon, reboot; the runtime must use the systemd driver.",
        "To win time: `failCgroupV1: false` in `/var/lib/kubelet/config.yaml`, then `systemctl restart kubelet`; cgroup v1 will go from Kubernetes altogether.",
    ],
    ..LAST_WORDS
};

/// A file or a flag that configures the kubelet is missing or wrong.
pub(super) const KUBELET_CONFIG_INVALID: Cause = Cause {
    id: "KubeletConfigInvalid",
    summary: "The kubelet of this node does not start: its configuration file or one of its flags is missing or not valid.",
    says: "The kubelet of this node does not start: its configuration[ {file}] is missing or not valid[ (field {field})|: {flaw}]. Runtime, network and pods are not the cause.",
    rules_out: "Runtime, network and pods are not the cause: the kubelet stops before it uses them.",
    advice: "journalctl -u kubelet -n 30 names the file, field or flag: mend it, or join the node anew.",
    mends: "systemd starts the kubelet again every 10 s.",
    steps: &[
        "`journalctl -u kubelet -n 30`: the line with `command failed` or `Error:` names the file, the field or the flag.",
        "No `/var/lib/kubelet/config.yaml` at all: the node never joined, or was reset: `kubeadm join`. A field that is not known: a typing error, or one that this version dropped.",
        "An unknown flag: it was removed from this version of the kubelet; look in `/var/lib/kubelet/kubeadm-flags.env`, `/etc/default/kubelet` and `systemctl cat kubelet`.",
        "`invalid kernel flag`: `protectKernelDefaults` is on and a sysctl differs; set it in `/etc/sysctl.d`.",
    ],
    ..LAST_WORDS
};

/// Another process has the kubelet's port.
pub(super) const KUBELET_PORT_TAKEN: Cause = Cause {
    id: "KubeletPortTaken",
    summary: "The kubelet of this node ends, because another process listens on its port.",
    says: "The kubelet of this node does not start: another process listens on its port[ {port}]. Runtime, network and pods are not the cause.",
    rules_out: "Runtime, network and pods are not the cause.",
    advice: "ss -tlnp 'sport = :10250' names the process: an older kubelet, a second distribution? End it.",
    mends: "systemd starts the kubelet again every 10 s.",
    steps: &[
        "`ss -tlnp 'sport = :10250'`: which process? An older kubelet that was not ended, or that of another distribution (k3s, MicroK8s).",
        "`systemctl list-units --all | grep -iE 'kubelet|k3s|rke2|microk8s|k0s'`: is more than one enabled? Disable all but one, and `kill` what is left.",
        "A pod on the node's network that asks for the port keeps the kubelet out after its restart: `crictl ps` and the pod's `hostPort`.",
    ],
    ..LAST_WORDS
};
