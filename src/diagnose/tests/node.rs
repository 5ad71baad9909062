//! What the probes of the node find, over time: what is told early, what is told as the root, and all that is not told.

mod ended;
mod ready;
mod unfinished;

use std::time::Duration;

use super::timeline::{Timeline, call, cni, network, node, of_pods, pod, slot};
use crate::model::after;
use crate::model::cause::EventType;
use crate::model::diagnosis::{Diagnosis, Subject};
use crate::model::node::{Node, NodeCondition};
use crate::model::observation::Seen;
use crate::model::reading::{Missing, Reading, Unit};
use crate::model::runtime::{FailureKind, Method};

const GB: f64 = 1e9;

fn looks(probe: &'static str, readings: Vec<Reading>) -> Seen {
    Seen::Readings { probe, readings }
}

fn full() -> Reading {
    Reading::broken("disk", "kubelet", "DiskFull", "0 B free").with("disk", "/").with("full", "is full")
}

/// Of a disk of 100 GB.
fn used(gigabytes: f64) -> Reading {
    let of =
        if gigabytes > 85.0 { Reading::suspect } else { |probe, of: &str, _, says| Reading::fine(probe, of, says) };
    of("disk", "kubelet", "DiskFull", "").of_amount(gigabytes * GB, 100.0 * GB, Unit::Bytes).with("disk", "/")
}

fn kubelet_down() -> Reading {
    Reading::broken("kubelet", "process", "KubeletDown", "").with("flaw", "no process of it runs")
}

fn kubelet(instance: &str) -> Reading {
    Reading::fine("kubelet", "process", "").with("instance", instance)
}

impl Timeline {
    /// A probe finds the same for so long, every two seconds.
    fn finds(&mut self, reading: &Reading, seconds: u64) -> &mut Self {
        for _ in 0..=seconds / 2 {
            self.see(looks(reading.probe, vec![reading.clone()])).wait(2);
        }
        self
    }

    /// The same, and looks at the same time.
    fn watches(&mut self, reading: &Reading, seconds: u64) -> &mut Self {
        for _ in 0..seconds / 2 {
            self.see(looks(reading.probe, vec![reading.clone()])).wait(2).look();
        }
        self
    }

    fn of_node(&mut self) -> Vec<Diagnosis> {
        let findings = self.look();
        findings.diagnoses.into_iter().filter(|d| matches!(d.subject, Subject::Node(_))).collect()
    }

    fn changed(&mut self, change: impl FnOnce(&mut Node)) -> &mut Self {
        let mut changed = self.world.node.node.clone().unwrap_or_else(|| node(self.now));
        change(&mut changed);
        self.see(Seen::NodeChanged(Box::new(changed)))
    }

    fn ready(&mut self, status: Option<bool>, message: &str) -> &mut Self {
        let now = self.now;
        self.changed(|node| {
            node.conditions[0].status = status;
            node.conditions[0].reason = if status == Some(true) { "KubeletReady" } else { "KubeletNotReady" }.into();
            node.conditions[0].message = message.into();
            node.conditions[0].since = Some(now);
        })
    }

    fn ends(&mut self, how: &str) -> bool {
        self.look().cleared.iter().any(|cleared| cleared.how == how)
    }
}

#[test]
fn one_failed_look_raises_nothing_and_a_second_does() {
    let mut t = Timeline::new();
    t.see(looks("disk", vec![full()]));
    assert!(t.wait(8).ids().is_empty());
    t.see(looks("disk", vec![full()]));
    let said = t.of_node();
    assert_eq!((said[0].cause.id, said[0].kind), ("DiskFull", EventType::Warning));
    assert!(said[0].sentence.starts_with("A disk of this node (/) is full."), "{}", said[0].sentence);
}

#[test]
fn what_can_not_be_told_any_more_is_neither_told_nor_over() {
    let mut t = Timeline::new();
    assert_eq!(t.finds(&full(), 8).ids(), ["DiskFull"]);
    let unknown = Reading::unknown("disk", "", Missing::Answer, "no answer in time");
    assert!(t.finds(&unknown, 60).ids().is_empty());
    assert!(!t.ends("The disk has room again"));
    assert!(t.finds(&used(50.0), 4).ends("The disk has room again"));
}

