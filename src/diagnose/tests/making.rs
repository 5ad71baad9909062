//! Sandboxes in the making, and the plugins that run → what is said of the pod and of the node.

use std::time::Duration;

use super::super::questions;
use super::timeline::{Timeline, call, creating, id, network, node, of_pods, sandbox, sandbox_failed};
use crate::model::cause::EventType;
use crate::model::diagnosis::{Confidence, Diagnosis, Subject};
use crate::model::making::{CniCall, PluginProcess, SandboxRecord, Step};
use crate::model::observation::Seen;
use crate::model::pod::{Phase, Pod};
use crate::model::runtime::{FailureKind, Method};
use crate::model::{Time, after};

pub(super) fn ago(t: &Timeline, seconds: u64) -> Time {
    t.now.checked_sub(Duration::from_secs(seconds)).unwrap()
}

pub(super) fn record(pod: &str, created: Time, step: Option<Step>) -> SandboxRecord {
    SandboxRecord { id: format!("s-{pod}").into(), pod: id("shop", pod).uid, created, step }
}

pub(super) fn plugin(pid: u32, began: Time) -> PluginProcess {
    PluginProcess { pid, caller: None, plugin: "bridge".into(), began, uninterruptible: false, call: None }
}

pub(super) fn called(process: PluginProcess, command: &str, pod: &str) -> PluginProcess {
    let call = CniCall { command: command.into(), sandbox: "".into(), pod: Some(id("shop", pod).uid) };
    PluginProcess { call: Some(call), ..process }
}

/// Pods that stand before their sandbox since they were bound, and a list that shows none.
fn waiting(pods: &[&str]) -> Timeline {
    let mut t = Timeline::new();
    for pod in pods {
        t.see(Seen::PodChanged(Box::new(creating(pod, t.now, false))));
    }
    t.wait(1);
    t
}

/// The same is seen again and again, up to now.
fn see(t: &mut Timeline, records: Result<Vec<SandboxRecord>, &str>, plugins: Vec<PluginProcess>) {
    t.see(Seen::Sandboxes(Vec::new()));
    t.see(Seen::SandboxRecords(records.map_err(str::to_owned))).see(Seen::Plugins(Ok(plugins)));
}

fn of_pod(t: &mut Timeline, name: &str) -> Option<Diagnosis> {
    let findings = t.look();
    of_pods(&findings).into_iter().find(|d| d.subject == Subject::Pod(id("shop", name)) && !d.brief).cloned()
}

#[test]
fn a_plugin_that_was_called_for_the_pod_is_named_thirty_seconds_after_the_sandbox_was_begun() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    t.wait(29);
    let network = Some(Step::Network);
    see(&mut t, Ok(vec![record("cart", began, network)]), vec![called(plugin(4711, began), "ADD", "cart")]);
    assert!(of_pod(&mut t, "cart").is_none(), "not before it has dwelt");
    let findings = t.look();
    assert!(questions(t.view(), &findings).is_empty(), "what is seen is not asked for");
    let said = of_pod(t.wait(1), "cart").unwrap();
    assert_eq!((said.cause.id, said.kind, said.since), ("SandboxStalled", EventType::Normal, began));
    assert_eq!(said.confidence, Confidence::Observed);
    let sentence = "This pod's sandbox is still being made: CNI plugin bridge does not return. Its ADD has run for 30 s (pid 4711). Platform: read /proc/4711/stack and the network add-on's log here. App: ";
    assert!(said.sentence.starts_with(sentence), "{}", said.sentence);
    assert!(said.sentence.len() < 300);
    t.wait(60);
    see(&mut t, Ok(vec![record("cart", began, network)]), vec![called(plugin(4711, began), "ADD", "cart")]);
    assert_eq!(of_pod(&mut t, "cart").unwrap().kind, EventType::Warning);
}

