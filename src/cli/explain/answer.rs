//! The answer to one message, as data: what the JSON forms print and the human form puts into lines.

use std::collections::BTreeMap;

use serde::Serialize;

use super::input::Message;
use crate::causes;
use crate::diagnose::extract;
use crate::diagnose::phrase::{Facts, fill, says};
use crate::diagnose::text::{self, Reading};
use crate::model::cause::Cause;
use crate::model::redact::redact;
use crate::model::sign::Sign;
use crate::model::wording::{cut_middle, one_line};

/// As much of a message as an answer quotes, in bytes.
const QUOTE_AT_MOST: usize = 600;

/// What is known of one message.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Where the message stood, if it did not come alone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) place: String,
    /// The cause's id; `Unclassified` for none.
    pub(super) cause: &'static str,
    /// `observed`: it has words of its own; `inferred`: no other cause fits; `none`.
    pub(super) confidence: &'static str,
    /// What the cause is, in general.
    pub(super) summary: &'static str,
    /// What it is here, by name.
    pub(super) sentence: String,
    /// What its owner does next.
    pub(super) advice: String,
    /// Step by step: what to look at, what to change.
    pub(super) steps: &'static [&'static str],
    /// What it rules out.
    pub(super) rules_out: &'static str,
    /// Whether it mends itself.
    pub(super) mends: &'static str,
    /// The stage of the pod's start, or the part of the node; `Unknown` if no cause is named.
    pub(super) stage: String,
    /// Who must act.
    pub(super) owner: &'static str,
    /// What was found in the text, by name.
    pub(super) facts: BTreeMap<&'static str, String>,
    /// Causes that the text names too: symptoms of this one, or what another attempt failed on.
    pub(super) also: Vec<&'static str>,
    /// The parts of the text that decided.
    pub(super) evidence: Vec<&'static str>,
    /// The text says that something went well, or nothing that is amiss.
    pub(super) good_news: bool,
    /// The message, without secrets, shortened in its middle.
    pub(super) message: String,
}

impl Answer {
    /// Explains one message.
    pub(super) fn to(message: &Message) -> Self {
        let plain = text::peel(&message.text);
        let reading = text::read(&plain, message.reason.as_deref());
        let cause = reading.cause.unwrap_or(&causes::UNCLASSIFIED);
        let facts = extract::told(cause, &plain);
        Self {
            place: message.place.clone(),
            cause: cause.id,
            confidence: confidence(&reading),
            summary: cause.summary,
            sentence: sentence(&reading, cause, &facts),
            advice: fill(cause.advice, &facts).0,
            steps: cause.steps,
            rules_out: cause.rules_out,
            mends: cause.mends,
            stage: reading.cause.map_or_else(|| "Unknown".to_owned(), |cause| cause.stage.to_string()),
            owner: cause.owner.as_str(),
            facts: facts.iter().map(|(name, value)| (name, value.to_owned())).collect(),
            also: reading.also.iter().map(|cause| cause.id).collect(),
            evidence: reading.sign.map_or_else(Vec::new, evidence),
            good_news: reading.good_news,
            message: cut_middle(&one_line(&redact(&message.text)), QUOTE_AT_MOST),
        }
    }

    /// Whether a cause was named.
    pub(super) fn names(&self) -> bool {
        self.cause != causes::UNCLASSIFIED.id
    }
}

fn sentence(reading: &Reading, cause: &Cause, facts: &Facts) -> String {
    match reading.cause {
        Some(_) => says(cause, facts),
        None if reading.good_news => "Nothing here says that something is wrong.".to_owned(),
        None => "The catalogue has no wording for this, so kubewhy claims nothing.".to_owned(),
    }
}

fn confidence(reading: &Reading) -> &'static str {
    match reading.cause {
        Some(cause) if cause.rest => "inferred",
        Some(_) => "observed",
        None => "none",
    }
}

fn evidence(sign: &Sign) -> Vec<&'static str> {
    sign.all.iter().map(|part| part.trim()).collect()
}
