//! What `kubewhy check` tells programs: one object for each answer, flat, every value a string but the amounts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Line;
use crate::model::reading::{Amount, Group, Missing, Verdict};

/// One answer.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    group: Group,
    probe: &'static str,
    of: &'a str,
    verdict: &'static str,
    /// Of what is unknown, what the probe lacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    says: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cause: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
}

impl<'a> From<&'a Line> for Answer<'a> {
    fn from(line: &'a Line) -> Self {
        let reading = &line.reading;
        let (verdict, missing) = words(reading.verdict);
        Self {
            group: line.group,
            probe: reading.probe,
            of: &reading.of,
            verdict,
            missing,
            says: &reading.says,
            cause: reading.cause,
            facts: reading.facts.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            amount: reading.amount.as_ref(),
            advice: line.advice.as_deref(),
        }
    }
}

fn words(verdict: Verdict) -> (&'static str, Option<&'static str>) {
    match verdict {
        Verdict::Fine => ("fine", None),
        Verdict::Suspect => ("suspect", None),
        Verdict::Broken => ("broken", None),
        Verdict::Unknown(Missing::Access) => ("unknown", Some("access")),
        Verdict::Unknown(Missing::Subject) => ("unknown", Some("subject")),
        Verdict::Unknown(Missing::Answer) => ("unknown", Some("answer")),
    }
}
