//! What the kubelet's words prove, and what they do not: whose they are, how old, about which pod.

use std::sync::Arc;

use super::timeline::{Timeline, call, cni, creating, id, of_pods, pod, sandbox_failed, slot};
use crate::model::Time;
use crate::model::diagnosis::Subject;
use crate::model::observation::Seen;
use crate::model::pod::PodEvent;
use crate::model::prepull::{PullFailure, SetProgress};
use crate::model::runtime::{FailureKind, Method};

const FLANNEL: &str = r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "5db4": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory"#;

fn told(from: &str, reason: &str, message: &str, at: Time) -> Seen {
    let event = PodEvent { reason: reason.into(), message: message.into(), from: from.into(), at: Some(at) };
    Seen::PodEvents { pod: id("shop", "cart").uid, events: vec![event] }
}

#[test]
fn what_held_a_pod_before_it_came_here_holds_it_no_more() {
    let missing = "MountVolume.SetUp failed for volume \"conf\" : configmap \"cart-settings\" not found";
    for (from, reason, message, age, cause) in [
        ("default-scheduler", "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.", 0, None),
        ("kubelet", "FailedMount", missing, 400, None),
        ("kubelet", "FailedMount", missing, 10, Some("VolumeSourceMissing")),
    ] {
        let mut t = Timeline::new();
        t.see(Seen::PodChanged(Box::new(creating("cart", t.now, false)))).wait(5);
        t.see(told(from, reason, message, t.now)).wait(age).wait(31);
        let findings = t.look();
        let said: Vec<_> = of_pods(&findings).iter().map(|d| d.cause.id).filter(|id| *id != "SandboxStalled").collect();
        assert_eq!(said.first().copied(), cause, "{reason} by {from}, {age} s ago");
    }
}

#[test]
fn a_daemon_that_is_down_is_the_nodes_fault_until_a_pod_gets_a_network() {
    let mut t = Timeline::new();
    t.see(Seen::PodChanged(Box::new(creating("cart", t.now, false)))).wait(6);
    t.see(sandbox_failed(FLANNEL, t.now)).wait(6);
    let findings = t.look();
    let node = findings.diagnoses.iter().find(|d| matches!(d.subject, Subject::Node(_))).unwrap();
    assert_eq!(node.cause.id, "CniBackendDown");
    assert!(node.sentence.contains("/run/flannel/subnet.env is missing"), "{}", node.sentence);
    assert!(!findings.cleared.iter().any(|cleared| cleared.how.contains("network")), "its files are all there");
}

#[test]
fn no_pod_is_called_blameless_that_failed_by_itself_before() {
    let mut t = Timeline::new();
    let error = r#"failed to pull and unpack image "r.example.com/shop/cart:1": failed to resolve reference "r.example.com/shop/cart:1": r.example.com/shop/cart:1: not found"#;
    t.see(Seen::PodChanged(Box::new(pod("cart", t.now, slot("r.example.com/shop/cart:1", "ErrImagePull", error)))));
    t.wait(10).look();
    for _ in 0..3 {
        t.see(call(Method::ListPodSandbox, Some(FailureKind::NobodyListens))).wait(6);
    }
    let findings = t.look();
    let said = of_pods(&findings);
    assert_eq!(said[0].cause.id, "RuntimeDown");
    assert!(!said[0].sentence.contains("nothing is wrong with this pod"), "{}", said[0].sentence);
}

#[test]
fn a_pod_that_waits_for_its_volumes_is_not_told_of_the_network() {
    let mut t = Timeline::new();
    t.see(Seen::PodChanged(Box::new(creating("cart", t.now, false)))).wait(5);
    t.see(told(
        "kubelet",
        "FailedMount",
        "MountVolume.SetUp failed for volume \"c\" : configmap \"c\" not found",
        t.now,
    ));
    t.see(Seen::Cni(cni(&["flannel"]))).wait(31);
    let findings = t.look();
    assert!(findings.diagnoses.iter().any(|d| d.cause.id == "CniPluginMissing"));
    let of_pod: Vec<_> = of_pods(&findings).iter().map(|d| d.cause.id).collect();
    assert_eq!(of_pod, ["VolumeSourceMissing"]);
}

#[test]
fn a_set_that_is_asked_for_no_more_is_over() {
    let mut t = Timeline::new();
    let name: Arc<str> = "base".into();
    let failed =
        vec![PullFailure { image: "r.example.com/a:1".into(), text: "manifest unknown".into(), cause: None, tries: 1 }];
    let (set, settled, refused) = (name.clone(), true, None);
    t.see(Seen::Prepull(SetProgress { set, images: 1, failed, settled, refused, ..SetProgress::default() }));
    assert_eq!(t.wait(60).look().diagnoses.len(), 1);
    t.see(Seen::PrepullDropped(name));
    let findings = t.wait(60).look();
    assert!(findings.diagnoses.is_empty());
    assert!(findings.cleared.iter().any(|cleared| cleared.how == "Pre-pull set base is no longer asked for"));
}

/// containerd's words after a power loss (containerd issue 12302) and where a layer was given up (issue 10843).
#[test]
fn an_image_that_the_runtime_has_and_lacks_a_part_of_is_a_damaged_store_and_no_failed_pull() {
    const LOST: &str = "failed to create containerd container: error unpacking image: failed to extract layer sha256:fc23: failed \
                        to get reader from content store: ";
    for lack in ["content digest sha256:1420: not found", "blob sha256:1420 expected at /x: blob not found: not found"]
    {
        for (reason, cause) in [("CreateContainerError", "ImageStoreCorrupt"), ("ErrImagePull", "ImageUnpackFailed")] {
            let mut t = Timeline::new();
            let waiting = slot("registry.example.com/shop/cart:2.14.1", reason, &format!("{LOST}{lack}"));
            t.see(Seen::PodChanged(Box::new(pod("cart", t.now, waiting)))).wait(40);
            let said = t.look().diagnoses;
            assert_eq!(said.iter().map(|d| d.cause.id).collect::<Vec<_>>(), [cause], "{reason}: {lack}");
        }
    }
}
