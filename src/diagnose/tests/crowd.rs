//! A wedged node told from one pod that fails over and over.

use super::timeline::{Timeline, cni, creating, id, network, of_pods, sandbox};
use crate::model::cni::{CniConfig, CniHost};
use crate::model::diagnosis::{Diagnosis, Subject};
use crate::model::observation::Seen;
use crate::model::pod::{Pod, PodEvent};
use crate::model::wording::span;
use crate::model::{Time, since};

const FAILED: &str = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: unable to apply cgroup configuration: cannot enter cgroupv2 "/sys/fs/cgroup/kubepods" with domain controllers -- it is in threaded mode: unknown"#;
const OF_NETWORK: &str = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5db4": plugin type="bridge" name="shopnet" failed (add): something of its own"#;

fn waiting(name: &str, owner: &str, now: Time) -> Pod {
    Pod { owner: Some(owner.into()), ..creating(name, now, false) }
}

fn failed(name: &str, message: &str, at: Time) -> Seen {
    let (reason, from) = ("FailedCreatePodSandBox".into(), "kubelet".into());
    let event = PodEvent { reason, message: message.into(), from, at: Some(at) };
    Seen::PodEvents { pod: id("shop", name).uid, events: vec![event] }
}

impl Timeline {
    /// A pod that has failed so for half a minute.
    fn fails(&mut self, name: &str, owner: &str, message: &str) -> &mut Self {
        let now = self.now;
        self.see(Seen::PodChanged(Box::new(waiting(name, owner, now)))).wait(15);
        let now = self.now;
        self.see(failed(name, message, now)).wait(15)
    }

    fn wedged(&mut self) -> Option<Diagnosis> {
        let of_node = |d: &Diagnosis| matches!(d.subject, Subject::Node(_)) && d.cause.id == "NodeCannotStartPods";
        self.look().diagnoses.into_iter().find(of_node)
    }
}

#[test]
fn pods_of_two_owners_that_fail_alike_are_one_event_of_the_node_and_a_short_word_each() {
    let mut t = Timeline::new();
    let began = t.now;
    t.fails("cart", "ReplicaSet/cart", FAILED).fails("till", "ReplicaSet/till", FAILED);
    let said = t.wedged().unwrap();
    assert!(
        said.sentence.starts_with(
            "Pods cannot start on this node, though it says Ready. 2 failed, 0 started since 03:00 UTC: CgroupFailure."
        ),
        "{} after {}",
        said.sentence,
        span(since(began, t.now))
    );
    assert!(!said.sentence.contains("cart") && !said.sentence.contains("till"), "a Node Event names no pod");
    let findings = t.look();
    let pods = of_pods(&findings);
    assert_eq!(pods.len(), 2);
    for pod in pods {
        assert!(
            pod.brief && pod.sentence.starts_with("This node cannot start pods (CgroupFailure)"),
            "{}",
            pod.sentence
        );
    }
}

/// As CRI-O 1.37 says it, whose Status goes on to call the network ready.
#[test]
fn of_a_directory_that_was_emptied_behind_cri_o_nothing_is_put_into_its_mouth() {
    let empty = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create pod network sandbox \
                 k8s_cart_shop_uid-cart_0(ff83801c854a): no CNI configuration file in /etc/cni/net.d. Has your network provider \
                 started?";
    for (ready, says) in [(true, ""), (false, ", and containerd says NetworkReady=false")] {
        let mut t = Timeline::new();
        let emptied = CniHost { config: CniConfig::Missing, ..cni(&[]) };
        t.see(network(ready, "")).see(Seen::Cni(emptied)).fails("cart", "ReplicaSet/cart", empty);
        let findings = t.look();
        let of_node = findings.diagnoses.iter().find(|d| d.cause.id == "CniConfigMissing" && !d.brief).unwrap();
        let begins = format!("This node has no pod network: /etc/cni/net.d holds no CNI configuration{says}. Pods");
        assert!(of_node.sentence.starts_with(&begins), "{}", of_node.sentence);
    }
}

#[test]
fn one_owner_however_many_pods_is_no_wedged_node() {
    let mut t = Timeline::new();
    for name in ["cart-0", "cart-1", "cart-2", "cart-3"] {
        t.fails(name, "StatefulSet/cart", FAILED);
    }
    assert!(t.wedged().is_none());
}

#[test]
fn a_success_since_the_first_failure_says_that_the_node_can() {
    let mut t = Timeline::new();
    t.fails("cart", "ReplicaSet/cart", FAILED);
    let made = sandbox("bank", t.now);
    t.see(Seen::Sandboxes(vec![made])).fails("till", "ReplicaSet/till", FAILED);
    assert!(t.wedged().is_none());
}

#[test]
fn the_network_s_failures_count_only_pods_that_have_one_and_need_three_where_no_cause_is_known() {
    let mut t = Timeline::new();
    t.fails("cart", "ReplicaSet/cart", OF_NETWORK).fails("till", "ReplicaSet/till", OF_NETWORK);
    assert!(t.wedged().is_none(), "that two share a kind of failure is no wonder");
    let on_host = Pod { host_network: true, ..waiting("proxy", "DaemonSet/proxy", t.now) };
    t.see(Seen::PodChanged(Box::new(on_host))).wait(15);
    let now = t.now;
    t.see(failed("proxy", OF_NETWORK, now)).wait(15);
    assert!(t.wedged().is_none());
    t.fails("bank", "ReplicaSet/bank", OF_NETWORK);
    let said = t.wedged().unwrap();
    assert!(said.sentence.starts_with("Pods with their own network cannot start"), "{}", said.sentence);
}

#[test]
fn it_ends_with_a_pod_that_starts_and_not_with_those_that_failed() {
    let over = |t: &mut Timeline| t.look().cleared.iter().any(|cleared| cleared.how == "Pods start again");
    let mut t = Timeline::new();
    t.see(Seen::Sandboxes(vec![sandbox("old", t.now)]));
    t.wait(60).fails("cart", "ReplicaSet/cart", FAILED).fails("till", "ReplicaSet/till", FAILED);
    assert!(t.wedged().is_some());
    for name in ["cart", "till"] {
        t.see(Seen::PodGone(id("shop", name).uid));
    }
    assert!(t.wait(120).wedged().is_none() && !over(&mut t), "nobody has shown that it can");
    let made = sandbox("bank", t.now);
    assert!(over(t.see(Seen::Sandboxes(vec![made]))));
}
