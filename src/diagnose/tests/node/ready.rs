//! Why a node is not ready, as one sentence: what the kubelet says beside what is seen; and what is asked only in doubt.

use super::super::timeline::{Timeline, call, cni, creating, id, network};
use super::kubelet;
use crate::model::cni::{CniConfig, CniHost};
use crate::model::observation::{ApiState, Seen};
use crate::model::pod::Pod;
use crate::model::reading::Reading;
use crate::model::runtime::{FailureKind, Method};

/// The messages of the condition Ready that the kubelet, or the control plane, writes (Kubernetes:
/// pkg/kubelet/nodestatus/setters.go, pkg/controller/nodelifecycle).
#[test]
fn every_message_of_a_node_that_is_not_ready_is_told_as_one_sentence() {
    const STARTING: &str = "container runtime status check may not have completed yet";
    for (message, cause) in [
        (STARTING, "Unclassified"),
        ("container runtime is down", "RuntimeDown"),
        ("container runtime not ready: RuntimeReady=false reason:X message:y", "RuntimeDown"),
        ("PLEG is not healthy: pleg was last seen active 3m12s ago; threshold is 3m0s", "RuntimeSlow"),
        ("PLEG is not healthy: pleg has yet to be successful", "Unclassified"),
        (
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin \
             returns error: cni plugin not initialized",
            "CniConfigMissing",
        ),
        ("network state unknown", "Unclassified"),
        ("CSINode is not yet initialized", "Unclassified"),
        ("missing node capacity for resources: cpu, memory, pods, ephemeral-storage", "Unclassified"),
    ] {
        let mut t = Timeline::new();
        t.wait(600).ready(Some(false), message);
        assert!(t.wait(30).of_node().is_empty(), "all that this agent sees is well, and it may pass: {message}");
        let said = t.wait(90).of_node();
        let causes: Vec<_> = said.iter().map(|d| d.cause.id).collect();
        assert_eq!(causes, [cause], "{message}");
        assert!(&*said[0].evidence[0].says == message && !said[0].sentence.contains(" ?"), "{}", said[0].sentence);
    }
}

#[test]
fn a_node_that_is_not_heard_of_is_told_with_what_its_kubelet_does() {
    const UNKNOWN: &str = "Kubelet stopped posting node status.";
    let mut t = Timeline::new();
    let said = t.wait(600).ready(None, UNKNOWN).wait(16).of_node();
    assert!(said[0].cause.id == "KubeletDown" && said.len() == 1, "nobody can look: {said:?}");
    t.ready(Some(true), "");
    assert!(t.wait(1).ends("The kubelet reports again"));

    let mut t = Timeline::new();
    t.wait(600).finds(&kubelet("1@1"), 4).ready(None, UNKNOWN);
    assert!(t.finds(&kubelet("1@1"), 60).of_node().is_empty(), "it runs");
    let said = t.finds(&kubelet("1@1"), 40).of_node();
    assert!(
        said[0].sentence.contains("it runs and answers on its health port, but its reports do not arrive"),
        "{said:?}"
    );

    let expired = Reading::broken("kubelet-certificate", "", "KubeletCredentialInvalid", "")
        .with("flaw", "its certificate expired 2 h ago, on 2026-11-21");
    let said = t.finds(&expired, 8).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "KubeletCredentialInvalid"));
    assert!(said[0].sentence.contains("brings KubeletDown"), "{}", said[0].sentence);
}

#[test]
fn what_the_kubelet_says_is_evidence_for_what_is_seen() {
    let mut t = Timeline::new();
    t.wait(600).ready(Some(false), "container runtime is down");
    for _ in 0..3 {
        t.see(call(Method::Connect, Some(FailureKind::NobodyListens))).wait(3);
    }
    let said = t.of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "RuntimeDown"));
    assert!(said[0].sentence.contains("nobody listens on"), "{}", said[0].sentence);
    assert!(said[0].evidence.iter().any(|one| one.says == "container runtime is down"));
}

