//! Why the kubelet ended, by its last words: told as the root, for as long as it is gone, and no longer than it is true.

use super::super::timeline::{Timeline, call};
use super::{kubelet, kubelet_down, looks};
use crate::model::reading::{Missing, Reading};
use crate::model::runtime::{FailureKind, Method};

const STARTED: &str = "Started kubelet.service - kubelet: The Kubernetes Node Agent.";
const EXITED: &str = "kubelet.service: Main process exited, code=exited, status=1/FAILURE";

fn gone(error: &str) -> Reading {
    let line = format!("E1121 03:00:02.120000 812 run.go:72] \"command failed\" err=\"{error}\"");
    kubelet_down().with("words", format!("{STARTED}\n{line}\n{EXITED}"))
}

fn cgroup_v1() -> Reading {
    gone("failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1.")
}

#[test]
fn a_kubelet_that_says_why_it_ends_is_told_by_that() {
    let mut t = Timeline::new();
    let said = t.finds(&kubelet("1@1"), 4).finds(&cgroup_v1(), 18).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "CgroupV1Refused"), "{said:?}");
    assert!(said[0].sentence.contains("the host uses cgroup v1") && said[0].sentence.contains("brings KubeletDown"));
    assert!(said[0].evidence.iter().any(|one| &*one.source == "kubelet's journal" && one.says.contains("cgroup v1")));
    assert!(!t.ends("The kubelet runs again"));
}

#[test]
fn it_is_over_when_the_kubelet_runs_and_not_when_nobody_can_tell() {
    let mut t = Timeline::new();
    t.wait(600).finds(&kubelet("1@1"), 4).finds(&cgroup_v1(), 18).look();
    let unknown = Reading::unknown("kubelet", "process", Missing::Answer, "no answer in time");
    assert!(!t.finds(&unknown, 20).ends("The kubelet runs again"));
    assert!(t.finds(&kubelet("2@2"), 4).ends("The kubelet runs again"));
}

#[test]
fn one_that_loops_is_quoted_by_its_own_end() {
    let mut t = Timeline::new();
    t.finds(&kubelet("1@1"), 4);
    for instance in ["2@2", "3@3", "4@4"] {
        t.finds(&gone("failed to run Kubelet: no reason that is known"), 18);
        t.see(looks("kubelet", vec![kubelet(instance)])).wait(2);
    }
    let said = t.finds(&gone("failed to run Kubelet: no reason that is known"), 4).of_node();
    assert_eq!(said[0].cause.id, "KubeletCrashLooping");
    let quoted = "last words: \"failed to run Kubelet: no reason that is known\"";
    assert!(said[0].sentence.contains(quoted), "{}", said[0].sentence);
    t.finds(&cgroup_v1(), 4);
    let said = t.of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "CgroupV1Refused"), "{said:?}");
}

#[test]
fn that_the_runtime_was_away_is_not_told_where_it_is_seen_to_be_well() {
    let error = "failed to run Kubelet: validate service connection: dial unix /run/containerd/containerd.sock: connect: \
                 connection refused";
    let mut t = Timeline::new();
    assert_eq!(t.wait(60).finds(&gone(error), 18).ids(), ["KubeletDown"]);
    for _ in 0..3 {
        t.see(call(Method::Connect, Some(FailureKind::NobodyListens))).finds(&gone(error), 4);
    }
    assert!(t.ids().contains(&"RuntimeDown"), "{:?}", t.ids());
}

#[test]
fn what_may_end_a_kubelet_is_no_reason_where_it_says_another() {
    let swap = Reading::suspect("swap", "", "SwapUnsupported", "").with("device", "/dev/sda3");
    for (error, cause) in [("failed to run Kubelet: no reason that is known", "KubeletDown"), ("", "SwapUnsupported")] {
        let down = if error.is_empty() { kubelet_down() } else { gone(error) };
        let mut t = Timeline::new();
        t.finds(&swap, 4);
        assert_eq!(t.finds(&down, 18).ids(), [cause]);
    }
}
