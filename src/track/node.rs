//! The Node object over time: who it is, and whether it ever was Ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::ids::NodeId;
use crate::model::node::Node;
use crate::model::stage::Topic;
use crate::model::{Time, since};

/// A Ready condition that turned within this time of the Node's creation was set at registration, not by a failure.
const REGISTRATION: Duration = Duration::from_secs(30);

/// While a node that was never Ready is younger than this, its network is being installed and that is normal.
const INSTALLATION: Duration = Duration::from_secs(300);

/// The Node over time.
#[derive(Debug)]
pub struct NodeTrack {
    /// Name and UID; the UID is empty until the API server told it.
    pub id: NodeId,
    /// What the API server said last.
    pub node: Option<Node>,
    was_ready: bool,
    /// Since when it is known to have the taints that it has.
    tainted: Option<Time>,
    /// What was diagnosed of it, by story, and when that last held.
    pub told: BTreeMap<Topic, Time>,
    /// Of that, what only an agent before this one has told.
    pub recalled: BTreeSet<Topic>,
}

impl NodeTrack {
    /// A node of which only the name is known.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let id = NodeId { name: name.into(), uid: "".into() };
        Self { id, node: None, was_ready: false, tainted: None, told: BTreeMap::new(), recalled: BTreeSet::new() }
    }

    /// The object changed. Yields the UID of the node that this one has taken the name of, if it has.
    pub fn changed(&mut self, node: Node, at: Time) -> Option<Arc<str>> {
        let before = std::mem::replace(&mut self.id, node.id.clone());
        let replaced = !before.uid.is_empty() && before.uid != node.id.uid;
        if replaced {
            self.was_ready = false;
            self.told.clear();
            self.recalled.clear();
        }
        if replaced || self.node.as_ref().is_none_or(|before| before.taints != node.taints) {
            self.tainted = Some(at);
        }
        self.was_ready |= node.ready() == Some(true) || left_ready(&node, at);
        self.node = Some(node);
        replaced.then_some(before.uid)
    }

    /// The object was deleted.
    pub fn forget(&mut self) -> Option<Arc<str>> {
        self.node = None;
        self.was_ready = false;
        let uid = std::mem::replace(&mut self.id.uid, "".into());
        (!uid.is_empty()).then_some(uid)
    }

    /// It is known to have that taint.
    #[must_use]
    pub fn has_taint(&self, taint: &str) -> bool {
        self.node.as_ref().is_some_and(|node| node.taints.iter().any(|key| **key == *taint))
    }

    /// Since when it is known to be without that taint.
    #[must_use]
    pub fn free_of(&self, taint: &str) -> Option<Time> {
        self.tainted.filter(|_| self.node.is_some() && !self.has_taint(taint))
    }

    /// The node is being installed: it was never Ready and is young. What is missing now may be on its way.
    #[must_use]
    pub fn being_installed(&self, now: Time) -> bool {
        let young =
            self.node.as_ref().and_then(|n| n.created).is_some_and(|created| since(created, now) < INSTALLATION);
        young && !self.was_ready
    }

    /// `Ready`, if the Node says that of itself: what is wrong is news then.
    #[must_use]
    pub fn says_ready(&self) -> Option<&'static str> {
        self.node.as_ref().filter(|node| node.ready() == Some(true)).map(|_| "Ready")
    }
}

/// The Ready condition turned long after the node's creation, so it was Ready before.
fn left_ready(node: &Node, at: Time) -> bool {
    let turned = node.ready_condition().and_then(|ready| ready.since);
    match (node.created, turned) {
        (Some(created), Some(turned)) => turned <= at && since(created, turned) > REGISTRATION,
        _ => false,
    }
}
