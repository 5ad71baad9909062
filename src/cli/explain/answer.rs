//! The answer to one message of what was read: where it stood, and what is known of it.

use std::ops::Deref;

use serde::Serialize;

use super::input::Message;
use crate::causes;
use crate::diagnose::explain::explain;
use crate::model::explanation::Explanation;

/// What is known of one message.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Where the message stood, if it did not come alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) place: String,
    #[serde(flatten)]
    explanation: Explanation,
}

impl Answer {
    /// Explains one message.
    pub(super) fn to(message: &Message) -> Self {
        let explanation = explain(&message.text, message.reason.as_deref());
        Self { place: message.place.clone(), explanation }
    }

    /// Whether a cause was named.
    pub(super) fn names(&self) -> bool {
        self.cause != causes::UNCLASSIFIED.id
    }
}

impl Deref for Answer {
    type Target = Explanation;

    fn deref(&self) -> &Explanation {
        &self.explanation
    }
}