#[test]
fn the_way_to_the_api_server_is_asked_for_while_it_is_in_doubt_and_until_it_has_been_well() {
    let mut t = Timeline::new();
    assert!(!t.world.way_in_doubt(t.now), "a calm node");
    t.see(Seen::ApiServer(ApiState::Unreachable("connection refused".to_owned())));
    assert!(t.world.way_in_doubt(t.now));
    let lost = Reading::broken("api-server", "direct", "ApiServerUnreachable", "")
        .with("api", "api.example.com:6443")
        .with("failure", "no connection to 10.0.0.2:6443: refused");
    let said = t.finds(&lost, 30).of_node();
    assert!(said[0].sentence.contains("no connection to 10.0.0.2:6443: refused"), "{said:?}");
    t.see(Seen::ApiServer(ApiState::Answers));
    assert!(t.world.way_in_doubt(t.now), "the end of it is to be seen");
    t.finds(&Reading::fine("api-server", "direct", ""), 60);
    assert!(t.world.way_in_doubt(t.now) && t.ends("The API server is reached again"));
    t.finds(&Reading::fine("api-server", "direct", ""), 120);
    assert!(!t.world.way_in_doubt(t.now));
}

#[test]
fn only_mounts_of_pods_that_wait_for_them_or_can_not_go_are_asked() {
    let mut t = Timeline::new();
    let now = t.now;
    let [stays, goes] = ["cart", "till"].map(|name| creating(name, now, true));
    t.see(Seen::PodChanged(Box::new(stays))).see(Seen::PodChanged(Box::new(Pod { deleting: true, ..goes })));
    assert_eq!(*t.world.mounts_in_doubt(t.now), [id("shop", "till").uid]);
    t.see(call(Method::ListPodSandbox, Some(FailureKind::TimedOut)));
    assert_eq!(t.world.mounts_in_doubt(t.now).len(), 2, "a runtime that hangs may hang on any");
}

#[test]
fn what_the_kubelet_says_of_files_that_are_mended_is_of_the_past() {
    const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                              message:Network plugin returns error: cni plugin not initialized";
    let cut = CniConfig::Invalid {
        file: "/etc/cni/net.d/10-flannel.conflist".into(),
        problem: "it ends in its middle".to_owned(),
    };
    let mut t = Timeline::new();
    t.wait(600).see(network(false, "cni plugin not initialized")).see(Seen::Cni(CniHost { config: cut, ..cni(&[]) }));
    t.ready(Some(false), NO_NETWORK).wait(30);
    assert_eq!(t.ids(), ["CniConfigInvalid"]);
    t.see(Seen::Cni(cni(&[]))).wait(1);
    assert!(t.ids().is_empty(), "neither the runtime nor the kubelet has read it yet");
    assert!(t.wait(100).ids() == ["CniConfigMissing"], "by now the runtime should have");
}

#[test]
fn where_only_its_service_address_is_known_an_api_server_is_missed_after_a_minute() {
    let cut = |t: &mut Timeline, seconds: u64| {
        for _ in 0..seconds / 10 {
            t.see(Seen::ApiServer(ApiState::Unreachable("no route".to_owned())));
            t.finds(&Reading::suspect("api-server", "service address", "ApiServerUnreachable", "no connection"), 8);
        }
    };
    let mut t = Timeline::new();
    t.wait(600);
    cut(&mut t, 50);
    assert!(t.of_node().is_empty(), "kube-proxy may be late");
    cut(&mut t, 20);
    assert_eq!(t.of_node().iter().map(|said| said.cause.id).collect::<Vec<_>>(), ["ApiServerUnreachable"]);
    t.see(Seen::ApiServer(ApiState::Answers)).finds(&Reading::fine("api-server", "service address", ""), 8);
    assert!(t.of_node().is_empty() && t.ends("The API server is reached again"));
}
