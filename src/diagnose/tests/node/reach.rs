//! Whom a fault takes along: only what needs the part that is hit is a symptom of it.

use super::super::timeline::{Timeline, call};
use crate::model::observation::Seen;
use crate::model::reading::{NOBODY, REACH, Reading};
use crate::model::runtime::{FailureKind, Method};

/// What is told while the runtime is dead and a probe finds this.
fn beside_a_dead_runtime(fault: &Reading) -> Vec<&'static str> {
    let mut t = Timeline::new();
    for _ in 0..5 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens)));
        t.see(Seen::Readings { probe: fault.probe, readings: vec![fault.clone()] }).wait(3);
    }
    let mut told = t.ids();
    told.sort_unstable();
    told
}

fn disk(reach: &str) -> Reading {
    Reading::broken("disk", "runtime", "DiskFull", "").with("disk", "/var/lib/containerd").with(REACH, reach)
}

fn kernel(kind: &str, reach: &str) -> Reading {
    Reading::broken("kmsg", kind, "KernelFault", "").with(REACH, reach)
}

#[test]
fn a_disk_below_the_kubelet_s_threshold_is_not_why_the_runtime_is_dead() {
    assert_eq!(beside_a_dead_runtime(&disk(NOBODY)), ["DiskFull", "RuntimeDown"]);
    assert_eq!(beside_a_dead_runtime(&disk("logs disk, kubelet disk")), ["DiskFull", "RuntimeDown"]);
    assert_eq!(beside_a_dead_runtime(&disk("kubelet disk, runtime disk")), ["DiskFull"]);
}

#[test]
fn a_network_card_or_a_task_of_a_pod_is_not_why_the_runtime_is_dead() {
    for (kind, reach) in [("network", NOBODY), ("network", "network"), ("hung tasks", "waiters")] {
        assert_eq!(beside_a_dead_runtime(&kernel(kind, reach)), ["KernelFault", "RuntimeDown"], "{reach}");
    }
    for (kind, reach) in [("lockups", "machine"), ("disks", "runtime disk"), ("hung tasks", "runtime")] {
        assert_eq!(beside_a_dead_runtime(&kernel(kind, reach)), ["KernelFault"], "{reach}");
    }
}

#[test]
fn two_faults_of_one_cause_reach_whom_either_does() {
    let both = [kernel("network", "network"), kernel("disks", "runtime disk")];
    let mut t = Timeline::new();
    for _ in 0..5 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens)));
        t.see(Seen::Readings { probe: "kmsg", readings: both.to_vec() }).wait(3);
    }
    assert_eq!(t.ids(), ["KernelFault"]);
}
