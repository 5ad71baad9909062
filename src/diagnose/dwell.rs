//! From suspicion to diagnosis: has it held long enough, is it Normal or a Warning by now, what is the sentence.

use std::time::Duration;

use crate::causes::{KUBELET_CRASH_LOOPING, RUNTIME_CRASH_LOOPING};
use crate::model::cause::{Cause, EventType, Grows};
use crate::model::diagnosis::{Diagnosis, Subject};
use crate::model::settings::CauseSettings;
use crate::model::stage::Stage;
use crate::model::{Time, after, since};

use super::View;
use super::phrase::{gist, sentence};
use super::suspicion::Suspicion;

/// The diagnosis, once the suspicion has held for the cause's dwell and is neither switched off nor within the quiet
/// after a restart.
pub(super) fn settle(suspicion: &Suspicion, view: View<'_>) -> Option<Diagnosis> {
    let cause = suspicion.cause;
    let own = view.settings.causes.get(cause.id).cloned().unwrap_or_default();
    let dwelt = since(suspicion.since, view.now) >= own.after.unwrap_or(cause.after);
    if own.enabled == Some(false)
        || cause.kind == Grows::Silent
        || !suspicion.ripe
        || !dwelt
        || in_restart_quiet(suspicion, view)
    {
        return None;
    }
    let (said, in_full) = (sentence(cause, &suspicion.facts), suspicion.facts.in_full());
    Some(Diagnosis {
        subject: suspicion.subject.clone(),
        topic: suspicion.topic.clone(),
        cause,
        confidence: suspicion.confidence,
        kind: kind(suspicion, &own, view),
        in_full: in_full.as_ref().map(|facts| sentence(cause, facts)).filter(|full| *full != said),
        sentence: said,
        gist: gist(cause, in_full.as_ref().unwrap_or(&suspicion.facts)),
        brief: false,
        field_path: suspicion.field_path.clone(),
        evidence: suspicion.evidence.clone(),
        since: suspicion.since,
        affected: suspicion.affected.clone(),
    })
}

/// A cause that has held since then is told as a Warning by now.
pub(super) fn is_warning(cause: &Cause, began: Time, view: View<'_>) -> bool {
    let own = view.settings.causes.get(cause.id).cloned().unwrap_or_default();
    let lasted = since(began, view.now);
    let told = own.enabled != Some(false) && lasted >= own.after.unwrap_or(cause.after);
    told && own.kind.unwrap_or_else(|| grown(cause, lasted)) == EventType::Warning
}

/// What began just after a restart of the runtime or the kubelet may be its echo, and gets the time to settle; but that one
/// of them is started again and again is no echo, nor is the reason for it.
fn in_restart_quiet(suspicion: &Suspicion, view: View<'_>) -> bool {
    let (world, quiet) = (view.world, view.settings.timing.restart_quiet);
    let restarts = [world.runtime.quiet_from, world.daemons.runtime.quiet_from, world.daemons.kubelet.quiet_from];
    let brings = suspicion.facts.get("brings").unwrap_or_default();
    let is_loop = |id: &str| suspicion.cause.id == id || brings.contains(id);
    let loops = is_loop(KUBELET_CRASH_LOOPING.id) || is_loop(RUNTIME_CRASH_LOOPING.id);
    let echoes = |from: &Time| suspicion.since >= *from && view.now < after(*from, quiet);
    !loops && suspicion.cause.stage != Stage::ImagePull && restarts.iter().flatten().any(echoes)
}

fn kind(suspicion: &Suspicion, own: &CauseSettings, view: View<'_>) -> EventType {
    let of_node = matches!(suspicion.subject, Subject::Node(_)) && suspicion.topic.stage != Stage::Prepull;
    if of_node && view.world.node.being_installed(view.now) {
        return EventType::Normal;
    }
    own.kind.unwrap_or_else(|| grown(suspicion.cause, since(suspicion.since, view.now)))
}

fn grown(cause: &Cause, lasted: Duration) -> EventType {
    match cause.kind {
        Grows::Silent | Grows::Normal => EventType::Normal,
        Grows::Warning => EventType::Warning,
        Grows::WarningAfter(limit) if lasted >= limit => EventType::Warning,
        Grows::WarningAfter(_) => EventType::Normal,
    }
}
