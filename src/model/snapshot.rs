//! Where every start and every pull of this node stands at one moment: what the node-local API shows. Plain data; it is made
//! from the state after a look and handed out as a whole.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Time;
use super::cause::EventType;
use super::diagnosis::Confidence;
use super::ids::PodId;
use super::stage::Stage;

/// Everything that the node-local API can show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Time,
    /// The node's name.
    pub node: Arc<str>,
    /// The runtime's name and version; empty until it answered.
    pub runtime: String,
    /// What is wrong with the node itself, root cause first.
    pub node_troubles: Vec<Trouble>,
    /// Pods on their way to running, and those that arrived lately; the longest-waiting first.
    pub starts: Vec<Start>,
    /// Pulls under way, the kubelet's and our own.
    pub pulls: Vec<PullState>,
    /// Why pulls can't be seen, where they can't.
    pub pulls_unseen: Option<String>,
    /// The pre-pull sets of this node, by name.
    pub sets: Vec<SetState>,
}

/// How far a pre-pull set is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetState {
    /// Its name.
    pub set: Arc<str>,
    /// How many images it has.
    pub images: usize,
    /// How many of them are on the node.
    pub here: usize,
    /// How many failed at their last try.
    pub failed: usize,
    /// Every one is here.
    pub complete: bool,
    /// What fails, or what it waits for; empty where nothing does.
    pub holds: String,
}

/// The start of one pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// The pod.
    pub pod: PodId,
    /// When it was bound to this node, as far as that is known; else when it was first seen.
    pub began: Time,
    /// When it ran; none while it is on its way.
    pub arrived: Option<Time>,
    /// The stage it is at.
    pub stage: Stage,
    /// Since when.
    pub since: Time,
    /// The container that holds it there, from the image on.
    pub container: Option<Arc<str>>,
    /// What it waits for, in a few words, where nothing is wrong: `image registry.example.com/shop/cart:2`.
    pub waits_for: String,
    /// What is wrong, if something is.
    pub trouble: Option<Trouble>,
    /// The stages so far, oldest first; the last one is the present one.
    pub spans: Vec<Span>,
}

/// A diagnosis that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// The cause's id. Owned where another version of kubewhy told it.
    pub cause: Cow<'static, str>,
    /// Normal or Warning, by now.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// How sure.
    pub confidence: Confidence,
    /// What is wrong in a few words; empty where the sentence begins with them.
    pub gist: String,
    /// The sentence, as the Event has it, with the names that the Event withholds.
    pub sentence: String,
    /// Since when.
    pub since: Time,
}

/// One stage of a start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The stage.
    pub stage: Stage,
    /// The container it was about, from the image on.
    pub container: Option<Arc<str>>,
    /// When it began.
    pub from: Time,
    /// When it ended; none for the present one.
    pub to: Option<Time>,
    /// What told it.
    pub evidence: Cow<'static, str>,
}

/// One pull under way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PullState {
    /// The image, where it is known which.
    pub image: Option<Arc<str>>,
    /// It is our own: a pre-pull.
    pub own: bool,
    /// The pods that wait for it.
    pub pods: Vec<PodId>,
    /// What it does.
    pub phase: PullPhase,
    /// Bytes that are here.
    #[serde(rename = "bytes_done")]
    pub done: u64,
    /// Bytes in all, where the list of layers is whole.
    #[serde(rename = "bytes_total")]
    pub total: Option<u64>,
    /// Layers that are here, of how many.
    #[serde(serialize_with = "done_of_total")]
    pub layers: (usize, usize),
    /// Bytes per second over the last seconds.
    #[serde(rename = "bytes_per_second")]
    pub rate: Option<u64>,
    /// How long the rest takes at that rate.
    #[serde(rename = "left_seconds", serialize_with = "seconds_if_any")]
    pub left: Option<Duration>,
    /// When it began; of one that waits, when it was asked for.
    pub began: Time,
    /// When it was looked at: its numbers are of that moment.
    pub seen: Time,
    /// For how long no byte has arrived.
    #[serde(rename = "still_seconds", serialize_with = "seconds")]
    pub still: Duration,
}

/// What a pull does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PullPhase {
    /// Asks the registry what the image is, or waits for its turn to download.
    Resolving,
    /// Bytes are on their way.
    Downloading,
    /// All bytes are here, and layers are being unpacked.
    Unpacking,
    /// Waits for its turn with the kubelet, or for a download of others to end.
    Queued,
    /// Runs; the runtime shows no more of it.
    Running,
    /// The kubelet has asked for it; whether it runs or waits the runtime does not show.
    Asked,
}

fn done_of_total<S: Serializer>((done, total): &(usize, usize), to: S) -> Result<S::Ok, S::Error> {
    to.collect_map([("done", done), ("total", total)])
}

fn seconds<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(span.as_secs_f64())
}

fn seconds_if_any<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(to)
}
