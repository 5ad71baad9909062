//! The verdict of one look: which causes hold, what is known to be well, and what can't be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Time;
use super::cause::{Cause, EventType};
use super::ids::{NodeId, PodId};
use super::pull::Load;
use super::stage::{Stage, Topic};

/// Whom a diagnosis, and so an Event, is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// This node.
    Node(NodeId),
    /// One pod of it.
    Pod(PodId),
}

impl Subject {
    /// The UID an Event about it must carry. Empty for a node that the API server has not told about yet: such an Event
    /// would not be found by `kubectl describe`, so it waits.
    #[must_use]
    pub fn uid(&self) -> &str {
        match self {
            Self::Node(node) => &node.uid,
            Self::Pod(pod) => pod.uid.as_str(),
        }
    }
}

/// How sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Confidence {
    /// One sign, nothing against it.
    Suspected,
    /// Follows from what was seen.
    Inferred,
    /// Seen itself.
    Observed,
}

/// One piece of evidence: who said it, what, when. For log, status and history: it may hold names of other tenants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// Where it comes from, e.g. `CRI ListPodSandbox`, `kubelet, pod status`, `/etc/cni/net.d`.
    pub source: Arc<str>,
    /// What it says; secrets removed.
    pub says: String,
    /// When it was seen.
    pub at: Time,
}

/// One cause found to hold for one subject.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// Whom it is about.
    pub subject: Subject,
    /// Which story of the subject this is: one story per subject UID and topic.
    pub topic: Topic,
    /// The cause, from the catalogue.
    #[serde(serialize_with = "super::cause::as_id")]
    pub cause: &'static Cause,
    /// How sure.
    pub confidence: Confidence,
    /// Normal or Warning, by now.
    pub kind: EventType,
    /// What the Event says, in full: safe for everybody who can read Events of the subject, at most 1024 bytes.
    pub sentence: String,
    /// The sentence with the names of other namespaces that it withholds, for status and log; none where it withholds none.
    pub in_full: Option<String>,
    /// What is wrong in a few words, names of other namespaces among them, for status; empty where the sentence begins with
    /// them.
    pub gist: String,
    /// Told once and never refreshed: the short word on a pod that suffers from the node's fault.
    pub brief: bool,
    /// The container it is about (`spec.containers{name}`), as the Event's fieldPath.
    pub field_path: Option<Arc<str>>,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
    /// Since when the trouble holds.
    pub since: Time,
    /// The pods that suffer from it.
    pub affected: Vec<PodId>,
}

impl Diagnosis {
    /// What it is counted as.
    #[must_use]
    pub fn heading(&self) -> Heading {
        let subject = match (&self.subject, self.topic.stage) {
            (_, Stage::Prepull) => "prepull",
            (Subject::Node(_), _) => "node",
            (Subject::Pod(_), _) => "pod",
        };
        Heading { cause: self.cause.id, subject, kind: self.kind }
    }
}

/// What diagnoses are counted by: no name that a cluster invents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heading {
    /// The cause's id.
    pub cause: &'static str,
    /// `node`, `pod`, or `prepull`: a set of images, told on the Node.
    pub subject: &'static str,
    /// Normal or Warning.
    pub kind: EventType,
}

/// Positive evidence that a topic of a subject is well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cleared {
    /// Whom.
    pub subject: Subject,
    /// What about it.
    pub topic: Topic,
    /// Since when that evidence holds.
    pub since: Time,
    /// The ending, without its length: `Started`, `The runtime answers again`.
    pub how: String,
}

/// An Event's reason: one of a set that is known beforehand.
pub type Reason = &'static str;

/// A thing said once that is no story: a pre-pull set is complete, the configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Announcement {
    /// Whom it is about.
    pub subject: Subject,
    /// Event reason: one of [`announced`].
    #[serde(deserialize_with = "announced::reason")]
    pub reason: Reason,
    /// Normal or Warning.
    pub kind: EventType,
    /// What the Event says.
    pub sentence: String,
}

/// The Event reasons of announcements.
pub mod announced {
    use std::borrow::Cow;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer};

    /// All images of a pre-pull set are here.
    pub const PREPULL_COMPLETE: &str = "PrepullComplete";
    /// A pre-pull set is not pulled on this node.
    pub const PREPULL_REFUSED: &str = "PrepullRefused";
    /// A pre-pull set waits for room on the disk.
    pub const PREPULL_NO_ROOM: &str = "PrepullNoRoom";
    /// The startup taint was taken off though essential pre-pull sets are not complete.
    pub const PREPULL_TAINT_EXPIRED: &str = "PrepullTaintExpired";
    /// The startup taint stays, for this agent may not take it off.
    pub const PREPULL_TAINT_STAYS: &str = "PrepullTaintStays";
    /// The configuration file was refused.
    pub const CONFIG_REFUSED: &str = "ConfigRefused";
    /// A start is over that took long, and of which nothing was told.
    pub const SLOW_START: &str = "SlowStart";
    /// Reports on pods were held back, for many came at once.
    pub const HELD_BACK: &str = "PodReportsHeldBack";
    /// All of them.
    pub const ALL: &[&str] = &[
        PREPULL_COMPLETE,
        PREPULL_REFUSED,
        PREPULL_NO_ROOM,
        PREPULL_TAINT_EXPIRED,
        PREPULL_TAINT_STAYS,
        CONFIG_REFUSED,
        SLOW_START,
        HELD_BACK,
    ];

    /// One of them, for serde.
    ///
    /// # Errors
    /// Where it is none: what was kept with it is of another version.
    pub fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
        let kept = <Cow<'_, str>>::deserialize(deserializer)?;
        let known = ALL.iter().copied().find(|known| *known == kept);
        known.ok_or_else(|| D::Error::custom(format_args!("no announcement {kept} in this version")))
    }
}

/// Everything one look yields. What is neither diagnosed nor cleared is unknown: its open stories are kept as they are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// What holds.
    pub diagnoses: Vec<Diagnosis>,
    /// What is well.
    pub cleared: Vec<Cleared>,
    /// Subjects that are gone, by UID: their stories end in silence.
    pub gone: Vec<Arc<str>>,
    /// What is to be said once.
    pub announcements: Vec<Announcement>,
    /// Pods that arrived since the last look.
    pub arrivals: Vec<Arrival>,
    /// What the node's pulls amount to.
    pub pulls: Load,
}

/// A pod whose start was watched and is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arrival {
    /// The pod.
    pub pod: PodId,
    /// When it was bound to this node, as far as is known.
    pub began: Time,
    /// When it ran.
    pub at: Time,
    /// How long it was at each stage.
    pub stages: BTreeMap<Stage, Duration>,
    /// Its own trouble was told on the way, so the end of that story accounts for it.
    pub told: bool,
    /// What pre-pulling did for it; none where none of its images is in a set, or where that is not known.
    pub ahead: Option<Ahead>,
}

/// What pre-pulling did for a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ahead {
    /// The sets, by name.
    pub sets: Vec<Arc<str>>,
    /// How many of the pod's images this is about: those that were not here where one was not, else all that are in a set.
    pub images: usize,
    /// They were here when the start began.
    pub here: bool,
}
