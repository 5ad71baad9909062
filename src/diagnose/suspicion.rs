//! A cause that seems to hold, before it has dwelt: what the parts of a look yield.

use std::sync::Arc;

use crate::causes::roots;
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Evidence, Subject};
use crate::model::ids::PodId;
use crate::model::reading::REACH;
use crate::model::stage::Topic;

use super::phrase::Facts;

/// A cause that seems to hold for one subject.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) cause: &'static Cause,
    pub(super) subject: Subject,
    pub(super) topic: Topic,
    pub(super) confidence: Confidence,
    pub(super) since: Time,
    /// Seen more than once: nothing is raised on one failed look.
    pub(super) ripe: bool,
    /// It is still to come: it explains nothing yet, and holds up nobody.
    pub(super) soon: bool,
    pub(super) facts: Facts,
    pub(super) evidence: Vec<Evidence>,
    pub(super) affected: Vec<PodId>,
    /// The container of a pod it is about, as an Event's fieldPath.
    pub(super) field_path: Option<Arc<str>>,
}

impl Suspicion {
    /// Whether it by itself explains that cause.
    pub(super) fn explains(&self, symptom: &str) -> bool {
        roots::explains(self.cause.id, self.facts.get(REACH), symptom)
    }
}

/// One piece of evidence.
pub(super) fn evidence(source: &str, says: impl Into<String>, at: Time) -> Evidence {
    Evidence { source: source.into(), says: says.into(), at }
}

/// How many pods wait, as a person says it; nothing for none.
pub(super) fn pods(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "1 pod".to_owned(),
        n => format!("{n} pods"),
    }
}
