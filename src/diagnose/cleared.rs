//! Positive evidence that something is well: the only thing that ends a story. Silence ends none.

mod node;

use std::sync::Arc;

use crate::model::Time;
use crate::model::diagnosis::{Cleared, Subject};
use crate::model::pod::Pod;
use crate::model::prepull::SetProgress;
use crate::model::runtime::Method;
use crate::model::stage::{Stage, Topic};
use crate::track::pause::PauseTrack;
use crate::track::pod::PodTrack;

use super::View;

/// All that is known to be well and was, or could have been, told otherwise before.
pub(super) fn all(view: View<'_>) -> Vec<Cleared> {
    node(view).chain(node::all(view)).chain(prepull(view)).chain(view.world.pods.values().flat_map(pod)).collect()
}

fn node(view: View<'_>) -> impl Iterator<Item = Cleared> {
    let world = view.world;
    let runtime = world.runtime.well_since();
    let network = runtime.and(network(view));
    [
        (Stage::Runtime, super::runtime::well_since(view), "The runtime answers again"),
        (Stage::Network, network, "The pod network is back"),
        (Stage::Sandbox, sandbox(view), "Sandboxes are made again"),
    ]
    .into_iter()
    .filter_map(move |(stage, since, how)| {
        let subject = Subject::Node(world.node.id.clone());
        Some(Cleared { subject, topic: stage.into(), since: since?, how: how.to_owned() })
    })
}

/// A sandbox came up after the last failure to make one, or the pause image is here, which was not.
fn sandbox(view: View<'_>) -> Option<Time> {
    let (times, pause) = (view.world.sandboxes, view.world.pause.as_ref());
    let made = times.made.filter(|made| times.failed.is_none_or(|failed| *made > failed));
    let here = pause.and_then(PauseTrack::here);
    match pause {
        Some(pause) if pause.missing().is_some() => None,
        _ if times.failed.is_some() => made,
        _ => made.max(here),
    }
}

/// The host's directories are in order, or a pod got a network: one of them since a sandbox last failed, for the plugin's
/// daemon may be down while all its files are there.
pub(super) fn network(view: View<'_>) -> Option<Time> {
    let probed = node::network(view).ok()?;
    let track = &view.world.network;
    let host = track.well_since();
    let readable = track.host.as_ref().is_some_and(|(_, host)| host.unreadable.is_none());
    let asked = view.world.runtime.hangs(Method::Status).is_none();
    if !asked || (readable && host.is_none()) {
        return None;
    }
    let ready = track.ready.as_ref().is_some_and(|(_, ready)| ready.status);
    let proof = host.max(view.world.network_made().filter(|_| ready))?;
    let proof = probed.map_or(proof, |probed| probed.max(proof));
    view.world.sandboxes.failed.is_none_or(|failed| proof > failed).then_some(proof)
}

fn prepull(view: View<'_>) -> impl Iterator<Item = Cleared> {
    let world = view.world;
    let of = move |set: &Arc<str>, since: Time, how: String| Cleared {
        subject: Subject::Node(world.node.id.clone()),
        topic: Topic { stage: Stage::Prepull, of: Some(set.clone()) },
        since,
        how,
    };
    let dropped = world.prepull_dropped.iter().filter(|(set, _)| !world.prepull.contains_key(*set));
    let dropped = dropped.map(move |(set, at)| of(set, *at, format!("Pre-pull set {set} is no longer asked for")));
    let here = SetProgress::is_well;
    let here = world.prepull.values().filter(move |(_, set)| here(set));
    here.map(move |(since, set)| of(&set.set, *since, format!("All images of pre-pull set {} are here", set.set)))
        .chain(dropped)
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
        (Stage::Volumes, Stage::Sandbox) => "It has what it waited for, and its sandbox is being made",
        (Stage::Admission | Stage::Volumes | Stage::Sandbox, _) => "Its sandbox is up",
        (Stage::ImageQueue | Stage::ImagePull, _) => "Its image is here",
        (Stage::Create, _) => "Its container was created",
        (_, _) => "It goes on",
    }
}
