//! Timelines of observations → diagnoses, in virtual time.

mod crowd;
mod making;
mod node;
mod prepull;
mod pull;
mod queue;
mod recalled;
mod stalls;
mod start;
mod timeline;
mod told;
mod volume;
mod way;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use super::{images, questions};
use crate::model::after;
use crate::model::cause::EventType;
use crate::model::cni::{CniConfig, CniHost};
use crate::model::diagnosis::Subject;
use crate::model::observation::Seen;
use crate::model::pod::{ContainerState, Phase, Pod};
use crate::model::runtime::{FailureKind, Method};

use timeline::{Timeline, call, cni, creating, id, network, node, of_pods, pod, sandbox, sandbox_failed, slot};

#[test]
fn a_healthy_node_says_nothing_and_is_known_to_be_well() {
    let mut t = Timeline::new();
    let findings = t.wait(120).look();
    assert!(findings.diagnoses.is_empty(), "{:?}", findings.diagnoses);
    assert_eq!(findings.cleared.len(), 2, "runtime and network: {:?}", findings.cleared);
}

#[test]
fn a_missing_plugin_is_said_on_the_node_before_any_pod_fails() {
    let mut t = Timeline::new();
    t.wait(60).see(Seen::Cni(cni(&["flannel"])));
    assert!(t.wait(4).ids().is_empty(), "not before it has dwelt");
    let findings = t.wait(1).look();
    let said = &findings.diagnoses[0];
    assert_eq!(said.cause.id, "CniPluginMissing");
    assert!(said.sentence.starts_with(
        "Pods with their own network cannot start on this node, though it says Ready: CNI plugin flannel is not in /opt/cni/bin"
    ));
    assert!(said.sentence.len() < 400, "{}", said.sentence);
    assert!(!findings.cleared.iter().any(|c| c.topic == said.topic), "broken and well at once");
}

#[test]
fn a_pod_held_by_the_node_gets_the_short_word_and_no_story_of_its_own() {
    let mut t = Timeline::new();
    t.see(Seen::Cni(cni(&["flannel"]))).wait(10);
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, false))));
    assert_eq!(t.ids(), ["CniPluginMissing"]);
    let findings = t.wait(6).look();
    let pods = of_pods(&findings);
    assert_eq!(pods.len(), 1);
    assert!(pods[0].brief && pods[0].sentence.contains("nothing is wrong with this pod"));
    assert!(findings.diagnoses[0].sentence.contains("1 pod waiting"));
    assert!(!findings.diagnoses[0].sentence.contains("cart"), "a Node Event names no pod");
    assert!(questions(t.view(), &findings).is_empty(), "no Event is asked for what is known");
}

#[test]
fn the_short_word_advises_only_what_the_pod_survives() {
    for (owner, advice) in [
        (Some("ReplicaSet/cart"), "App: delete the pod: its ReplicaSet makes another, maybe elsewhere."),
        (Some("DaemonSet/agent"), "App: wait; a DaemonSet's pod belongs to its node."),
        (Some("Node/node-7"), "App: wait; a static pod belongs to its node."),
        (Some("CloneSet/cart"), "App: if its CloneSet makes deleted pods again, delete it"),
        (None, "App: create the pod anew to move it."),
    ] {
        let mut t = Timeline::new();
        let waiting = Pod { owner: owner.map(Into::into), ..creating("cart", t.now, false) };
        t.see(Seen::Cni(cni(&["flannel"]))).see(Seen::PodChanged(Box::new(waiting)));
        let findings = t.wait(10).look();
        let said = &of_pods(&findings)[0].sentence;
        assert!(said.contains(advice) && said.len() < 300, "{said}");
    }
}

