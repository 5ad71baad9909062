//! How a pod gets to another node: what its owner can do depends on what controls the pod. Never an advice that loses it.

use crate::model::pod::Pod;

/// Controllers that replace a deleted pod by one that the scheduler may place anywhere.
const REPLACE_ANYWHERE: &[&str] = &["ReplicaSet", "StatefulSet", "Job", "ReplicationController"];

/// What is said to whoever deploys the pod.
pub(super) fn advice(pod: &Pod) -> String {
    let kind = pod.owner.as_deref().map(|owner| owner.split_once('/').map_or(owner, |(kind, _)| kind));
    match kind {
        None => "create the pod anew to move it.".to_owned(),
        Some("DaemonSet") => "wait; a DaemonSet's pod belongs to its node.".to_owned(),
        Some("Node") => "wait; a static pod belongs to its node.".to_owned(),
        Some(kind) if REPLACE_ANYWHERE.contains(&kind) => {
            format!("delete the pod: its {kind} makes another, maybe elsewhere.")
        }
        Some(kind) => format!("if its {kind} makes deleted pods again, delete it: another may start elsewhere."),
    }
}