#[test]
fn what_cannot_be_read_is_concluded_only_where_nothing_else_is_possible() {
    let only = "It has run for 38 s (pid 7), the only one, for the only sandbox in the making.";
    let (near, two) = ("CNI plugin bridge has run for", "2 CNI plugins run on this node, the oldest, bridge, for");
    let unseen = || Err("containerd 1.6 may record a sandbox only after its network");
    type Seen = (Result<Vec<SandboxRecord>, &'static str>, Vec<PluginProcess>);
    type Scene = Box<dyn Fn(&Timeline) -> Seen>;
    let cases: Vec<(&str, Scene, &str)> = vec![
        ("one of each", Box::new(|t| (Ok(vec![record("cart", ago(t, 39), None)]), vec![plugin(7, ago(t, 38))])), only),
        ("no records on 1.6", Box::new(move |t| (unseen(), vec![plugin(7, ago(t, 38))])), only),
        (
            "it ran before",
            Box::new(|t| (Ok(vec![record("cart", ago(t, 35), None)]), vec![plugin(7, ago(t, 38))])),
            "CNI plugin bridge has run for 38 s on this node (pid 7).",
        ),
        (
            "two plugins",
            Box::new(|t| {
                (Ok(vec![record("cart", ago(t, 39), None)]), vec![plugin(7, ago(t, 38)), plugin(8, ago(t, 37))])
            }),
            two,
        ),
        (
            "two sandboxes",
            Box::new(|t| {
                let records = vec![record("cart", ago(t, 39), None), record("other", ago(t, 39), None)];
                (Ok(records), vec![plugin(7, ago(t, 38))])
            }),
            near,
        ),
        (
            "it was called for another pod",
            Box::new(|t| {
                (Ok(vec![record("cart", ago(t, 39), None)]), vec![called(plugin(7, ago(t, 38)), "ADD", "ledger")])
            }),
            near,
        ),
        (
            "its network is made",
            Box::new(|t| (Ok(vec![record("cart", ago(t, 39), Some(Step::Start))]), vec![plugin(7, ago(t, 38))])),
            "its network is made, but containerd has not started it. 39 s so far.",
        ),
        (
            "it has no network namespace yet",
            Box::new(|t| (Ok(vec![record("cart", ago(t, 39), Some(Step::Begun))]), vec![plugin(7, ago(t, 38))])),
            near,
        ),
        (
            "a plugin that is young",
            Box::new(|t| (Ok(vec![record("cart", ago(t, 39), None)]), vec![plugin(7, ago(t, 4))])),
            "so far.",
        ),
    ];
    for (name, seen, words) in cases {
        let mut t = waiting(&["cart"]);
        t.wait(39);
        let (records, plugins) = seen(&t);
        see(&mut t, records, plugins);
        let said = of_pod(&mut t, "cart").unwrap().sentence;
        assert!(said.contains(words), "{name}: {said}");
        assert!(words == only || !said.contains("does not return"), "{name}: {said}");
        assert!(!said.contains("ledger") && !said.contains("other"), "{name}: {said}");
    }
}

#[test]
fn while_a_pod_is_taken_down_the_only_plugin_may_be_its_own() {
    let mut t = waiting(&["cart"]);
    t.wait(39);
    let (records, plugins) = (vec![record("cart", ago(&t, 39), Some(Step::Network))], vec![plugin(7, ago(&t, 30))]);
    t.see(Seen::PodChanged(Box::new(Pod { deleting: true, ..creating("ledger", t.now, true) })));
    see(&mut t, Ok(records.clone()), plugins.clone());
    assert!(of_pod(&mut t, "cart").unwrap().sentence.contains("the only one"), "one without a sandbox has no network");
    t.see(Seen::Sandboxes(vec![sandbox("ledger", ago(&t, 300))]));
    t.see(Seen::SandboxRecords(Ok(records))).see(Seen::Plugins(Ok(plugins)));
    let said = of_pod(&mut t, "cart").unwrap().sentence;
    assert!(said.contains("CNI plugin bridge has run for 30 s on this node (pid 7)."), "{said}");
}

#[test]
fn the_plugin_that_another_one_called_is_the_one_that_hangs() {
    let mut t = waiting(&["cart"]);
    t.wait(40);
    let first = called(plugin(7, ago(&t, 39)), "ADD", "cart");
    let last = PluginProcess { plugin: "host-local".into(), caller: Some(7), uninterruptible: true, ..first.clone() };
    let last = PluginProcess { pid: 8, began: ago(&t, 38), ..last };
    let records = vec![record("cart", ago(&t, 40), None)];
    see(&mut t, Ok(records), vec![first, last]);
    let said = of_pod(&mut t, "cart").unwrap().sentence;
    let words = "CNI plugin host-local (called by bridge) does not return. Its ADD has run for 38 s (pid 8, state D).";
    assert!(said.contains(words), "{said}");
}

#[test]
fn of_many_plugins_each_pod_is_told_of_its_own() {
    let names: Vec<_> = (0..40).map(|n| format!("cart-{n}")).collect();
    let mut t = waiting(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let began = t.now;
    t.wait(40);
    let records = names.iter().map(|name| record(name, began, Some(Step::Network))).collect();
    let calls = |(pid, name): (u32, &String)| {
        let first = called(plugin(pid, began), "ADD", name);
        [PluginProcess { pid: pid + 1, caller: Some(pid), ..first.clone() }, first]
    };
    see(&mut t, Ok(records), (1000..).step_by(2).zip(&names).flat_map(calls).collect());
    let findings = t.look();
    assert_eq!(findings.diagnoses.len(), 40);
    for (n, name) in names.iter().enumerate() {
        let said = of_pod(&mut t, name).unwrap().sentence;
        assert!(said.contains(&format!("(pid {})", 1001 + 2 * n)), "{name}: {said}");
    }
}

#[test]
fn a_record_that_is_older_than_the_pods_sandbox_is_what_a_crash_has_left() {
    let mut t = waiting(&["cart"]);
    t.wait(40);
    let older = record("cart", ago(&t, 41), Some(Step::Network));
    let mut done = sandbox("cart", ago(&t, 20));
    done.ready = false;
    t.see(Seen::Sandboxes(vec![done])).see(Seen::SandboxRecords(Ok(vec![older])));
    let said = of_pod(&mut t, "cart");
    assert!(said.is_none(), "{said:?}");
}

#[test]
fn sandboxes_that_fail_quickly_and_come_again_are_not_said_to_hang() {
    let mut t = waiting(&["cart"]);
    for _ in 0..60 {
        t.wait(2);
        let (records, plugins) = (vec![record("cart", ago(&t, 1), None)], vec![plugin(7, ago(&t, 1))]);
        see(&mut t, Ok(records), plugins);
        assert!(of_pod(&mut t, "cart").is_none());
    }
}

#[test]
fn a_name_that_is_taken_is_the_story_of_the_first_attempt() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    t.wait(250);
    let taken = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to reserve sandbox name "cart-0_shop_7d0e_0": name "cart-0_shop_7d0e_0" is reserved for "e41d37b94b4d""#;
    t.see(sandbox_failed(taken, t.now));
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![called(plugin(7, began), "ADD", "cart")]);
    let said = of_pod(&mut t, "cart").unwrap();
    assert_eq!(
        (said.cause.id, said.topic.clone(), said.since),
        ("SandboxNameConflict", crate::model::stage::Stage::Sandbox.into(), began)
    );
    let words = "It began 4 min 10 s ago. CNI plugin bridge has not returned for 4 min 10 s (pid 7).";
    assert!(said.sentence.contains(words), "{}", said.sentence);
}

