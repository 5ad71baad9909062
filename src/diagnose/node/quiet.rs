//! When nothing is told of the node, or nothing that is only to come.

use super::super::View;
use crate::model::node::Node;

/// The kubelet's words while it ends the pods of a node that goes down (Kubernetes: pkg/kubelet/nodeshutdown).
const GOES_DOWN: &str = "node is shutting down";
/// Conditions that those who maintain nodes set, e.g. `NodeMaintenance`, `MaintenanceScheduled`.
const MAINTAINED: &str = "Maintenance";

/// Somebody takes the node down, or works at it.
pub(super) fn is_leaving(view: View<'_>) -> bool {
    view.world.node.node.as_ref().is_some_and(|node| goes_down(node) || is_maintained(node))
}

/// Somebody has taken the node out of use: what will be wrong soon is no news to them.
pub(super) fn is_cordoned(view: View<'_>) -> bool {
    view.world.node.node.as_ref().is_some_and(|node| node.unschedulable)
}

fn goes_down(node: &Node) -> bool {
    node.ready_condition().is_some_and(|ready| ready.status == Some(false) && ready.message.contains(GOES_DOWN))
}

fn is_maintained(node: &Node) -> bool {
    node.conditions.iter().any(|condition| condition.kind.contains(MAINTAINED) && condition.status == Some(true))
}
