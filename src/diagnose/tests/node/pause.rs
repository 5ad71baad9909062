//! The pause image that can't be had, and what it may be the symptom of.

use super::super::timeline::{Timeline, call};
use super::{full, looks};
use crate::model::observation::Seen;
use crate::model::reading::Reading;
use crate::model::runtime::{FailureKind, Method};

const NO_NAME: &str = "failed to do request: dial tcp: lookup registry.k8s.io on 10.0.0.2:53: no such host";

/// Our own pull of it failed so, or it is here.
fn pulled(failure: Option<&str>) -> Seen {
    Seen::PauseImage { image: "registry.k8s.io/pause:3.10".into(), failure: failure.map(str::to_owned) }
}

#[test]
fn a_pause_image_that_our_own_pull_can_not_get_is_told_before_a_pod_fails() {
    let mut t = Timeline::new();
    t.see(pulled(None)).wait(60);
    assert!(t.ids().is_empty());
    t.see(pulled(Some(NO_NAME)));
    assert!(t.wait(4).ids().is_empty() && t.world.settling(t.now), "what may be its root has the time for a look");
    let said = t.wait(1).of_node();
    assert_eq!(
        said[0].sentence.split(". ").next(),
        Some(
            "The next pod cannot start on this node, though it says Ready: the pause image registry.k8s.io/pause:3.10 is \
             gone, and our own pull of it failed (its registry's name does not resolve)"
        )
    );
    assert!(!t.ends("Sandboxes are made again"));
    t.see(pulled(None)).wait(1);
    assert!(t.ids().is_empty() && t.ends("Sandboxes are made again"));
}

#[test]
fn what_is_seen_at_the_root_of_it_a_moment_later_is_told_alone() {
    let starved = Reading::broken("runtime", "descriptors", "FileDescriptorsExhausted", "1024 of 1024");
    let read_only = Reading::broken("read-only", "/var/lib", "FilesystemReadOnly", "").with("mount", "/var/lib");
    for root in [full(), read_only, starved.with("process", "containerd").with("used", "1024").with("limit", "1024")] {
        let mut t = Timeline::new();
        t.wait(60).see(pulled(Some("write /var/lib/containerd/x: no space left on device")));
        let mut told = t.ids();
        for second in 1..=12 {
            t.wait(1);
            if second % 2 == 0 {
                t.see(looks(root.probe, vec![root.clone()]));
            }
            told.extend(t.ids());
        }
        told.dedup();
        assert_eq!(told, [root.cause]);
        assert!(t.of_node()[0].sentence.contains("It brings PauseImageMissing."), "{}", t.of_node()[0].sentence);
    }
}

#[test]
fn a_trouble_is_dated_so_that_each_probe_looks_once_more() {
    let mut t = Timeline::new();
    t.wait(60);
    assert_eq!(t.world.troubled_since(t.now), None);
    t.see(pulled(Some(NO_NAME)));
    let began = Some(t.now);
    t.wait(2).see(pulled(Some(NO_NAME)));
    assert_eq!(t.world.troubled_since(t.now), began, "the same is not anew");
    t.see(looks("disk", vec![full()]));
    assert_eq!(t.world.troubled_since(t.now), Some(t.now));
}

#[test]
fn what_was_found_before_the_runtime_went_away_is_not_told_after() {
    let mut t = Timeline::new();
    t.wait(60).see(pulled(Some(NO_NAME))).wait(1);
    t.see(call(Method::ListPodSandbox, Some(FailureKind::Broken))).wait(3);
    for method in [Method::ListPodSandbox, Method::ListContainers] {
        t.see(call(method, None));
    }
    assert!(t.wait(61).ids().is_empty(), "that runtime was not asked");
    t.see(pulled(Some(NO_NAME)));
    assert_eq!(t.wait(5).ids(), ["PauseImageMissing"]);
}
