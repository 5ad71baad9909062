//! A node on which sandboxes hang, told from one that is slow and from a pod that hangs alone.

use std::time::Duration;

use super::making::{ago, called, plugin, record, status_hangs};
use super::timeline::{Timeline, creating, id, of_pods, sandbox};
use crate::model::diagnosis::{Diagnosis, Subject};
use crate::model::making::{PluginProcess, SandboxRecord, Step};
use crate::model::observation::Seen;
use crate::model::pod::{Pod, PodEvent};
use crate::model::reading::Reading;
use crate::model::runtime::Sandbox;
use crate::model::settings::CauseSettings;
use crate::model::{Time, after};

/// A pod before its sandbox, of an owner of that name.
fn owned(name: &str, owner: &str, now: Time) -> Pod {
    Pod { owner: Some(format!("ReplicaSet/{owner}").into()), ..creating(name, now, false) }
}

/// Pods that stand before their sandbox since now, each of the owner after whose name it is called.
fn starting(pods: &[&str]) -> Timeline {
    let mut t = Timeline::new();
    t.see(Seen::Sandboxes(Vec::new()));
    for pod in pods {
        let owner = pod.split('-').next().unwrap();
        t.see(Seen::PodChanged(Box::new(owned(pod, owner, t.now))));
    }
    t.wait(1);
    t
}

/// The plugins of these pods do not return; these sandboxes are up.
fn hang(t: &mut Timeline, pods: &[&str], since: Time, up: &[Sandbox]) {
    let records = pods.iter().map(|pod| record(pod, since, Some(Step::Network))).collect();
    let plugins = (7..).zip(pods).map(|(pid, pod)| called(plugin(pid, since), "ADD", pod)).collect();
    sees(t, records, plugins, up);
}

fn sees(t: &mut Timeline, records: Vec<SandboxRecord>, plugins: Vec<PluginProcess>, up: &[Sandbox]) {
    t.see(Seen::Sandboxes(up.to_vec())).see(Seen::SandboxRecords(Ok(records))).see(Seen::Plugins(Ok(plugins)));
}

fn up(pod: &str, created: Time) -> Sandbox {
    Sandbox { id: format!("s-{pod}").into(), ..sandbox(pod, created) }
}

fn of_node(t: &mut Timeline) -> Vec<Diagnosis> {
    t.look().diagnoses.into_iter().filter(|d| matches!(d.subject, Subject::Node(_))).collect()
}

fn named(t: &mut Timeline) -> Vec<&'static str> {
    of_node(t).iter().map(|said| said.cause.id).collect()
}

#[test]
fn a_plugin_that_hangs_for_pods_of_two_owners_is_one_event_of_the_node_and_a_short_word_each() {
    let mut t = starting(&["cart-1", "cart-2", "till-1"]);
    let began = t.now;
    t.wait(89);
    hang(&mut t, &["cart-1", "cart-2", "till-1"], began, &[]);
    assert_eq!(t.ids(), ["SandboxStalled"; 3], "an interface may take so long");
    t.wait(1);
    let findings = t.look();
    let said = &findings.diagnoses[0];
    assert_eq!((said.cause.id, said.since, said.affected.len()), ("NodeCannotStartPods", began, 3));
    assert!(
        said.sentence.starts_with(
            "Pods with their own network cannot start on this node, though it says Ready. 3 hang, 0 started since 03:00 UTC: \
             SandboxStalled. CNI plugin bridge has not returned for 1 min 30 s (pid 7). Platform: read /proc/7/stack"
        ),
        "{}",
        said.sentence
    );
    assert!(said.sentence.len() < 400 && !said.sentence.contains("cart") && !said.sentence.contains("till"));
    let pods = of_pods(&findings);
    assert_eq!(pods.len(), 3);
    for pod in pods {
        let word = "This node cannot start pods (SandboxStalled); nothing is wrong with this pod.";
        assert!(pod.brief && pod.sentence.starts_with(word), "{}", pod.sentence);
    }
}

