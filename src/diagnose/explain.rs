//! Explains one message out of its context: the text and perhaps the reason it came with, nothing else. Claims nothing
//! where the catalogue has no wording.

use std::collections::BTreeMap;

use crate::causes;
use crate::model::cause::Cause;
use crate::model::explanation::{Explanation, FINDINGS};
use crate::model::redact::redact;
use crate::model::sign::Sign;
use crate::model::wording::{cut_middle, one_line};

use super::extract;
use super::phrase::{Facts, fill, says};
use super::text::{self, Reading};

/// As much of a message as an answer quotes, in bytes.
const QUOTE_AT_MOST: usize = 600;

/// What is known of a message. `reason` is that of the Event, of the waiting container or of the condition.
#[must_use]
pub fn explain(message: &str, reason: Option<&str>) -> Explanation {
    let plain = text::peel(message);
    let reading = text::read(&plain, reason);
    let cause = reading.cause.unwrap_or(&causes::UNCLASSIFIED);
    let facts = extract::told(cause, &plain).or(text::facts(reason.unwrap_or_default()));
    Explanation {
        cause: cause.id,
        confidence: confidence(&reading),
        summary: cause.summary,
        sentence: sentence(&reading, cause, &facts),
        advice: fill(cause.advice, &facts).0,
        steps: cause.steps,
        rules_out: cause.rules_out,
        mends: cause.mends,
        stage: reading.cause.map(|cause| cause.stage),
        owner: cause.owner.as_str(),
        facts: findings(&facts),
        also: reading.also.iter().map(|cause| cause.id).collect(),
        evidence: reading.sign.map_or_else(Vec::new, evidence),
        good_news: reading.good_news,
        message: cut_middle(&one_line(&redact(message)), QUOTE_AT_MOST),
    }
}

fn sentence(reading: &Reading, cause: &Cause, facts: &Facts) -> String {
    match reading.cause {
        Some(_) => says(cause, facts),
        None if reading.good_news => "Nothing here says that something is wrong.".to_owned(),
        None => "The catalogue has no wording for this, so kubewhy claims nothing.".to_owned(),
    }
}

/// What a program can use of the facts: names and values that the text holds, none of a template's own words.
fn findings(facts: &Facts) -> BTreeMap<&'static str, String> {
    FINDINGS.iter().filter_map(|(name, _)| Some((*name, facts.get(name)?.to_owned()))).collect()
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
