//! What pre-pulling yields: a set that is complete is announced once, one that fails is explained with the same causes
//! as a pod's pull.

use std::time::Duration;

use crate::causes;
use crate::model::cause::{EventType, Scope};
use crate::model::diagnosis::{Announcement, Confidence, Diagnosis, Subject, announced};
use crate::model::observation::ConfigState;
use crate::model::prepull::{PullFailure, SetProgress, StartupTaint, Waits};
use crate::model::stage::{Stage, Topic};
use crate::model::wording::{MESSAGE_LIMIT, cut, cut_middle, one_line, size};
use crate::model::{Time, since};

use super::phrase::{Facts, fill};
use super::suspicion::{Suspicion, evidence};
use super::{View, dwell, extract, text};

/// What happened once is told within this time; then it is over.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// Diagnoses of failed sets, and what is to be said once.
pub(super) fn findings(view: View<'_>) -> (Vec<Diagnosis>, Vec<Announcement>) {
    let sets = view.world.prepull.values();
    let failed = sets.clone().filter_map(|(since, set)| failed(*since, set, view)).collect();
    let done = sets
        .filter_map(|(_, set)| complete(set, view))
        .chain(sets_refused(view))
        .chain(short_of_room(view))
        .chain(taint(view))
        .chain(config(view))
        .collect();
    (failed, done)
}

fn failed(since: Time, set: &SetProgress, view: View<'_>) -> Option<Diagnosis> {
    let first = set.failed.first()?;
    let named = match first.cause {
        Some(id) => causes::by_id(id),
        None => text::classify(&first.text).filter(|cause| cause.scope == Scope::Pod),
    };
    let suspicion = Suspicion {
        cause: named.unwrap_or(&causes::UNCLASSIFIED),
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Topic { stage: Stage::Prepull, of: Some(set.set.clone()) },
        confidence: Confidence::Observed,
        since,
        ripe: true,
        soon: false,
        facts: Facts::default(),
        evidence: set.failed.iter().map(|f| evidence(&format!("pull of {}", f.image), &*f.text, since)).collect(),
        affected: Vec::new(),
        field_path: None,
    };
    let mut diagnosis = dwell::settle(&suspicion, view)?;
    diagnosis.sentence = sentence(set, first, &suspicion);
    Some(diagnosis)
}

/// A Node Event can be read by many: which image of a set failed is the platform's own affair, so it may be named.
fn sentence(set: &SetProgress, first: &PullFailure, suspicion: &Suspicion) -> String {
    let what = match set.failed.len() {
        1 => first.image.to_string(),
        n => format!("{n} of {} images, first {}", set.images, first.image),
    };
    let why = if first.cause.is_some() || suspicion.cause.signs.is_empty() {
        cut_middle(&one_line(&first.text), 300)
    } else {
        let facts = extract::pull(Facts::default(), &first.image, &first.text);
        let template = format!("{}[ ({{answer}})]", suspicion.cause.summary.trim_end_matches('.'));
        fill(&template, &facts).0
    };
    let text = format!("Pre-pull set {}: could not pull {what}. {why}. It is tried again, ever more slowly.", set.set);
    cut(&text, MESSAGE_LIMIT)
}

fn complete(set: &SetProgress, view: View<'_>) -> Option<Announcement> {
    if !set.is_well() {
        return None;
    }
    let sentence = format!("Pre-pull set {}: {}.", set.set, all_here(set));
    Some(announcement(view, announced::PREPULL_COMPLETE, EventType::Normal, &sentence))
}

fn all_here(set: &SetProgress) -> String {
    let bytes = size(set.bytes);
    match (set.images, set.pulled, set.present) {
        (1, 0, _) => "its image was here already".to_owned(),
        (1, ..) => format!("its image is here; pulled {bytes}"),
        (all, 0, _) => format!("all {all} images were here already"),
        (all, pulled, 0) => format!("all {all} images are here; pulled {pulled} ({bytes})"),
        (all, pulled, 1) => format!("all {all} images are here; pulled {pulled} ({bytes}), 1 was here already"),
        (all, pulled, present) => {
            format!("all {all} images are here; pulled {pulled} ({bytes}), {present} were here already")
        }
    }
}

fn sets_refused(view: View<'_>) -> impl Iterator<Item = Announcement> {
    view.world.prepull.values().filter_map(move |(_, set)| {
        let why = set.refused.as_ref()?;
        Some(announcement(
            view,
            announced::PREPULL_REFUSED,
            EventType::Warning,
            &format!("Pre-pull set {} is not pulled: {why}", set.set),
        ))
    })
}

/// Without numbers: they differ from look to look, and this is said once.
fn short_of_room(view: View<'_>) -> impl Iterator<Item = Announcement> {
    view.world.prepull.values().filter_map(move |(_, set)| {
        let why = match set.waits.as_ref()? {
            Waits::Room(short) => {
                format!("the disk has no room for {} above what the set leaves free (minFree)", short.image)
            }
            Waits::Pressure => "the disk is short of room, so nothing is pulled, held or pinned".to_owned(),
            Waits::Turn { .. } | Waits::Window { .. } => return None,
        };
        let says = format!("Pre-pull set {} waits: {why}. Platform: make room; it goes on by itself.", set.set);
        Some(announcement(view, announced::PREPULL_NO_ROOM, EventType::Warning, &says))
    })
}

/// The end of a startup taint is news where it is not the good one.
fn taint(view: View<'_>) -> Option<Announcement> {
    match view.world.startup_taint.as_ref()? {
        (at, StartupTaint::Gone { taint, unfinished })
            if !unfinished.is_empty() && since(*at, view.now) < TOLD_WITHIN =>
        {
            let sets = if unfinished.len() == 1 { "set" } else { "sets" };
            let names = unfinished.join(", ");
            let sentence = format!(
                "Startup taint {taint} was taken off after 10 min, though not all images of pre-pull {sets} {names} are here: \
                 pods can start, and may have to pull. Platform: kubewhy status names what is missing, and why."
            );
            Some(announcement(view, announced::PREPULL_TAINT_EXPIRED, EventType::Warning, &sentence))
        }
        (_, StartupTaint::Stays { taint, why }) if view.world.node.has_taint(taint) => {
            let sentence = format!(
                "Startup taint {taint} stays on this node, for kubewhy may not take it off: {why}. Pods that do not tolerate \
                 it are not placed here. Platform: give the right with deploy/prepull-marks, or take the taint off."
            );
            Some(announcement(view, announced::PREPULL_TAINT_STAYS, EventType::Warning, &sentence))
        }
        _ => None,
    }
}

fn config(view: View<'_>) -> Option<Announcement> {
    let (_, ConfigState::Refused { faults, in_force }) = view.world.config.as_ref()? else { return None };
    let more = faults.len().saturating_sub(1);
    let first = faults.first().map_or("unreadable", String::as_str);
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let sentence = format!(
        "kubewhy's configuration file was refused: {first}{others}. In force: {in_force}. Platform: kubewhy config check FILE names every fault."
    );
    Some(announcement(view, announced::CONFIG_REFUSED, EventType::Warning, &sentence))
}

fn announcement(view: View<'_>, reason: &'static str, kind: EventType, sentence: &str) -> Announcement {
    Announcement {
        subject: Subject::Node(view.world.node.id.clone()),
        reason,
        kind,
        sentence: cut(&one_line(sentence), MESSAGE_LIMIT),
    }
}