#[test]
fn a_disk_that_fills_steadily_is_told_before_it_is_full_and_one_that_is_cleaned_up_is_not() {
    let mut t = Timeline::new();
    for minute in 0..45_u32 {
        t.see(looks("disk", vec![used(80.0 + f64::from(minute) * 0.2)])).wait(60);
        let said: Vec<_> = t.of_node().iter().map(|d| d.sentence.clone()).collect();
        // Past 85 GB, where the kubelet cleans up, for ten minutes: 12 GB are left, 12 GB go in an hour.
        assert!(said.is_empty() || minute > 35, "minute {minute}: {said:?}");
    }
    let said = t.of_node();
    assert!(said[0].sentence.contains("will be full in about 56 min"), "{}", said[0].sentence);
    assert_eq!(said[0].topic.of.as_deref(), Some("DiskFull, soon"));
    t.finds(&used(70.0), 10);
    assert!(t.of_node().is_empty() && t.ends("The disk has room again"));

    let mut sawtooth = Timeline::new();
    for minute in 0..60_u32 {
        sawtooth.see(looks("disk", vec![used(80.0 + f64::from(minute % 12))])).wait(60);
        assert!(sawtooth.ids().is_empty(), "minute {minute}");
    }
}

#[test]
fn what_has_happened_is_not_told_to_happen_soon() {
    let mut t = Timeline::new();
    for minute in 0..20_u32 {
        t.see(looks("disk", vec![used(86.0 + f64::from(minute) * 0.5)])).wait(60);
    }
    assert_eq!(t.of_node()[0].topic.of.as_deref(), Some("DiskFull, soon"));
    let said = t.finds(&full(), 8).of_node();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].topic.of.as_deref(), Some("DiskFull"));
    assert!(!t.ends("The disk has room again"), "the one that was to come has come");
}

#[test]
fn a_cordon_silences_what_is_to_come_and_nothing_else() {
    let soon = Reading::suspect("kubelet-certificate", "", "KubeletCredentialInvalid", "")
        .with("soon", "its certificate is valid for 3 h more, until 2026-11-21, and was not renewed");
    let mut t = Timeline::new();
    let said = t.finds(&soon, 8).of_node();
    assert!(said[0].sentence.starts_with("The kubelet's login to the API server is about to end"), "{said:?}");
    assert!(t.changed(|node| node.unschedulable = true).finds(&soon, 8).of_node().is_empty());
    assert_eq!(t.finds(&full(), 8).ids(), ["DiskFull"]);
}

#[test]
fn a_node_that_is_being_taken_down_is_not_talked_about() {
    for (kind, status, message) in [("Ready", false, "node is shutting down"), ("NodeMaintenance", true, "")] {
        let mut t = Timeline::new();
        t.changed(|node| {
            node.conditions.retain(|condition| &*condition.kind != kind);
            let condition = NodeCondition {
                kind: kind.into(),
                status: Some(status),
                reason: "".into(),
                message: message.into(),
                since: node.created,
            };
            node.conditions.push(condition);
        });
        t.see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens))).wait(5);
        t.see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens)));
        assert!(t.finds(&full(), 200).of_node().is_empty(), "{kind}");
    }
}

#[test]
fn a_node_that_was_never_ready_is_told_normally_for_five_minutes() {
    let mut t = Timeline::new();
    let mut fresh = node(t.now);
    fresh.id.uid = "fresh".into();
    fresh.conditions[0].status = Some(false);
    t.see(Seen::NodeChanged(Box::new(fresh)));
    assert_eq!(t.finds(&full(), 8).of_node()[0].kind, EventType::Normal);
    assert_eq!(t.finds(&full(), 300).of_node()[0].kind, EventType::Warning);
}