#[test]
fn a_deadline_that_passed_for_a_reason_that_is_seen_is_told_with_that_reason() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    t.wait(245);
    t.see(sandbox_failed(
        "Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        t.now,
    ));
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![]);
    let said = of_pod(&mut t, "cart").unwrap();
    assert_eq!((said.cause.id, said.kind), ("SandboxStalled", EventType::Warning));
}

pub(super) fn status_hangs(t: &mut Timeline) {
    for _ in 0..2 {
        t.see(call(Method::Status, Some(FailureKind::TimedOut)));
    }
}

#[test]
fn a_status_that_hangs_behind_a_plugin_is_cni_hung_and_the_pod_is_still_told() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    status_hangs(&mut t);
    let mut not_ready = node(t.now);
    not_ready.conditions[0].status = Some(false);
    t.wait(31).see(Seen::NodeChanged(Box::new(not_ready)));
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![called(plugin(7, began), "ADD", "cart")]);
    assert_eq!(t.ids(), ["CniHung", "SandboxStalled"]);
    let findings = t.look();
    let said = &findings.diagnoses[0];
    assert_eq!((said.kind, said.confidence), (EventType::Normal, Confidence::Observed));
    let words = "CRI Status of containerd hangs while all its lists are answered: CNI plugin bridge does not return. It has run for 31 s (pid 7).";
    assert!(said.sentence.starts_with(words), "{}", said.sentence);
    assert!(!said.sentence.contains("cart") && said.sentence.contains("1 pod waiting"));
    assert!(!findings.cleared.iter().any(|cleared| cleared.topic == said.topic), "broken and well at once");

    t.see(call(Method::Status, None)).see(network(true, ""));
    assert_eq!(t.ids(), ["SandboxStalled"]);
    assert!(t.look().cleared.iter().any(|cleared| cleared.how == "The pod network is back"));
}