#[test]
fn an_empty_configuration_directory_counts_once_the_runtime_agrees() {
    let mut t = Timeline::new();
    t.see(Seen::Cni(CniHost { config: CniConfig::Missing, ..cni(&[]) }));
    assert!(t.wait(30).ids().is_empty(), "the runtime still has it loaded");
    t.see(network(false, "Network plugin returns error: cni plugin not initialized"));
    assert_eq!(t.wait(5).ids(), ["CniConfigMissing"]);
    t.see(network(true, "")).see(Seen::Cni(cni(&[])));
    let findings = t.wait(1).look();
    assert!(findings.diagnoses.is_empty());
    assert!(findings.cleared.iter().any(|c| c.how == "The pod network is back"));
}

#[test]
fn a_refused_socket_is_runtime_down_and_outranks_everything_else() {
    let mut t = Timeline::new();
    t.see(Seen::Cni(cni(&["flannel"]))).wait(10);
    t.see(call(Method::Connect, Some(FailureKind::NobodyListens)));
    assert!(t.wait(4).ids().is_empty(), "neither: not dwelt, and the network is unknown now");
    t.see(call(Method::Connect, Some(FailureKind::NobodyListens)));
    let findings = t.wait(1).look();
    assert_eq!(findings.diagnoses.len(), 1);
    let said = &findings.diagnoses[0];
    assert!(said.sentence.starts_with(
        "containerd does not answer on this node: nobody listens on /run/containerd/containerd.sock. No pod can start"
    ));
    assert!(said.sentence.contains("systemctl status containerd"));
    assert!(findings.cleared.is_empty(), "nothing is known to be well: {:?}", findings.cleared);
}

#[test]
fn a_list_that_hangs_once_is_no_report() {
    let mut t = Timeline::new();
    t.wait(60).see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut)));
    assert!(t.wait(6).ids().is_empty());
    t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut)));
    assert_eq!(t.ids(), ["RuntimeDown"]);
}

#[test]
fn a_list_that_breaks_once_and_a_socket_that_is_dead_from_then_on_is_runtime_down() {
    let mut t = Timeline::new();
    t.wait(60).see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens)));
    for _ in 0..6 {
        t.wait(1).see(call(Method::Connect, Some(FailureKind::NobodyListens)));
    }
    assert_eq!(t.ids(), ["RuntimeDown"]);
}

#[test]
fn a_hung_status_alone_is_not_runtime_down() {
    let mut t = Timeline::new();
    t.see(call(Method::Status, Some(FailureKind::TimedOut)));
    assert!(t.wait(300).ids().is_empty());
}

#[test]
fn a_quick_restart_of_the_runtime_is_no_report() {
    let mut t = Timeline::new();
    t.wait(10).see(call(Method::Connect, Some(FailureKind::NoSocket)));
    assert!(t.wait(3).ids().is_empty());
    let info = t.world.runtime.info.clone().unwrap();
    t.see(Seen::RuntimeFound(info)).see(network(false, "Network plugin returns error: cni plugin not initialized"));
    t.see(Seen::Cni(CniHost { config: CniConfig::Unknown, ..cni(&[]) }));
    assert!(t.wait(30).ids().is_empty(), "what began with the restart may be its echo");
    assert_eq!(t.wait(31).ids(), ["CniConfigMissing"], "and after a minute it is not");
}

#[test]
fn a_failed_pull_is_named_from_the_kubelets_words_and_ends_when_the_pod_runs() {
    let mut t = Timeline::new();
    let error = r#"rpc error: code = NotFound desc = failed to pull and unpack image "r.example.com/shop/cart:2.14.1": failed to resolve reference "r.example.com/shop/cart:2.14.1": r.example.com/shop/cart:2.14.1: not found"#;
    let failing = pod("cart", t.now, slot("r.example.com/shop/cart:2.14.1", "ErrImagePull", error));
    t.see(Seen::PodChanged(Box::new(failing)));
    let findings = t.wait(2).look();
    let said = of_pods(&findings)[0];
    assert_eq!((said.cause.id, said.kind), ("ImageNotFound", EventType::Warning));
    assert_eq!(said.field_path.as_deref(), Some("spec.containers{web}"));
    assert!(
        said.sentence.starts_with("r.example.com has no 2.14.1 of shop/cart (container web). It answered this node")
    );
    assert!(said.sentence.len() < 300, "{} bytes: {}", said.sentence.len(), said.sentence);

    let mut running = pod("cart", t.now, slot("r.example.com/shop/cart:2.14.1", "", ""));
    running.containers[0].state = ContainerState::Running { since: Some(t.now) };
    running.phase = Phase::Running;
    t.see(Seen::PodChanged(Box::new(running)));
    let findings = t.wait(1).look();
    assert!(of_pods(&findings).is_empty());
    let ended = findings.cleared.iter().find(|c| matches!(c.subject, Subject::Pod(_))).unwrap();
    assert_eq!(ended.how, "Started");
}

