//! NodeUninitialized and NetworkUnavailable: what the Node itself says of work that others have not done for it, so that no
//! ordinary pod is given to it. The node may be Ready all the while.

use crate::causes::{NETWORK_UNAVAILABLE, NODE_UNINITIALIZED};
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Evidence, Subject};
use crate::model::node::Node;

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::readings::topic;

/// The kubelet sets it where a cloud controller is to come, which takes it off (Kubernetes:
/// staging/src/k8s.io/cloud-provider/api/well_known_taints.go).
const UNINITIALIZED: &str = "node.cloudprovider.kubernetes.io/uninitialized";
/// The cloud's route controller or the network's agent sets it, the kubelet never (Kubernetes:
/// staging/src/k8s.io/cloud-provider/controllers/route/route_controller.go).
const UNAVAILABLE: &str = "NetworkUnavailable";

/// Both, as far as they hold.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    let node = view.world.node.node.as_ref();
    let found = node.map(|node| [uninitialized(node, view), unavailable(node, view)]);
    found.into_iter().flatten().flatten()
}

fn uninitialized(node: &Node, view: View<'_>) -> Option<Suspicion> {
    let tainted = node.taints.iter().any(|key| &**key == UNINITIALIZED);
    let seen = tainted.then(|| evidence("Node taints", UNINITIALIZED, view.now))?;
    Some(of(&NODE_UNINITIALIZED, node.created?, seen, view))
}

fn unavailable(node: &Node, view: View<'_>) -> Option<Suspicion> {
    let condition = node.condition(UNAVAILABLE).filter(|condition| condition.status == Some(true))?;
    let since = condition.since.or(node.created)?;
    let seen = evidence("Node condition NetworkUnavailable", &*condition.message, since);
    let told = of(&NETWORK_UNAVAILABLE, since, seen, view);
    Some(Suspicion { facts: Facts::default().with("reason", &*condition.reason), ..told })
}

fn of(cause: &'static Cause, since: Time, seen: Evidence, view: View<'_>) -> Suspicion {
    Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: topic(cause, false),
        confidence: Confidence::Observed,
        since,
        ripe: true,
        soon: false,
        facts: Facts::default(),
        evidence: vec![seen],
        affected: Vec::new(),
        field_path: None,
    }
}

/// Since when the Node says that the work is done.
pub(in super::super) fn finished_since(cause: &str, view: View<'_>) -> Option<Time> {
    let track = &view.world.node;
    match cause {
        _ if cause == NODE_UNINITIALIZED.id => track.free_of(UNINITIALIZED),
        _ if cause == NETWORK_UNAVAILABLE.id => {
            let condition = track.node.as_ref()?.condition(UNAVAILABLE)?;
            condition.since.filter(|_| condition.status == Some(false))
        }
        _ => None,
    }
}
