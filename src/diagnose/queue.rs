//! ImagePullQueued: a pod whose image waits for its turn. Two stories: the kubelet pulls a few at a time, and containerd
//! downloads a few layers at a time. Which of the two is said only where it is known; else that it waits, while others are
//! pulled. What is ahead is named to its own namespace only, and to the node's operator.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::causes;
use crate::model::diagnosis::{Confidence, Evidence, Subject};
use crate::model::since;
use crate::model::snapshot::PullPhase;
use crate::model::stage::Stage;
use crate::model::wording::{size, span};
use crate::track::pod::PodTrack;
use crate::track::pull::{PullTrack, SLOTS};
use crate::track::queue::{Fetch, Line, Told};

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};
use super::{View, elsewhere};

/// What stands in an Event for a pull of another namespace.
const WITHHELD: &str = "another namespace's (name withheld)";

/// One for each pod whose image waits.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    let waiting = view.world.starting().filter(|track| track.place.stage == Stage::ImageQueue);
    waiting.filter_map(move |track| queued(track, view))
}

/// It is told as part of the image's story: when its turn comes, the pull may be slow as well.
fn queued(track: &PodTrack, view: View<'_>) -> Option<Suspicion> {
    let Fetch::Queued { ahead, line } = &track.fetch else { return None };
    let pulls: Vec<&PullTrack> = ahead.iter().filter_map(|lease| view.world.pulls.running.get(lease)).collect();
    let facts = ahead_of(track, &pulls, view)
        .or(in_line(line))
        .with("for", span(since(track.since(), view.now)))
        .with("progress", progress(&pulls, view))
        .with("move", elsewhere::advice(track.pod.as_ref()?));
    Some(Suspicion {
        cause: &causes::IMAGE_PULL_QUEUED,
        subject: Subject::Pod(track.id.clone()),
        topic: Stage::ImagePull.into(),
        confidence: Confidence::Inferred,
        since: track.since(),
        ripe: true,
        soon: false,
        facts,
        evidence: seen(&pulls, line, view),
        affected: Vec::new(),
        field_path: None,
    })
}

/// What it waits for, and what shortens that.
fn in_line(line: &Line) -> Facts {
    const PARALLEL: &str = "serializeImagePulls: false";
    match line {
        Line::Kubelet { at_once, before } => {
            let (at_once, remedy) = match *at_once {
                NonZeroU32::MIN => ("one".to_owned(), format!("{PARALLEL} helps")),
                most => (most.to_string(), "a higher maxParallelImagePulls helps".to_owned()),
            };
            let before = before.filter(|n| *n > 0).map(|n| format!("{n} more")).unwrap_or_default();
            Facts::default().with("at_once", at_once).with("before", before).with("remedy", remedy)
        }
        Line::Slot { .. } => {
            let remedy = "a higher max_concurrent_downloads of containerd helps";
            Facts::default().with("slots", SLOTS.to_string()).with("remedy", remedy)
        }
        Line::Unknown => Facts::default().with("remedy", format!("{PARALLEL} may help")),
    }
}

fn seen(pulls: &[&PullTrack], line: &Line, view: View<'_>) -> Vec<Evidence> {
    let leases = pulls.iter().map(|pull| &*pull.pull.lease).collect::<Vec<_>>().join(", ");
    let of_leases = |says: &str| evidence("containerd, leases", format!("pulls under way: {leases}; {says}"), view.now);
    match line {
        Line::Unknown => vec![of_leases("none of them is its own")],
        Line::Slot { lease } => vec![of_leases(&format!("its own, {lease}, has no byte while layers of others come"))],
        Line::Kubelet { .. } => {
            let configured = evidence("kubelet, configuration", view.world.pulls.rules.to_string(), view.now);
            let asked = evidence("kubelet, pull intents", "it wants the image, and wanted another first", view.now);
            let leases = (!pulls.is_empty()).then(|| of_leases("none of them is its own"));
            [asked, configured].into_iter().chain(leases).collect()
        }
    }
}

/// What is pulled meanwhile, as this pod's owner may read it. Whose a pull is that names nothing yet is said only where
/// the kubelet's intents tell.
fn ahead_of(track: &PodTrack, pulls: &[&PullTrack], view: View<'_>) -> Facts {
    if pulls.len() > 1 {
        let others = format!("{} others", pulls.len());
        return Facts::default().with("ahead", &others).withholding("head", &others);
    }
    let served = |pod: &&PodTrack| match (&pod.fetch, pulls.first()) {
        (Fetch::Running { lease, by: Told::Name | Told::Intent, .. }, Some(pull)) => *lease == pull.pull.lease,
        (Fetch::Asked { .. }, None) => true,
        _ => false,
    };
    let others: Vec<&PodTrack> = view.world.starting().filter(served).collect();
    let open = view.settings.report.cross_namespace_names;
    let visible = others.iter().find(|pod| open || pod.id.namespace == track.id.namespace);
    let that_of = |pod: &PodTrack| format!("that of pod {}", name_of(pod, &track.id.namespace));
    let head = visible.or(others.first()).map_or_else(|| "another".to_owned(), |pod| pod.id.to_string());
    let facts = Facts::default().withholding("head", &head);
    match (visible, others.first()) {
        (Some(pod), _) => facts.with("ahead", that_of(pod)),
        (None, Some(pod)) => facts.with("ahead", WITHHELD).withholding("ahead", &that_of(pod)),
        (None, None) => facts.with("ahead", "another"),
    }
}

fn name_of(pod: &PodTrack, seen_from: &Arc<str>) -> String {
    if pod.id.namespace == *seen_from { pod.id.name.to_string() } else { pod.id.to_string() }
}

/// How the one pull ahead moves. It names nothing.
fn progress(pulls: &[&PullTrack], view: View<'_>) -> String {
    let pull = match pulls {
        [] => return unseen(view),
        [pull] => pull,
        _ => return String::new(),
    };
    let still = span(pull.still_for(view.now));
    match (pull.phase(), pull.percent(), pull.pull.total(), pull.rate()) {
        (PullPhase::Resolving, ..) if pull.waits_for_slot => String::new(),
        (PullPhase::Resolving, ..) if pull.answered() => {
            format!("a registry answered, and has sent no manifest for {still}")
        }
        (PullPhase::Resolving, ..) => format!("no answer for {still}"),
        (PullPhase::Unpacking, ..) => format!("unpacking for {still}"),
        (_, _, _, Some(0)) => format!("no byte for {still}"),
        (_, Some(percent), Some(total), Some(rate)) => format!("{percent} % of {}, {}/s", size(total), size(rate)),
        _ => String::new(),
    }
}

/// Of a pull that the runtime does not show only its age is known.
fn unseen(view: View<'_>) -> String {
    let began = view.world.starting().filter_map(|pod| match pod.fetch {
        Fetch::Asked { began } => Some(began),
        _ => None,
    });
    began.min().map(|began| format!("it has run for {}", span(since(began, view.now)))).unwrap_or_default()
}