#[test]
fn the_error_is_remembered_while_an_old_kubelet_backs_off() {
    let mut t = Timeline::new();
    let error = "failed to do request: dial tcp 203.0.113.9:443: connect: connection refused";
    for (reason, text) in
        [("ErrImagePull", error), ("ImagePullBackOff", "Back-off pulling image \"r.example.com/a:1\"")]
    {
        let failing = pod("cart", t.now, slot("r.example.com/a:1", reason, text));
        t.see(Seen::PodChanged(Box::new(failing))).wait(2);
        assert_eq!(t.ids(), ["RegistryUnreachable"], "{reason}");
    }
}

#[test]
fn a_pod_that_fails_for_good_is_never_said_to_have_started() {
    let mut t = Timeline::new();
    let mut failing = pod("cart", t.now, slot("r.example.com/a:1", "ErrImagePull", "manifest unknown"));
    t.see(Seen::PodChanged(Box::new(failing.clone())));
    assert_eq!(t.wait(2).ids(), ["ImageNotFound"]);
    failing.phase = Phase::Failed;
    t.see(Seen::PodChanged(Box::new(failing))).wait(120);
    assert!(!t.look().cleared.iter().any(|c| matches!(c.subject, Subject::Pod(_))));
}

#[test]
fn a_pod_that_is_stuck_for_good_makes_no_haste() {
    let mut t = Timeline::new();
    assert!(!t.world.busy(t.now), "a calm node");
    let failing = pod("cart", t.now, slot("r.example.com/a:1", "ImagePullBackOff", "manifest unknown"));
    t.see(Seen::PodChanged(Box::new(failing)));
    assert!(t.world.busy(t.now) && t.world.awaits_image(t.now));
    t.wait(601);
    assert!(!t.world.busy(t.now) && !t.world.awaits_image(t.now));
    assert_eq!(t.ids(), ["ImageNotFound"], "though it is still diagnosed");
}

#[test]
fn the_images_of_a_pod_are_expected_from_when_it_comes_until_its_sandbox_is_made_and_not_for_long() {
    let mut t = Timeline::new();
    let expected = |t: &Timeline| t.world.images_expected(t.now);
    let mut new = pod("cart", t.now, slot("r.example.com/a:1", "ContainerCreating", ""));
    new.sandbox_ready = None;
    t.see(Seen::PodChanged(Box::new(new.clone())));
    assert_eq!(*expected(&t), ["r.example.com/a:1".into()]);
    t.wait(10);
    assert!(expected(&t).is_empty(), "its sandbox waits for something else");

    let mut quick = Pod { id: id("shop", "till"), ..new };
    t.see(Seen::PodChanged(Box::new(quick.clone())));
    assert_eq!(expected(&t).len(), 1);
    quick.sandbox_ready = Some((true, Some(t.now)));
    t.see(Seen::PodChanged(Box::new(quick)));
    assert!(expected(&t).is_empty(), "what it pulls from now on is seen");
}

#[test]
fn a_pod_that_is_finished_or_on_its_way_out_is_never_diagnosed() {
    let mut t = Timeline::new();
    let error = "configmap \"cart\" not found";
    for change in [|p: &mut Pod| p.deleting = true, |p: &mut Pod| p.phase = Phase::Failed] {
        let mut over = pod("cart", t.now, slot("r.example.com/a:1", "CreateContainerConfigError", error));
        change(&mut over);
        t.see(Seen::PodChanged(Box::new(over)));
        assert!(t.wait(60).ids().is_empty());
    }
}

