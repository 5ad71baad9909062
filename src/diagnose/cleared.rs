//! Positive evidence that something is well: the only thing that ends a story. Silence ends none.

use crate::model::Time;
use crate::model::diagnosis::{Cleared, Subject};
use crate::model::pod::Pod;
use crate::model::stage::{Stage, Topic};
use crate::track::pod::PodTrack;

use super::View;

/// All that is known to be well and was, or could have been, told otherwise before.
pub(super) fn all(view: View<'_>) -> Vec<Cleared> {
    node(view).chain(prepull(view)).chain(view.world.pods.values().flat_map(pod)).collect()
}

fn node(view: View<'_>) -> impl Iterator<Item = Cleared> {
    let world = view.world;
    let runtime = world.runtime.well_since();
    // Where the host's directories can't be read, a pod that got a network is the proof.
    let network = runtime.and(world.network.well_since().or_else(|| proved_by_pod(view)));
    // A sandbox that came up after the last failure to make one.
    let sandbox = world.sandboxes.made.filter(|made| world.sandboxes.failed.is_none_or(|failed| *made > failed));
    [
        (Stage::Runtime, super::runtime::well_since(view), "The runtime answers again"),
        (Stage::Network, network, "The pod network is back"),
        (Stage::Sandbox, sandbox, "Sandboxes are made again"),
    ]
    .into_iter()
    .filter_map(move |(stage, since, how)| {
        let subject = Subject::Node(world.node.id.clone());
        Some(Cleared { subject, topic: stage.into(), since: since?, how: how.to_owned() })
    })
}

/// The newest sandbox with a network of its own, if the runtime says that its network is ready and nothing failed since.
fn proved_by_pod(view: View<'_>) -> Option<Time> {
    let network = &view.world.network;
    let readable = network.host.as_ref().is_some_and(|(_, host)| host.unreadable.is_none());
    if readable || !network.ready.as_ref().is_some_and(|(_, ready)| ready.status) {
        return None;
    }
    let networked = view.world.pods.values().filter(|track| track.pod.as_ref().is_some_and(|pod| !pod.host_network));
    let made = networked.filter_map(|track| track.sandbox.as_ref()).filter(|sandbox| sandbox.ready);
    let newest = made.filter_map(|sandbox| sandbox.created).max()?;
    (view.world.sandboxes.failed.is_none_or(|failed| newest > failed)).then_some(newest)
}

fn prepull(view: View<'_>) -> impl Iterator<Item = Cleared> {
    view.world.prepull.values().filter(|(_, set)| set.settled && set.failed.is_empty() && set.refused.is_none()).map(
        move |(since, set)| Cleared {
            subject: Subject::Node(view.world.node.id.clone()),
            topic: Topic { stage: Stage::Prepull, of: Some(set.set.clone()) },
            since: *since,
            how: format!("All images of pre-pull set {} are here", set.set),
        },
    )
}

/// The stages that a pod has left behind, of those that were diagnosed.
fn pod(track: &PodTrack) -> impl Iterator<Item = Cleared> {
    // A pod that failed or goes away has not started: its stories end with it, in silence.
    let over = track.pod.as_ref().is_some_and(Pod::over);
    track.told.iter().filter(move |stage| !over && **stage < track.place.stage).map(|stage| Cleared {
        subject: Subject::Pod(track.id.clone()),
        topic: (*stage).into(),
        since: track.place.since,
        how: how(*stage, track.place.stage).to_owned(),
    })
}

fn how(told: Stage, now: Stage) -> &'static str {
    match (told, now) {
        (_, Stage::Running) => "Started",
        (Stage::Admission, Stage::Volumes | Stage::Sandbox) => "The kubelet has taken it up",
        (Stage::Admission | Stage::Volumes | Stage::Sandbox, _) => "Its sandbox is up",
        (Stage::ImageQueue | Stage::ImagePull, _) => "Its image is here",
        (Stage::Create, _) => "Its container was created",
        (_, _) => "It goes on",
    }
}
