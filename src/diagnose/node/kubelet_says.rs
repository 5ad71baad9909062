//! What the kubelet, or the control plane in its place, says of why the node is not ready, in the condition Ready. It names
//! a symptom, and late; but what this agent can't see it may know.

use std::time::Duration;

use crate::causes;
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::node::NodeCondition;
use crate::model::stage::{Stage, Topic};
use crate::model::wording::{cut_middle, one_line};
use crate::model::{Time, after};

use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, cleared, extract, runtime, text};
use super::readings::topic;

/// What this agent sees to be well, or can't name, must have been called not ready for so long: the kubelet repeats its
/// verdict every 10 s, and a daemon that just began says the like.
const PATIENCE: Duration = Duration::from_secs(90);
/// Of words that are not known.
const QUOTE: usize = 200;

/// What the condition names, where the node is not ready.
pub(super) fn suspicion(found: &[Suspicion], view: View<'_>) -> Option<Suspicion> {
    let node = view.world.node.node.as_ref()?;
    let ready = node.ready_condition().filter(|ready| ready.status != Some(true))?;
    let said = ready.since.or(node.created)?;
    let plain = text::peel(&ready.message);
    let named = text::read(&plain, Some(&ready.reason)).cause.filter(|cause| cause.scope == Scope::Node);
    let of_node =
        |one: &Suspicion| !one.soon && matches!(one.topic.stage, Stage::Runtime | Stage::Network | Stage::Node);
    match named {
        Some(cause) => {
            let known = found.iter().any(|one| !one.soon && is_or_explains(one, cause));
            let seen_well = if known { None } else { well(cause, view) };
            let patient = seen_well.is_none_or(|well| view.now >= after(well.max(said), PATIENCE));
            let facts = facts(cause, seen_well.is_some()).or(extract::told(cause, &plain));
            patient.then(|| of((cause, topic(cause, false)), (ready, said), facts, view))
        }
        None if found.iter().any(of_node) || view.now < after(said, PATIENCE) => None,
        None => {
            let quote = cut_middle(&one_line(&ready.message), QUOTE);
            let facts = Facts::default().with("stage", "Node").with("quote", quote);
            let cause = &causes::UNCLASSIFIED;
            let topic = Topic { stage: Stage::Node, of: Some(cause.id.into()) };
            Some(of((cause, topic), (ready, said), facts, view))
        }
    }
}

fn is_or_explains(one: &Suspicion, cause: &Cause) -> bool {
    one.cause.id == cause.id || one.explains(cause.id)
}

/// Since when this agent sees the opposite. Files in order are enough for the network: the runtime reads them, and the
/// kubelet writes its condition, some time after they were mended.
fn well(cause: &Cause, view: View<'_>) -> Option<Time> {
    match cause.stage {
        Stage::Runtime => runtime::well_since(view).filter(|_| view.world.runtime.blind().is_none()),
        Stage::Network => view.world.network.files_well_since().or_else(|| cleared::network(view)),
        _ if cause.id == causes::KUBELET_DOWN.id => view.world.readings.sound_since("kubelet", view.now),
        _ => None,
    }
}

fn facts(cause: &Cause, seen_well: bool) -> Facts {
    match seen_well && cause.id == causes::KUBELET_DOWN.id {
        true => Facts::default().with("flaw", "it runs and answers on its health port, but its reports do not arrive"),
        false => Facts::default(),
    }
}

fn of(
    (cause, topic): (&'static Cause, Topic),
    (ready, since): (&NodeCondition, Time),
    facts: Facts,
    view: View<'_>,
) -> Suspicion {
    Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic,
        confidence: Confidence::Inferred,
        since,
        ripe: true,
        soon: false,
        facts,
        evidence: vec![evidence("Node condition Ready", &*ready.message, since)],
        affected: Vec::new(),
        field_path: None,
    }
}
