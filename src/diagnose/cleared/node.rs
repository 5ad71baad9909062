//! Positive evidence that the node itself is well again, of all that was told of it: what found it broken finds it well, or
//! who called it broken calls it well.

use crate::causes::{
    KUBELET_CRASH_LOOPING, KUBELET_DOWN, NETWORK_UNAVAILABLE, NODE_CANNOT_START_PODS, NODE_UNINITIALIZED, roots,
};
use crate::model::Time;
use crate::model::diagnosis::{Cleared, Subject};
use crate::model::stage::{Stage, Topic};

use super::super::View;
use super::super::node::{finished_since, is_soon_told};

/// What an ending says, where there is more to say than that it ended.
const ENDINGS: &[(&str, &str)] = &[
    ("DiskFull", "The disk has room again"),
    ("InodesExhausted", "The disk has inodes again"),
    ("FilesystemReadOnly", "The file system can be written again"),
    ("MemoryPressure", "The node has memory again"),
    ("KubeletDown", "The kubelet reports again"),
    ("KubeletCrashLooping", "The kubelet goes on running"),
    ("KubeletCredentialInvalid", "The kubelet's login is valid again"),
    ("ApiServerUnreachable", "The API server is reached again"),
    ("ClockSkewed", "The clock is right again"),
    ("MountHung", "The mount answers again"),
    ("NodeCannotStartPods", "Pods start again"),
    ("CgroupV1Refused", "The kubelet runs again"),
    ("KubeletConfigInvalid", "The kubelet runs again"),
    ("KubeletPortTaken", "The kubelet runs again"),
    ("NodeUninitialized", "A cloud controller has initialized the node"),
    ("NetworkUnavailable", "The network of the node is set up"),
];
const ENDING: &str = "The node is well again";

/// The endings of what was told of the node itself.
pub(super) fn all(view: View<'_>) -> impl Iterator<Item = Cleared> {
    let told = view.world.node.told.iter().filter(|(topic, _)| topic.stage != Stage::Prepull);
    told.filter_map(move |(topic, last)| {
        let cause = cause(topic)?;
        let since = if topic.of.as_deref() == Some(cause) { over(cause, *last, view) } else { averted(cause, view) }?;
        let how = ENDINGS.iter().find(|(id, _)| *id == cause).map_or(ENDING, |(_, how)| how).to_owned();
        Some(Cleared { subject: Subject::Node(view.world.node.id.clone()), topic: topic.clone(), since, how })
    })
}

/// The cause that a story is named by, be it there or to come.
fn cause(topic: &Topic) -> Option<&str> {
    topic.of.as_deref()?.split(',').next()
}

/// It is not to come any more, and has not come.
fn averted(cause: &str, view: View<'_>) -> Option<Time> {
    view.world.readings.over_since(cause, view.now).filter(|_| !is_soon_told(cause, view))
}

fn over(cause: &str, last: Time, view: View<'_>) -> Option<Time> {
    let world = view.world;
    match cause {
        // That those who failed are gone is no proof.
        _ if cause == NODE_CANNOT_START_PODS.id => {
            world.last_arrival().max(world.sandboxes.made).filter(|success| *success > last)
        }
        _ if cause == KUBELET_CRASH_LOOPING.id => world.daemons.kubelet.up_since(),
        _ if [NODE_UNINITIALIZED.id, NETWORK_UNAVAILABLE.id].contains(&cause) => finished_since(cause, view),
        _ if world.readings.ever_found(cause) => world.readings.over_since(cause, view.now),
        // The kubelet's own last words told it: it is over when the kubelet runs.
        _ if roots::explains(cause, KUBELET_DOWN.id) && world.readings.ever_found(KUBELET_DOWN.id) => {
            world.readings.over_since(KUBELET_DOWN.id, view.now)
        }
        _ => ready_since(cause, view),
    }
}

/// Since when the condition Ready, which alone told it, says otherwise. A kubelet that says that its node is not ready
/// reports.
fn ready_since(cause: &str, view: View<'_>) -> Option<Time> {
    let ready = view.world.node.node.as_ref()?.ready_condition()?;
    let well = if cause == KUBELET_DOWN.id { ready.status.is_some() } else { ready.status == Some(true) };
    ready.since.filter(|_| well)
}

/// Since when no probe finds anything wrong with the pod network any more; `Err` while one still does, or can't tell.
pub(super) fn network(view: View<'_>) -> Result<Option<Time>, ()> {
    let readings = &view.world.readings;
    let found =
        crate::causes::ALL.iter().filter(|cause| cause.stage == Stage::Network && readings.ever_found(cause.id));
    found
        .map(|cause| readings.over_since(cause.id, view.now).ok_or(()))
        .try_fold(None, |latest, since| Ok(latest.max(Some(since?))))
}
