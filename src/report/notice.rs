//! One thing to be told about one subject: what stories yield and what every way of telling takes. Plain data; it knows
//! neither Events nor logs.

use std::sync::Arc;

use serde::Serialize;

use crate::model::Time;
use crate::model::cause::{Cause, EventType};
use crate::model::diagnosis::{Evidence, Subject};

/// The Event reason of every ending.
pub const RESOLVED: &str = "Resolved";

/// What a notice is in its story. In the order in which a full spool gives them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Telling {
    /// It still holds.
    Refresh,
    /// Said once, no story.
    Announced,
    /// It is over.
    Ended,
    /// Another cause, or the same one by now a Warning.
    Changed,
    /// The first word about it.
    First,
}

impl Telling {
    /// As metrics and lines name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Announced => "announced",
            Self::Ended => "ended",
            Self::Changed => "changed",
            Self::First => "first",
        }
    }
}

/// One thing to be told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// When it was so: the Event's `lastTimestamp`, however late it is written.
    pub at: Time,
    /// What it is in its story.
    pub telling: Telling,
    /// Whom it is about.
    pub subject: Subject,
    /// Its story, the same for all its notices and across restarts of the agent.
    pub story: Arc<str>,
    /// The Event's reason: the cause's id, [`RESOLVED`], or an announcement's own.
    pub reason: &'static str,
    /// The cause; of an ending the last one; of an announcement none.
    pub cause: Option<&'static Cause>,
    /// The Event's type.
    pub kind: EventType,
    /// What the Event says.
    pub sentence: String,
    /// What log and lines say instead, where the Event withholds a name.
    pub in_full: Option<String>,
    /// The container it is about.
    pub field_path: Option<Arc<str>>,
    /// What speaks for it. For log and lines only: it may hold names of other tenants.
    pub evidence: Vec<Evidence>,
    /// The Event's `firstTimestamp`.
    pub first: Time,
    /// The Event's `count`.
    pub count: u32,
    /// The short word on a pod that suffers from the node's fault.
    pub brief: bool,
}

impl Notice {
    /// Whether both are told by one Event. Each cause that a story ends with has an ending of its own.
    #[must_use]
    pub fn same_event(&self, other: &Self) -> bool {
        let told_alike = self.reason == other.reason && self.kind == other.kind;
        self.same_story(other) && told_alike && self.counted_as() == other.counted_as()
    }

    /// Whether both belong to one story.
    #[must_use]
    pub fn same_story(&self, other: &Self) -> bool {
        self.story == other.story && self.subject == other.subject
    }

    /// The sentence for whoever may read the node's log.
    #[must_use]
    pub fn in_full(&self) -> &str {
        self.in_full.as_deref().unwrap_or(&self.sentence)
    }

    /// The label under which it is counted: a cause's id or an announcement's reason, so a bounded set.
    #[must_use]
    pub fn counted_as(&self) -> &'static str {
        self.cause.map_or(self.reason, |cause| cause.id)
    }
}