#[test]
fn an_unknown_error_is_quoted_and_nothing_is_claimed() {
    let mut t = Timeline::new();
    let failing =
        pod("cart", t.now, slot("r.example.com/a:1", "CreateContainerError", "the moon\nis in the wrong phase"));
    t.see(Seen::PodChanged(Box::new(failing)));
    let findings = t.wait(30).look();
    let said = of_pods(&findings)[0];
    assert_eq!(said.cause.id, "Unclassified");
    assert!(said.sentence.contains("the moon is in the wrong phase"));
}

#[test]
fn events_are_asked_for_once_where_nothing_else_tells() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, false))));
    let findings = t.wait(14).look();
    assert!(questions(t.view(), &findings).is_empty());
    let findings = t.wait(1).look();
    let asked = questions(t.view(), &findings);
    assert_eq!(asked.len(), 1);
    t.world.asked(&asked[0], t.now);
    let findings = t.wait(100).look();
    assert!(questions(t.view(), &findings).is_empty(), "not again within five minutes");
}

#[test]
fn a_pause_image_that_cannot_be_had_is_the_nodes_fault() {
    let mut t = Timeline::new();
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, false)))).wait(16);
    let message = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "r.nowhere/pause:3.10": failed to pull image "r.nowhere/pause:3.10": dial tcp: lookup r.nowhere on 10.96.0.10:53: no such host"#;
    t.see(sandbox_failed(message, t.now));
    let findings = t.look();
    assert_eq!(findings.diagnoses[0].cause.id, "SandboxImageUnavailable");
    assert!(findings.diagnoses[0].sentence.contains("its pause image r.nowhere/pause:3.10 is not here and cannot be pulled (its registry's name does not resolve); 1 pod waiting"));
    assert!(of_pods(&findings)[0].brief);
    assert!(!findings.cleared.iter().any(|c| c.how == "Sandboxes are made again"));

    assert_eq!(*images(&t.world), ["r.nowhere/pause:3.10".into()], "it is asked for");
    t.wait(1).see(Seen::Image { name: "r.example.com/other:1".into(), here: true });
    t.see(Seen::Image { name: "r.nowhere/pause:3.10".into(), here: false });
    assert_eq!(t.ids().first(), Some(&"SandboxImageUnavailable"), "another image does not help");
    t.see(Seen::Image { name: "r.nowhere/pause:3.10".into(), here: true });
    assert!(t.ids().is_empty(), "it has come meanwhile");

    let sandbox = sandbox("cart", after(t.now, Duration::from_secs(1)));
    t.wait(2).see(Seen::Sandboxes(vec![sandbox]));
    let findings = t.look();
    assert!(!findings.diagnoses.iter().any(|d| matches!(d.subject, Subject::Node(_))));
    assert!(findings.cleared.iter().any(|c| c.how == "Sandboxes are made again"));
}

#[test]
fn a_plugin_that_only_the_runtime_misses_is_told_from_its_words_and_ended_by_a_pod_that_got_a_network() {
    let mut t = Timeline::new();
    t.see(Seen::Cni(CniHost { unreadable: Some("not mounted".into()), config: CniConfig::Unknown, ..cni(&[]) }));
    let now = t.now;
    t.see(Seen::PodChanged(Box::new(creating("cart", now, false)))).wait(16);
    let message = r#"plugin type="flanneld-x" failed (add): failed to find plugin "flanneld-x" in path [/opt/cni/bin]"#;
    t.see(sandbox_failed(message, t.now));
    let findings = t.look();
    let said = &findings.diagnoses[0];
    assert_eq!(said.cause.id, "CniPluginMissing");
    assert!(said.sentence.contains("CNI plugin flanneld-x is not in /opt/cni/bin; 1 pod waiting"), "{}", said.sentence);
    assert!(!findings.cleared.iter().any(|c| c.how == "The pod network is back"));

    t.wait(5);
    let sandbox = sandbox("cart", t.now);
    t.see(Seen::Sandboxes(vec![sandbox]));
    let findings = t.look();
    assert!(findings.diagnoses.is_empty());
    assert!(findings.cleared.iter().any(|c| c.how == "The pod network is back"));
}

