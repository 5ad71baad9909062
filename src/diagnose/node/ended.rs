//! Why the kubelet ended, in its own words: told in place of that it does not run, which is only what follows.

use crate::causes::{KUBELET_CRASH_LOOPING, KUBELET_DOWN};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::stage::Stage;
use crate::model::wording::cut_middle;

use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, last_words, runtime};
use super::readings::topic;

/// Of the line, as it is kept.
const QUOTE: usize = 300;

/// It said on what it ended, be that named or not: what may end a kubelet did not end this one.
pub(super) fn is_told(view: View<'_>) -> bool {
    view.world.daemons.kubelet.words.as_deref().and_then(last_words::ending).is_some()
}

/// What its last words name, of a kubelet that was `found` to be gone or to end again and again.
pub(super) fn suspicion(found: &[Suspicion], view: View<'_>) -> Option<Suspicion> {
    let is_gone = |one: &&Suspicion| [KUBELET_DOWN.id, KUBELET_CRASH_LOOPING.id].contains(&one.cause.id);
    let gone = found.iter().filter(|one| !one.soon).find(is_gone)?;
    let named = last_words::named(view.world.daemons.kubelet.words.as_deref()?)?;
    // It may have been so when the kubelet ended; this agent sees how it is.
    if named.cause.stage == Stage::Runtime && runtime::well_since(view).is_some() {
        return None;
    }
    Some(Suspicion {
        cause: named.cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: topic(named.cause, false),
        confidence: Confidence::Inferred,
        since: gone.since,
        ripe: gone.ripe,
        soon: false,
        facts: named.facts,
        evidence: vec![evidence("kubelet's journal", cut_middle(named.line, QUOTE), gone.since)],
        affected: Vec::new(),
        field_path: None,
    })
}
