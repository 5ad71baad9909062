//! Causes that are no fault of any part: the node has more to do than it can.

use super::OF_THE_NODE;
use crate::model::cause::{Cause, Right};

/// Everything waits for the disks.
pub(super) const NODE_IO_SATURATED: Cause = Cause {
    id: "NodeIoSaturated",
    summary: "The disks of the node are saturated: all that has something to do waits for them.",
    says: "The disks of this node are saturated[: for {stalled} of the last minute all waited for them]. Pulls and runtime calls then miss deadlines; registry and network are not the cause.",
    rules_out: "Registry and network are not the cause of the deadlines that are missed.",
    advice: "iostat -x 2 3; who writes? A cloud disk may be out of burst credits.",
    mends: "It goes on by itself once the load falls.",
    steps: &[
        "`cat /proc/pressure/io` and `iostat -x 2 3`: which device is near 100 % of %util, with which await?",
        "`pidstat -d 2 3`, or per pod `grep . /sys/fs/cgroup/kubepods.slice/*/*/io.pressure`: who reads and writes?",
        "A cloud disk that was fast and is slow now is out of burst credits, or at its limit of operations: a larger or another type of disk. Images that are unpacked in parallel do it too: `maxParallelImagePulls`.",
        "Lasting: the runtime's directory on a disk of its own.",
    ],
    needs: &[Right::Proc],
    ..OF_THE_NODE
};

/// Much waits for a processor.
pub(super) const NODE_CPU_STARVED: Cause = Cause {
    id: "NodeCpuStarved",
    summary: "The processors of the node are overloaded: processes wait for their turn for most of the time.",
    says: "The processors of this node are overloaded[: for {waited} of the last minute something waited]. Deadlines are then missed; registry and network are not the cause.",
    rules_out: "Registry and network are not the cause of the deadlines that are missed.",
    advice: "kubectl top pod -A: who uses more than it requests? Reserve some for kubelet and runtime.",
    mends: "It goes on by itself once the load falls.",
    steps: &[
        "`cat /proc/pressure/cpu` and `top`: who runs? `kubectl top pod -A --sort-by=cpu`: who uses more than it asked for?",
        "On a virtual machine look at `st` (steal) of `vmstat 2 3`: then its host is overloaded.",
        "Give the pods honest requests, and kubelet and runtime their share: `kubeReserved`, `systemReserved` and `enforceNodeAllocatable` of the kubelet.",
    ],
    needs: &[Right::Proc],
    ..OF_THE_NODE
};
