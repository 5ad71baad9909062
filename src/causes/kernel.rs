//! Causes in which the kernel or the hardware of the node speaks.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Scope};
use crate::model::sign::{Operation::Kernel, Sign};
use crate::model::stage::Stage;

/// Where an I/O error speaks of a volume, not of the node's own disks.
const OF_A_VOLUME: &[&str] =
    &["mountvolume", "kubernetes.io~", "/globalmount", "nodestagevolume", "nodepublishvolume", "mounting arguments"];

/// The kernel hangs, crashes, or reports broken hardware.
pub(super) const KERNEL_FAULT: Cause = Cause {
    id: "KernelFault",
    stage: Stage::Node,
    scope: Scope::Node,
    after: Duration::from_secs(5),
    summary: "The kernel of the node reports a hang, a crash or failing hardware.",
    says: "The kernel of this node reports a fault[: task {task} hangs][ for {for}][: {device} fails]. Pods and images are not the cause.",
    rules_out: "Pods, images and the pod network are not the cause.",
    advice: "dmesg -T | tail -50; cordon the node; check its disk and memory, or replace it. A drain may hang.",
    mends: "It will hardly mend itself.",
    steps: &[
        "`dmesg -T --level=emerg,alert,crit,err,warn | tail -50` (or `journalctl -k`): what came first is the cause, hung tasks come after it.",
        "Hung tasks: `ps -eo pid,stat,wchan:32,args | awk '$2 ~ /D/'` shows who waits for what. A dead NFS server or a slow cloud disk makes them too: bring it back.",
        "Disk: `smartctl -a /dev/DISK`, `nvme smart-log /dev/DISK`. Memory and processor: `ras-mc-ctl --errors`, `grep . /sys/devices/system/edac/mc/mc*/[cu]e_count`.",
        "`kubectl cordon NODE`; move the pods; reboot into a current kernel, or have the machine replaced.",
    ],
    signs: &[
        Sign::of(&["blocked for more than", "seconds"]),
        Sign::of(&["blocked for more than", "task"]),
        Sign::of(&["soft lockup"]),
        Sign::of(&["hard lockup"]),
        Sign::of(&["kernel bug at"]),
        Sign::of(&["unable to handle kernel"]),
        Sign::of(&["unable to handle page fault"]),
        Sign::of(&["bug: kernel null pointer"]),
        Sign::of(&["bug: bad "]),
        Sign::of(&["bug: scheduling while atomic"]),
        Sign::of(&["kernel panic"]),
        Sign::of(&["oops: "]).within(&[Kernel]),
        Sign::of(&["oops: 0"]),
        Sign::of(&["general protection fault"]).but(&["traps: "]),
        Sign::of(&["detected stall"]),
        Sign::of(&["self-detected stall"]),
        Sign::of(&["rcu", "stalls on cpus"]),
        Sign::of(&["[hardware error]"]),
        Sign::of(&["machine check"]),
        Sign::of(&["edac ", " error"]).but(&["no error"]),
        Sign::of(&["memory failure: 0x"]),
        Sign::of(&["uncorrect", "memory error"]),
        Sign::of(&["ext4-fs error"]),
        Sign::of(&["ext4-fs (", "i/o error"]),
        Sign::of(&["ext4-fs (", "error"]),
        Sign::of(&["xfs (", "i/o error"]),
        Sign::of(&["xfs (", "corrupt"]),
        Sign::of(&["xfs (", "shut"]),
        Sign::of(&["xfs (", "log error"]),
        Sign::of(&["xfs_do_force_shutdown"]),
        Sign::of(&["btrfs", "error (device"]),
        Sign::of(&["buffer i/o error"]),
        Sign::of(&["i/o error, dev "]),
        Sign::of(&["lost async page write"]),
        Sign::of(&["lost page write due to i/o error"]),
        Sign::of(&["blk_update_request", "error"]),
        Sign::of(&["print_req_error"]),
        Sign::of(&["end_request", "error"]),
        Sign::of(&["jbd2", "error"]),
        Sign::of(&["nvme", "timeout, aborting"]),
        Sign::of(&["nvme", "timeout, reset"]),
        Sign::of(&["nvme", "timeout, disable"]),
        Sign::of(&["nvme", "completion polled"]),
        Sign::of(&["nvme", "controller is down"]),
        Sign::of(&["nvme", "removing after probe failure"]),
        Sign::of(&["device not ready; aborting"]),
        Sign::of(&["megaraid_sas"]),
        Sign::of(&["mpt3sas", "fault"]),
        Sign::of(&["scsi", "reset"]).within(&[Kernel]),
        Sign::of(&["sd ", "failed result: hostbyte"]),
        Sign::of(&["rejecting i/o to "]),
        Sign::of(&["medium error"]),
        Sign::of(&["ata", "failed command"]),
        Sign::of(&["ata", "hard resetting link"]),
        Sign::of(&["exception emask"]),
        Sign::of(&["multipath: failing path"]),
        Sign::of(&["unregister_netdevice: waiting for"]),
        Sign::of(&["nvrm: xid"]),
        Sign::of(&["input/output error"]).but(OF_A_VOLUME),
        Sign::of(&["structure needs cleaning"]).but(OF_A_VOLUME),
        Sign::of(&["temperature above threshold"]),
        Sign::of(&["hung_task"]),
    ],
    examples: &[
        "INFO: task containerd-shim:40221 blocked for more than 120 seconds.",
        "EXT4-fs error (device nvme1n1): ext4_find_entry:1455: inode #262145: comm postgres: reading directory lblock 0",
        "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:77]",
        "blk_update_request: I/O error, dev sda, sector 123456 op 0x0:(READ) flags 0x80700",
        "nvme nvme0: I/O 12 QID 4 timeout, aborting",
    ],
    ..USUAL
};
