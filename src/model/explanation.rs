//! What is known of one error message that somebody has in front of them. Plain data: `kubewhy explain` prints it, and the
//! node-local API hands it out.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::stage::Stage;

/// The answer to one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The cause's id; `Unclassified` for none.
    pub cause: &'static str,
    /// `observed`: it has words of its own; `inferred`: no other cause fits; `none`.
    pub confidence: &'static str,
    /// What the cause is, in general.
    pub summary: &'static str,
    /// What it is here, by name.
    pub sentence: String,
    /// What its owner does next.
    pub advice: String,
    /// Step by step: what to look at, what to change.
    pub steps: &'static [&'static str],
    /// What it rules out.
    pub rules_out: &'static str,
    /// Whether it mends itself.
    pub mends: &'static str,
    /// The stage of the pod's start, or the part of the node; none, printed as `Unknown`, if no cause is named.
    #[serde(serialize_with = "known")]
    pub stage: Option<Stage>,
    /// Who must act.
    pub owner: &'static str,
    /// What was found in the text, by name.
    pub facts: BTreeMap<&'static str, String>,
    /// Causes that the text names too: symptoms of this one, or what another attempt failed on.
    pub also: Vec<&'static str>,
    /// The parts of the text that decided.
    pub evidence: Vec<&'static str>,
    /// The text says that something went well, or nothing that is amiss.
    pub good_news: bool,
    /// The message, without secrets, shortened in its middle.
    pub message: String,
}

fn known<S: Serializer>(stage: &Option<Stage>, to: S) -> Result<S::Ok, S::Error> {
    match stage {
        Some(stage) => to.collect_str(stage),
        None => to.serialize_str("Unknown"),
    }
}