#[test]
fn a_restart_of_the_kubelet_is_no_report_and_buys_quiet_for_a_minute_once() {
    let mut t = Timeline::new();
    t.finds(&kubelet("1@1"), 20);
    assert!(t.finds(&kubelet_down(), 10).ids().is_empty(), "systemd starts it again");
    t.see(looks("kubelet", vec![kubelet("2@2")]));
    let echo = Reading::broken("memory", "left", "MemoryPressure", "");
    assert!(t.finds(&echo, 50).ids().is_empty(), "what begins with a restart may be its echo");
    assert_eq!(t.finds(&echo, 12).ids(), ["MemoryPressure"]);
    let fine = Reading::fine("memory", "left", "");
    t.finds(&fine, 60).see(looks("kubelet", vec![kubelet("3@3")]));
    assert_eq!(t.finds(&echo, 8).ids(), ["MemoryPressure"], "the second in ten minutes buys none");
}

#[test]
fn a_kubelet_that_stays_away_is_down_and_one_that_keeps_ending_loops() {
    let mut t = Timeline::new();
    t.finds(&kubelet("1@1"), 4);
    let said = t.finds(&kubelet_down(), 18).of_node();
    assert!(said[0].sentence.contains("does not run or does not report: no process of it runs"), "{said:?}");
    for instance in ["2@2", "3@3", "4@4"] {
        t.see(looks("kubelet", vec![kubelet(instance)])).wait(2);
        t.finds(&kubelet_down().with("words", "panic\nno such flag: --x"), 18);
    }
    let said = t.of_node();
    assert_eq!(said[0].cause.id, "KubeletCrashLooping");
    assert!(said[0].sentence.contains("3 starts in 10 min, last words: \"no such flag: --x\""), "{}", said[0].sentence);
    assert!(said[0].sentence.contains("It brings KubeletDown."));
    t.see(looks("kubelet", vec![kubelet("5@5")])).wait(12);
    assert!(t.of_node().is_empty() && t.ends("The kubelet goes on running"));
}

#[test]
fn swap_is_the_reason_only_while_the_kubelet_is_down() {
    let swap = Reading::suspect("swap", "", "SwapUnsupported", "").with("device", "/dev/sda3");
    let mut t = Timeline::new();
    assert!(t.finds(&swap, 60).ids().is_empty());
    let said = t.finds(&kubelet_down(), 18).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "SwapUnsupported"));
    assert!(said[0].sentence.contains("swap is on (/dev/sda3)") && said[0].sentence.contains("brings KubeletDown"));
}

#[test]
fn a_full_disk_outranks_the_runtime_that_hangs_on_it() {
    let mut t = Timeline::new();
    t.wait(60);
    for _ in 0..3 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut))).wait(5);
    }
    assert_eq!(t.ids(), ["RuntimeDown"]);
    let said = t.finds(&full(), 8).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "DiskFull"));
    assert!(said[0].sentence.contains("It brings RuntimeDown."), "{}", said[0].sentence);
    assert!(said[0].evidence.iter().any(|one| &*one.source == "CRI ListPodSandbox"), "{:?}", said[0].evidence);
}

#[test]
fn what_is_only_suspected_is_no_reason_for_what_it_could_explain() {
    let mut t = Timeline::new();
    t.wait(60).finds(&used(90.0), 8);
    for _ in 0..3 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut))).finds(&used(90.0), 4);
    }
    let said = t.of_node();
    assert!(said.len() == 1 && said[0].cause.id == "RuntimeDown", "{said:?}");
}

#[test]
fn a_pod_that_fails_on_a_full_disk_is_told_that_it_is_the_nodes() {
    let mut t = Timeline::new();
    let error = "failed to extract layer sha256:0a1b: write /var/lib/containerd/x: no space left on device: unknown";
    t.see(Seen::PodChanged(Box::new(pod("cart", t.now, slot("r.example.com/a:1", "ErrImagePull", error)))));
    t.finds(&full(), 20);
    let findings = t.look();
    let pods = of_pods(&findings);
    assert!(pods.len() == 1 && pods[0].brief, "{pods:?}");
    assert!(pods[0].sentence.starts_with("This node cannot start pods (DiskFull)"), "{}", pods[0].sentence);
}

