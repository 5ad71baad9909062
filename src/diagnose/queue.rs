//! ImagePullQueued: a pod whose image is not pulled yet, while others are. What is ahead is named to its own namespace only.

use std::sync::Arc;

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::since;
use crate::model::snapshot::PullPhase;
use crate::model::stage::Stage;
use crate::model::wording::{size, span};
use crate::track::pod::PodTrack;
use crate::track::pull::PullTrack;
use crate::track::queue::{Fetch, Told};

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};
use super::{View, elsewhere};

/// One for each pod whose image waits.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    let waiting = view.world.starting().filter(|track| track.place.stage == Stage::ImageQueue);
    waiting.filter_map(move |track| queued(track, view))
}

/// It is told as part of the image's story: when its turn comes, the pull may be slow as well.
fn queued(track: &PodTrack, view: View<'_>) -> Option<Suspicion> {
    let Fetch::Queued { ahead } = &track.fetch else { return None };
    let pulls: Vec<&PullTrack> = ahead.iter().filter_map(|lease| view.world.pulls.running.get(lease)).collect();
    let pod = track.pod.as_ref()?;
    let facts = Facts::default()
        .with("for", span(since(track.since(), view.now)))
        .with("ahead", named(&pulls, track, view))
        .with("progress", progress(&pulls, view))
        .with("move", elsewhere::advice(pod));
    let leases = ahead.iter().map(|lease| &**lease).collect::<Vec<_>>().join(", ");
    Some(Suspicion {
        cause: &causes::IMAGE_PULL_QUEUED,
        subject: Subject::Pod(track.id.clone()),
        topic: Stage::ImagePull.into(),
        confidence: Confidence::Inferred,
        since: track.since(),
        ripe: true,
        facts,
        evidence: vec![evidence(
            "containerd, leases",
            format!("pulls under way: {leases}; none of them is its own"),
            view.now,
        )],
        affected: Vec::new(),
        field_path: None,
    })
}

/// What is pulled meanwhile, as this pod's owner may read it.
fn named(pulls: &[&PullTrack], track: &PodTrack, view: View<'_>) -> String {
    let [pull] = pulls else {
        return if pulls.is_empty() { "others".to_owned() } else { format!("{} others", pulls.len()) };
    };
    let served = |pod: &&PodTrack| match &pod.fetch {
        Fetch::Running { lease, by: Told::Name | Told::Turn, .. } => *lease == pull.pull.lease,
        _ => false,
    };
    let open = view.settings.report.cross_namespace_names;
    let mut others = view.world.starting().filter(served).peekable();
    if others.peek().is_none() {
        return "another".to_owned();
    }
    let visible = others.find(|pod| open || pod.id.namespace == track.id.namespace);
    visible.map_or_else(
        || "another namespace's (name withheld)".to_owned(),
        |pod| format!("that of pod {}", name_of(pod, &track.id.namespace)),
    )
}

fn name_of(pod: &PodTrack, seen_from: &Arc<str>) -> String {
    if pod.id.namespace == *seen_from { pod.id.name.to_string() } else { pod.id.to_string() }
}

/// How the one pull ahead moves. It names nothing.
fn progress(pulls: &[&PullTrack], view: View<'_>) -> String {
    let [pull] = pulls else { return String::new() };
    match (pull.phase(), pull.percent(), pull.pull.total(), pull.rate()) {
        (PullPhase::Resolving, ..) => {
            format!("its registry has not answered for {}", span(since(pull.began, view.now)))
        }
        (PullPhase::Unpacking, ..) => format!("unpacking for {}", span(pull.still_for(view.now))),
        (_, _, _, Some(0)) => format!("no byte for {}", span(pull.still_for(view.now))),
        (_, Some(percent), Some(total), Some(rate)) => format!("{percent} % of {}, {}/s", size(total), size(rate)),
        _ => String::new(),
    }
}
