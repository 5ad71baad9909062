//! An agent that starts where another has ended: what was told before is looked after, and nothing else.

use super::timeline::{Timeline, call, creating, id, slot};
use crate::model::ids::NodeId;
use crate::model::observation::Seen;
use crate::model::pod::{ContainerState, Phase, Pod};
use crate::model::reading::Reading;
use crate::model::runtime::Method;
use crate::model::stage::{Stage, Topic};

fn node() -> NodeId {
    NodeId { name: "node-7".into(), uid: "node-uid".into() }
}

/// Before anything is seen.
fn recalling(stories: Vec<(&str, Topic)>) -> Timeline {
    let mut t = Timeline::new();
    t.world = crate::track::World::new("node-7");
    t.world.recall(Some(node()), stories.into_iter().map(|(uid, topic)| (uid.into(), topic)).collect());
    t.see(call(Method::ListPodSandbox, None));
    t
}

fn running(t: &Timeline) -> Pod {
    let mut container = slot("r.example.com/shop/cart:2.14.1", "", "");
    (container.state, container.started) = (ContainerState::Running { since: Some(t.now) }, true);
    Pod { phase: Phase::Running, ready: true, containers: vec![container], ..creating("cart", t.now, true) }
}

#[test]
fn a_pod_that_runs_by_now_ends_what_was_told_of_it() {
    let uid = id("shop", "cart").uid;
    let mut t = recalling(vec![(uid.as_str(), Stage::ImagePull.into())]);
    let pod = running(&t);
    t.see(Seen::PodsListed(vec![pod])).wait(1);
    let findings = t.look();
    let ended: Vec<_> = findings.cleared.iter().filter(|c| c.topic.stage == Stage::ImagePull).collect();
    assert_eq!((ended.len(), ended[0].how.as_str()), (1, "Started"));
    assert!(findings.diagnoses.is_empty() && t.world.take_gone().is_empty());
}

#[test]
fn a_pod_that_went_meanwhile_is_gone() {
    let mut t = recalling(vec![("uid-of-one-that-went", Stage::ImagePull.into()), ("node-uid", Stage::Node.into())]);
    let pod = running(&t);
    assert!(t.world.take_gone().is_empty(), "nobody has looked yet");
    t.see(Seen::PodsListed(vec![pod]));
    assert_eq!(*t.world.take_gone(), ["uid-of-one-that-went".into()]);
}

#[test]
fn what_was_told_of_the_node_ends_once_it_is_seen_to_be_well() {
    let topic = Topic { stage: Stage::Node, of: Some("DiskFull".into()) };
    let mut t = recalling(vec![("node-uid", topic.clone())]);
    let seen = super::timeline::node(t.now);
    t.see(Seen::NodeChanged(Box::new(seen)));
    assert!(t.wait(60).look().cleared.iter().all(|cleared| cleared.topic != topic), "silence ends nothing");
    for _ in 0..3 {
        t.see(Seen::Readings { probe: "disk", readings: vec![Reading::fine("disk", "kubelet", "")] }).wait(2);
    }
    let cleared = t.look().cleared;
    assert!(
        cleared.iter().any(|cleared| cleared.topic == topic && cleared.how == "The disk has room again"),
        "{cleared:?}"
    );
}

#[test]
fn a_node_that_came_again_under_its_name_has_no_past() {
    let mut t = recalling(vec![("node-uid", Stage::Runtime.into())]);
    let mut other = super::timeline::node(t.now);
    other.id.uid = "another-uid".into();
    t.see(Seen::NodeChanged(Box::new(other))).see(Seen::PodsListed(vec![]));
    assert!(t.world.take_gone().contains(&"node-uid".into()));
    assert!(t.world.node.told.is_empty());
}