fn daemon(t: &Timeline, name: &str, ready: bool) -> Pod {
    let mut slot = super::timeline::slot("r.example.com/cni:1", "CrashLoopBackOff", "");
    slot.name = "agent".into();
    let pod = super::timeline::pod(name, t.now, slot);
    let owner = Some("DaemonSet/cilium".into());
    Pod { owner, ready, host_network: true, phase: Phase::Running, host_dirs: vec!["/opt/cni/bin".into()], ..pod }
}

#[test]
fn the_daemon_of_the_network_that_does_not_run_is_named_on_pod_and_node() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    let down = daemon(&t, "cilium-x7k2p", false);
    t.see(Seen::PodChanged(Box::new(down.clone()))).wait(31);
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![called(plugin(7, began), "ADD", "cart")]);
    assert_eq!(t.ids(), ["CniPodNotRunning", "SandboxStalled"]);
    let findings = t.look();
    let says: Vec<_> = findings.diagnoses.iter().map(|said| said.sentence.as_str()).collect();
    assert!(
        says[0].contains("shop/cilium-x7k2p, which writes this node's CNI directories, is in CrashLoopBackOff, while pods wait for their network: 1 pod"),
        "{}",
        says[0]
    );
    assert!(
        says[1].contains("(pid 7). shop/cilium-x7k2p, the network's daemon here, is in CrashLoopBackOff."),
        "{}",
        says[1]
    );

    let replaced = daemon(&t, "cilium-9zzzz", true);
    t.see(Seen::PodChanged(Box::new(replaced)));
    assert_eq!(t.ids(), ["SandboxStalled"], "another one runs in its place");
}

#[test]
fn a_daemon_that_restarts_is_not_blamed_at_once_for_a_pod_that_waited_before() {
    let mut t = waiting(&["cart"]);
    let began = t.now;
    t.wait(119);
    let down = Pod { ready_since: Some(t.now), ..daemon(&t, "cilium-x7k2p", false) };
    t.see(Seen::PodChanged(Box::new(Pod { created: Some(began), ..down.clone() })));
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![]);
    assert_eq!(t.ids(), ["SandboxStalled"], "it is down since now");
    t.wait(31);
    see(&mut t, Ok(vec![record("cart", began, None)]), vec![]);
    let findings = t.look();
    let [of_node, of_pod] = &findings.diagnoses[..] else { panic!("{findings:?}") };
    assert_eq!((of_node.cause.id, Some(of_node.since)), ("CniPodNotRunning", down.ready_since));
    assert!(of_node.affected.is_empty(), "what the pod waits for is not proven");
    assert_eq!((of_pod.cause.id, of_pod.brief), ("SandboxStalled", false));
}

#[test]
fn a_daemon_of_another_tenant_is_not_named_to_a_pod() {
    for (namespace, node_critical, named) in
        [("shop", false, true), ("kube-system", false, true), ("calico-system", true, true), ("bank", false, false)]
    {
        let mut t = waiting(&["cart"]);
        let began = t.now;
        let mut down = Pod { node_critical, ..daemon(&t, "cilium-x7k2p", false) };
        down.id.namespace = namespace.into();
        t.see(Seen::PodChanged(Box::new(down))).wait(31);
        see(&mut t, Ok(vec![record("cart", began, None)]), vec![]);
        let said = of_pod(&mut t, "cart").unwrap().sentence;
        let id = format!(" {namespace}/cilium-x7k2p, the network's daemon here, is in CrashLoopBackOff.");
        let withheld = " The network's daemon here (another namespace's, name withheld) is in CrashLoopBackOff.";
        assert!(said.contains(if named { &id } else { withheld }), "{said}");
        assert_eq!(said.contains("cilium"), named, "{said}");
    }
}

#[test]
fn a_daemon_that_is_down_while_nobody_waits_is_nobody_s_trouble() {
    let mut t = Timeline::new();
    let down = daemon(&t, "cilium-x7k2p", false);
    t.see(Seen::PodChanged(Box::new(down)));
    assert!(t.wait(300).ids().is_empty());
    t.see(network(false, "Network plugin returns error: not ready"));
    assert_eq!(t.wait(30).ids(), ["CniPodNotRunning"]);
    let later = after(t.now, Duration::from_secs(1));
    assert!(t.look().diagnoses[0].since < later);
}
