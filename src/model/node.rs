//! This node's Node object, cut down to what a diagnosis needs.

use std::sync::Arc;

use serde::Serialize;

use super::Time;
use super::ids::NodeId;

/// What the API server says about this node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Name and UID.
    pub id: NodeId,
    /// When the object was created.
    pub created: Option<Time>,
    /// Its conditions.
    pub conditions: Vec<NodeCondition>,
    /// Cordoned.
    pub unschedulable: bool,
    /// The keys of its taints.
    pub taints: Vec<Arc<str>>,
    /// Its labels, for the node selectors of pre-pull sets.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// `status.volumesAttached`: what the attach-detach controller has attached to it, by unique name.
    pub attached: Vec<Arc<str>>,
    /// `status.volumesInUse`: attachable volumes that the kubelet says it uses; it mounts none before.
    pub in_use: Vec<Arc<str>>,
}

impl Node {
    /// Condition `Ready`: true, false, or unknown (`None`).
    #[must_use]
    pub fn ready(&self) -> Option<bool> {
        self.ready_condition().and_then(|ready| ready.status)
    }

    /// Condition `Ready` itself.
    #[must_use]
    pub fn ready_condition(&self) -> Option<&NodeCondition> {
        self.condition("Ready")
    }

    /// The condition of that kind.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&NodeCondition> {
        self.conditions.iter().find(|condition| &*condition.kind == kind)
    }
}

/// One condition of the Node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeCondition {
    /// e.g. `Ready`, `DiskPressure`.
    pub kind: Arc<str>,
    /// True, false or unknown.
    pub status: Option<bool>,
    /// One word.
    pub reason: Arc<str>,
    /// The sentence.
    pub message: Arc<str>,
    /// Since when the status is what it is.
    pub since: Option<Time>,
}
