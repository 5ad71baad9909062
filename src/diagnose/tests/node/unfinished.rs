//! What the Node says of itself that others have not done for it.

use std::sync::Arc;

use super::super::timeline::Timeline;
use crate::model::cause::EventType;
use crate::model::node::{Node, NodeCondition};

const TAINT: &str = "node.cloudprovider.kubernetes.io/uninitialized";

impl Timeline {
    /// Its condition NetworkUnavailable, as of now.
    fn unavailable(&mut self, status: bool) -> &mut Self {
        let now = self.now;
        self.changed(|node: &mut Node| {
            node.conditions.retain(|condition| &*condition.kind != "NetworkUnavailable");
            node.conditions.push(NodeCondition {
                kind: "NetworkUnavailable".into(),
                status: Some(status),
                reason: if status { "NoRouteCreated" } else { "RouteCreated" }.into(),
                message: "RouteController failed to create a route".into(),
                since: Some(now),
            });
        })
    }
}

#[test]
fn a_node_that_no_cloud_controller_takes_up_is_told_though_it_is_ready() {
    let mut t = Timeline::new();
    let created = t.now;
    t.changed(|node| (node.taints, node.created) = (vec![TAINT.into(), Arc::from("other")], Some(created)));
    assert!(t.wait(20).of_node().is_empty(), "a controller takes some seconds");
    let said = t.wait(10).of_node();
    assert_eq!((said.len(), said[0].cause.id, said[0].kind), (1, "NodeUninitialized", EventType::Warning));
    assert_eq!(said[0].topic.of.as_deref(), Some("NodeUninitialized"));
    assert!(!t.ends("A cloud controller has initialized the node"));
    t.changed(|node| node.taints.retain(|key| **key != *TAINT));
    assert!(t.wait(1).of_node().is_empty() && t.ends("A cloud controller has initialized the node"));
}

#[test]
fn a_node_without_routes_is_told_with_the_reason_that_its_condition_gives() {
    let mut t = Timeline::new();
    assert!(t.unavailable(true).wait(20).of_node().is_empty());
    let said = t.wait(10).of_node();
    assert_eq!((said.len(), said[0].cause.id), (1, "NetworkUnavailable"));
    assert!(said[0].sentence.contains("NetworkUnavailable (NoRouteCreated)"), "{}", said[0].sentence);
    assert!(!t.ends("The network of the node is set up"));
    assert!(t.unavailable(false).wait(1).ends("The network of the node is set up"));
    assert!(t.of_node().is_empty());
}