#[test]
fn who_comes_to_a_wedged_node_later_has_no_story_of_its_own() {
    let mut t = starting(&["cart-1", "till-1"]);
    let began = t.now;
    t.wait(120);
    t.see(Seen::PodChanged(Box::new(owned("post-1", "post", t.now)))).wait(6);
    let late = ago(&t, 6);
    let pods = [("cart-1", began), ("till-1", began), ("post-1", late)];
    let records = pods.map(|(pod, since)| record(pod, since, Some(Step::Network)));
    sees(&mut t, records.into(), Vec::new(), &[]);
    assert_eq!(t.ids(), ["NodeCannotStartPods"; 4]);
}

#[test]
fn a_slow_node_whose_sandboxes_come_up_one_by_one_is_not_wedged() {
    let names: Vec<String> = (0..100).map(|n| format!("shop{n}-0")).collect();
    let mut waiting: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut t = starting(&waiting);
    let (began, before, mut made) = (t.now, ago(&t, 1), Vec::new());
    while let Some(next) = waiting.pop() {
        t.wait(80);
        // As containerd 1.x dates them, from before their network was made: before those that wait still.
        made.push(up(next, before));
        hang(&mut t, &waiting, began, &made);
        assert!(named(&mut t).is_empty(), "with {} left", waiting.len());
    }
}

#[test]
fn one_owner_however_many_of_its_pods_hang_is_no_wedged_node() {
    let mut t = starting(&["cart-1", "cart-2", "cart-3"]);
    let began = t.now;
    t.wait(200);
    hang(&mut t, &["cart-1", "cart-2", "cart-3"], began, &[]);
    assert_eq!(t.ids(), ["SandboxStalled"; 3]);
}

#[test]
fn a_pod_that_hangs_since_before_others_came_up_neither_counts_nor_hides_those_that_hang_since() {
    let mut t = starting(&["cart-1"]);
    let first = t.now;
    t.wait(30);
    t.see(Seen::PodChanged(Box::new(owned("bank-1", "bank", t.now)))).wait(2);
    let bank = up("bank-1", t.now);
    hang(&mut t, &["cart-1"], first, std::slice::from_ref(&bank));
    t.wait(1);
    let then = t.now;
    let both = |t: &mut Timeline, others: &[&str]| {
        let old = record("cart-1", first, Some(Step::Network));
        let new = others.iter().map(|pod| record(pod, then, Some(Step::Network)));
        sees(t, new.chain([old]).collect(), Vec::new(), std::slice::from_ref(&bank));
    };
    t.see(Seen::PodChanged(Box::new(owned("till-1", "till", then)))).wait(91);
    both(&mut t, &["till-1"]);
    assert!(named(&mut t).is_empty(), "only one owner's hang since");
    t.see(Seen::PodChanged(Box::new(owned("post-1", "post", then))));
    both(&mut t, &["till-1", "post-1"]);
    let said = of_node(&mut t);
    assert_eq!(said.len(), 1);
    assert!(said[0].sentence.contains("2 hang, 0 started since"), "{}", said[0].sentence);
}

#[test]
fn a_pod_on_the_nodes_network_shows_nothing_where_a_plugin_is_seen_to_hang_and_enough_where_none_is() {
    for seen in [true, false] {
        let mut t = starting(&["cart-1", "till-1"]);
        let began = t.now;
        let on_host = Pod { host_network: true, ..owned("proxy-1", "proxy", t.now) };
        t.see(Seen::PodChanged(Box::new(on_host))).wait(120);
        let proxy = up("proxy-1", ago(&t, 60));
        match seen {
            true => hang(&mut t, &["cart-1", "till-1"], began, &[proxy]),
            false => {
                let records = ["cart-1", "till-1"].map(|pod| record(pod, began, None));
                sees(&mut t, records.into(), Vec::new(), &[proxy]);
            }
        }
        assert_eq!(!named(&mut t).is_empty(), seen);
    }
}