#[test]
fn a_network_daemon_that_is_updated_is_no_report_and_one_that_pods_wait_for_is() {
    let gone = Reading::broken("cni-backend", "cilium-cni", "CniBackendDown", "")
        .with("plugin", "cilium-cni")
        .with("file", "/run/cilium/cilium.sock")
        .with("absence", "is missing");
    let mut t = Timeline::new();
    assert!(t.finds(&gone, 80).ids().is_empty());
    let said = t.finds(&gone, 20).of_node();
    assert!(said[0].sentence.contains("/run/cilium/cilium.sock is missing"), "{said:?}");

    let mut t = Timeline::new();
    t.see(network(false, "Network plugin returns error: cni plugin not initialized"));
    t.see(Seen::Cni(crate::model::cni::CniHost { config: crate::model::cni::CniConfig::Missing, ..cni(&[]) }));
    assert_eq!(t.finds(&gone, 8).of_node()[0].cause.id, "CniBackendDown", "it is why there is no configuration");
}

#[test]
fn the_runtimes_process_says_nothing_against_its_answers() {
    let orphans = Reading::broken("runtime", "containerd", "RuntimeDown", "")
        .with("runtime", "containerd")
        .with("state", "its process 812 was stopped (state T)");
    let mut t = Timeline::new();
    assert!(t.finds(&orphans, 60).ids().is_empty(), "its lists are answered");
    for _ in 0..3 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut))).finds(&orphans, 4);
    }
    let said = t.of_node();
    assert!(said[0].sentence.contains("; its process 812 was stopped (state T)."), "{}", said[0].sentence);
}

#[test]
fn addresses_that_are_used_up_are_told_before_a_pod_needs_one() {
    let out = Reading::broken("pod-addresses", "10.244.7.0/28", "PodIpExhausted", "14 of 14 taken")
        .with("plugin", "host-local")
        .with("range", "10.244.7.0/28");
    let mut t = Timeline::new();
    let said = t.finds(&out, 8).of_node();
    assert!(said[0].sentence.starts_with("No IP address is left for pods"), "{}", said[0].sentence);
    assert!(!t.ends("The pod network is back"), "its files are all there");
    t.finds(&Reading::fine("pod-addresses", "10.244.7.0/28", ""), 4);
    assert!(t.ids().is_empty() && t.ends("The pod network is back"));

    let most = |taken: f64| {
        let few = Reading::suspect("pod-addresses", "10.244.7.0/24", "PodIpExhausted", "");
        few.with("soon", "234 of 254 are taken").of_amount(taken, 254.0, Unit::Count)
    };
    let mut t = Timeline::new();
    for minute in 0..30 {
        t.see(looks("pod-addresses", vec![most(234.0)])).wait(60);
        assert!(t.ids().is_empty(), "a busy node stays at minute {minute} as it is");
    }
    for minute in 0..30_u32 {
        t.see(looks("pod-addresses", vec![most(234.0 + f64::from(minute) * 0.5)])).wait(60);
    }
    assert_eq!(t.of_node()[0].topic.of.as_deref(), Some("PodIpExhausted, soon"));
}

#[test]
fn a_cause_that_is_switched_off_explains_nothing() {
    let mut t = Timeline::new();
    let off = crate::model::settings::CauseSettings { enabled: Some(false), ..Default::default() };
    t.settings.causes.insert("DiskFull".into(), off);
    for _ in 0..3 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut))).finds(&full(), 4);
    }
    assert_eq!(t.of_node()[0].cause.id, "RuntimeDown");
}

#[test]
fn a_story_of_the_node_goes_with_the_node() {
    let mut t = Timeline::new();
    t.watches(&full(), 12);
    let mut other = node(after(t.now, Duration::ZERO));
    other.id.uid = "another".into();
    t.see(Seen::NodeChanged(Box::new(other)));
    assert!(t.finds(&used(50.0), 4).look().cleared.iter().all(|cleared| cleared.how != "The disk has room again"));
}
