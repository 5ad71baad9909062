//! One notice as programs read it: the JSON that stdout and the history share. Names stand here that an Event withholds: it is
//! for whoever may read the node's log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::notice::{Notice, Telling};
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::Subject;

/// What was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When it was so.
    pub at: Time,
    /// What it is in its story.
    pub kind: Telling,
    /// The Event's type.
    #[serde(rename = "type")]
    pub event: EventType,
    /// The cause's id; of an ending the last one; an announcement's own reason.
    pub cause: Arc<str>,
    /// Whom it is about.
    pub subject: Whom,
    /// What is said, with every name.
    pub sentence: Arc<str>,
    /// Since when.
    pub first: Time,
    /// How many times it was told by then.
    pub count: u32,
}

/// Whom it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whom {
    /// `Pod` or `Node`.
    pub kind: Arc<str>,
    /// Of a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID; empty where it is not known.
    pub uid: Arc<str>,
}

impl Told {
    /// What this notice tells.
    #[must_use]
    pub fn of(notice: &Notice) -> Self {
        let uid = notice.subject.uid().into();
        let subject = match &notice.subject {
            Subject::Node(node) => Whom { kind: "Node".into(), namespace: None, name: node.name.clone(), uid },
            Subject::Pod(pod) => {
                Whom { kind: "Pod".into(), namespace: Some(pod.namespace.clone()), name: pod.name.clone(), uid }
            }
        };
        Self {
            at: notice.at,
            kind: notice.telling,
            event: notice.kind,
            cause: notice.counted_as().into(),
            subject,
            sentence: notice.in_full().into(),
            first: notice.first,
            count: notice.count,
        }
    }
}