#[test]
fn a_cause_that_is_switched_off_is_not_said_and_another_dwell_is_kept() {
    let mut t = Timeline::new();
    let off = crate::model::settings::CauseSettings { enabled: Some(false), ..Default::default() };
    t.settings.causes.insert("CniPluginMissing".into(), off);
    t.see(Seen::Cni(cni(&["flannel"])));
    assert!(t.wait(60).ids().is_empty());
    let late = crate::model::settings::CauseSettings { after: Some(Duration::from_secs(120)), ..Default::default() };
    t.settings.causes.insert("CniPluginMissing".into(), late);
    assert!(t.wait(59).ids().is_empty());
    assert_eq!(t.wait(1).ids(), ["CniPluginMissing"]);
}

#[test]
fn a_node_being_installed_is_told_normally() {
    let mut t = Timeline::new();
    let mut fresh = node(t.now);
    fresh.id.uid = "fresh".into();
    fresh.conditions[0].status = Some(false);
    t.see(Seen::NodeChanged(Box::new(fresh))).see(Seen::Cni(cni(&["flannel"])));
    assert_eq!(t.wait(10).look().diagnoses[0].kind, EventType::Normal);
    assert_eq!(t.wait(300).look().diagnoses[0].kind, EventType::Warning);
}

#[test]
fn an_event_on_a_pod_never_holds_a_name_of_another_namespace() {
    let mut t = Timeline::new();
    t.see(Seen::Cni(cni(&["flannel"])));
    let now = t.now;
    for (namespace, name) in [("shop", "cart"), ("bank", "vault-secret")] {
        let mut waiting = creating(name, now, false);
        waiting.id = id(namespace, name);
        waiting.api_uid = waiting.id.uid.clone();
        t.see(Seen::PodChanged(Box::new(waiting)));
    }
    let findings = t.wait(30).look();
    let foreign: BTreeSet<_> = ["bank", "vault-secret"].into();
    for diagnosis in &findings.diagnoses {
        let own = matches!(&diagnosis.subject, Subject::Pod(id) if &*id.namespace == "bank");
        for word in foreign.iter().filter(|_| !own) {
            assert!(!diagnosis.sentence.contains(word), "{}", diagnosis.sentence);
        }
    }
    assert_eq!(findings.diagnoses.len(), 3);
}

#[test]
fn every_sentence_has_all_it_needs() {
    let error = |text: &str, reason: &str| {
        let mut t = Timeline::new();
        let failing = pod("cart", t.now, slot("r.example.com/shop/cart:2.14.1", reason, text));
        t.see(Seen::PodChanged(Box::new(failing))).wait(31);
        let findings = t.look();
        of_pods(&findings)[0].sentence.clone()
    };
    for (text, reason) in [
        ("401 Unauthorized", "ErrImagePull"),
        ("dial tcp: lookup r.example.com on 10.0.0.2:53: no such host", "ErrImagePull"),
        ("dial tcp 203.0.113.9:443: i/o timeout", "ErrImagePull"),
        ("net/http: TLS handshake timeout", "ErrImagePull"),
        ("couldn't find key db in ConfigMap shop/settings", "CreateContainerConfigError"),
        ("secret \"token\" not found", "CreateContainerConfigError"),
        ("exec: \"nope\": executable file not found in $PATH", "RunContainerError"),
        ("exec: \"\": executable file not found in $PATH", "RunContainerError"),
        ("something else", "ErrImagePull"),
    ] {
        let said = error(text, reason);
        assert!(!said.contains(" ?"), "a fact is missing: {said}");
        assert!(said.len() < 300 || text == "something else", "{} bytes: {said}", said.len());
    }
}
