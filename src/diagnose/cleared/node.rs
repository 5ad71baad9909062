//! Positive evidence that the node itself is well again, of all that was told of it: what found it broken finds it well, or
//! who called it broken calls it well.

use crate::causes::{
    KUBELET_CRASH_LOOPING, KUBELET_DOWN, NETWORK_UNAVAILABLE, NODE_CANNOT_START_PODS, NODE_UNINITIALIZED, roots,
};
use crate::model::Time;
use crate::model::diagnosis::{Cleared, Subject};
use crate::model::skew::CLOCK;
use crate::model::stage::{Stage, Topic};
use crate::track::pod::PodTrack;
use crate::track::readings::{API_SERVER, Course};

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
    ("ClockSkewed", "The clocks agree again"),
    ("MountHung", "The mount answers again"),
    ("NodeCannotStartPods", "Pods start again"),
    ("CgroupV1Refused", "The kubelet runs again"),
    ("KubeletConfigInvalid", "The kubelet runs again"),
    ("KubeletPortTaken", "The kubelet runs again"),
    ("NodeUninitialized", "A cloud controller has initialized the node"),
    ("NetworkUnavailable", "The network of the node is set up"),
];
const ENDING: &str = "The node is well again";

/// Which probes find what. An agent that takes up a story which it did not tell has to hear from them that it is over.
const FOUND_BY: &[(&str, &[&str])] = &[
    ("DiskFull", &["disk"]),
    ("InodesExhausted", &["disk"]),
    ("FilesystemReadOnly", &["read-only"]),
    ("KernelFault", &["ext4", "kmsg"]),
    ("MountHung", &["mounts"]),
    ("MemoryPressure", &["memory", "pressure"]),
    ("NodeIoSaturated", &["pressure"]),
    ("NodeCpuStarved", &["pressure"]),
    ("PidsExhausted", &["kernel-limits"]),
    ("FileDescriptorsExhausted", &["kernel-limits", "runtime"]),
    ("ConntrackFull", &["kernel-limits"]),
    ("InotifyExhausted", &["inotify", "inotify-use"]),
    ("KubeletDown", &["kubelet"]),
    ("KubeletCredentialInvalid", &["kubelet-certificate"]),
    ("ApiServerUnreachable", &["api-server"]),
    ("ServiceVipUnreachable", &["api-server"]),
    ("NodeResolvConfMissing", &["resolv-conf"]),
    ("SwapUnsupported", &["swap"]),
    ("CgroupFailure", &["cgroups"]),
];

/// The endings of what was told of the node itself.
pub(super) fn all(view: View<'_>) -> impl Iterator<Item = Cleared> {
    let told = view.world.node.told.iter().filter(|(topic, _)| topic.stage != Stage::Prepull);
    told.filter_map(move |(topic, last)| {
        let cause = cause(topic)?;
        let recalled = view.world.node.recalled.contains(topic);
        let since = match topic.of.as_deref() == Some(cause) {
            true if recalled => over(cause, *last, view).max(found_well(cause, view)?),
            true => over(cause, *last, view),
            false => averted(cause, view),
        }?;
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
    found_well(cause, view).flatten().filter(|_| !is_soon_told(cause, view))
}

/// The probes that could find it have looked, and none finds it: since when that is so; no time of their own where none
/// can look, or none could find it.
fn found_well(cause: &str, view: View<'_>) -> Option<Option<Time>> {
    let readings = &view.world.readings;
    if readings.ever_found(cause) {
        return readings.over_since(cause, view.now).map(Some);
    }
    let Some((_, probes)) = FOUND_BY.iter().find(|(id, _)| *id == cause) else { return Some(None) };
    let mut courses = probes.iter().flat_map(|probe| readings.of(probe, view.now)).peekable();
    courses.peek()?;
    if courses.all(|course| course.reading.verdict.is_vacant()) {
        return Some(None);
    }
    probes.iter().filter_map(|probe| readings.sound_since(probe, view.now)).max().map(Some)
}

fn over(cause: &str, last: Time, view: View<'_>) -> Option<Time> {
    let world = view.world;
    match cause {
        // That those who failed are gone is no proof, nor is a pod that needs less than they do.
        _ if cause == NODE_CANNOT_START_PODS.id => {
            let networked = world.pods.values().filter(|track| track.has_network());
            let arrived = networked.filter_map(PodTrack::arrived).max();
            arrived.max(world.came_up(true)).filter(|success| *success > last)
        }
        _ if cause == KUBELET_CRASH_LOOPING.id => world.daemons.kubelet.up_since(),
        "ClockSkewed" => clocks_agree(view),
        _ if [NODE_UNINITIALIZED.id, NETWORK_UNAVAILABLE.id].contains(&cause) => finished_since(cause, view),
        _ if world.readings.ever_found(cause) => world.readings.over_since(cause, view.now),
        // The kubelet's own last words told it: it is over when the kubelet runs.
        _ if roots::explains(cause, KUBELET_DOWN.id) && world.readings.ever_found(KUBELET_DOWN.id) => {
            world.readings.over_since(KUBELET_DOWN.id, view.now)
        }
        _ => ready_since(cause, view),
    }
}

/// Only who compares them knows: a node may be Ready by whatever clock.
fn clocks_agree(view: View<'_>) -> Option<Time> {
    let readings = &view.world.readings;
    let mut clock = readings.of(API_SERVER, view.now).filter(|course| &*course.reading.of == CLOCK);
    let sound = clock.next().and_then(Course::sound_since)?;
    match readings.ever_found("ClockSkewed") {
        true => readings.over_since("ClockSkewed", view.now).map(|over| over.max(sound)),
        false => Some(sound),
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