#[test]
fn the_kubelet_s_next_try_behind_the_first_is_the_same_wait() {
    let mut t = starting(&["cart-1", "till-1"]);
    let began = t.now;
    t.wait(250);
    let taken = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to reserve sandbox name "x": name "x" is reserved for "e41d""#;
    let event = PodEvent {
        reason: "FailedCreatePodSandBox".into(),
        message: taken.into(),
        from: "kubelet".into(),
        at: Some(t.now),
    };
    t.see(Seen::PodEvents { pod: id("shop", "cart-1").uid, events: vec![event] });
    hang(&mut t, &["cart-1", "till-1"], began, &[]);
    assert_eq!(named(&mut t), ["NodeCannotStartPods"]);
}

#[test]
fn a_plugin_that_is_known_to_hang_is_told_and_these_pods_are_held_up_by_it() {
    let mut t = starting(&["cart-1", "till-1"]);
    let began = t.now;
    status_hangs(&mut t);
    t.wait(91);
    hang(&mut t, &["cart-1", "till-1"], began, &[]);
    let findings = t.look();
    let said = &findings.diagnoses[0];
    assert_eq!((said.cause.id, said.affected.len()), ("CniHung", 2));
    assert!(said.sentence.contains("It brings NodeCannotStartPods."), "{}", said.sentence);
    assert_eq!(findings.diagnoses.len(), 3);
    for pod in of_pods(&findings) {
        assert!(pod.brief && pod.sentence.contains("(CniHung)"), "{}", pod.sentence);
    }
}

#[test]
fn a_disk_that_everything_waits_for_is_told_as_the_root_of_it() {
    let mut t = starting(&["cart-1", "till-1"]);
    let began = t.now;
    t.wait(85);
    for _ in 0..4 {
        t.see(Seen::Readings {
            probe: "pressure",
            readings: vec![Reading::suspect("pressure", "io", "NodeIoSaturated", "").with("share", "93 %")],
        });
        t.wait(2);
    }
    hang(&mut t, &["cart-1", "till-1"], began, &[]);
    assert_eq!(named(&mut t), ["NodeIoSaturated"]);
}

#[test]
fn what_is_switched_off_holds_up_nobody() {
    for cause in ["NodeCannotStartPods", "SandboxStalled"] {
        let mut t = starting(&["cart-1", "till-1"]);
        t.settings.causes.insert(cause.into(), CauseSettings { enabled: Some(false), ..CauseSettings::default() });
        let began = t.now;
        t.wait(120);
        hang(&mut t, &["cart-1", "till-1"], began, &[]);
        let left: &[_] = if cause == "SandboxStalled" { &[] } else { &["SandboxStalled"; 2] };
        assert_eq!(t.ids(), left);
    }
}

#[test]
fn it_ends_with_a_pod_that_has_a_network_of_its_own_even_if_its_sandbox_was_begun_before() {
    let over = |t: &mut Timeline| t.look().cleared.iter().any(|cleared| cleared.how == "Pods start again");
    let mut t = starting(&["cart-1", "till-1"]);
    let began = t.now;
    t.wait(120);
    hang(&mut t, &["cart-1", "till-1"], began, &[]);
    assert_eq!(named(&mut t), ["NodeCannotStartPods"]);
    let on_host = Pod { host_network: true, ..owned("proxy-1", "proxy", t.now) };
    t.see(Seen::PodChanged(Box::new(on_host))).wait(5);
    t.see(Seen::PodGone(id("shop", "till-1").uid));
    let proxy = up("proxy-1", ago(&t, 1));
    hang(&mut t, &["cart-1"], began, std::slice::from_ref(&proxy));
    assert!(named(&mut t).is_empty() && !over(&mut t), "it needs no network");
    t.now = after(t.now, Duration::from_secs(5));
    hang(&mut t, &[], began, &[proxy, up("cart-1", began)]);
    assert!(over(&mut t));
}
