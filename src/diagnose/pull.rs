//! ImagePullSlow and ImagePullStalled: what containerd's own API shows of the pull that a pod waits for.

use std::sync::Arc;

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::image::Reference;
use crate::model::since;
use crate::model::stage::{Stage, Topic};
use crate::model::wording::{size, span};
use crate::track::pod::PodTrack;
use crate::track::pull::PullTrack;

use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};
use super::{View, elsewhere};

/// How much of a digest is shown: enough to find the layer.
const DIGEST_SHOWN: usize = 12;

/// One suspicion for each pod whose pull is slow or has stopped; without the API server, for each such pull.
pub(super) fn suspicions(view: View<'_>) -> Box<dyn Iterator<Item = Suspicion> + '_> {
    if view.standalone {
        let pulls = view.world.pulls.running.values().filter(|pull| pull.pull.own.is_none());
        return Box::new(pulls.filter_map(move |pull| nobodys(pull, view)));
    }
    let waiting = view.world.starting().filter(|track| track.place.stage == Stage::ImagePull);
    Box::new(waiting.filter_map(move |track| of_pod(track, view)))
}

fn of_pod(track: &PodTrack, view: View<'_>) -> Option<Suspicion> {
    let container = track.place.container.as_ref()?;
    // A pull that failed is told by its own words.
    if track.troubles.contains_key(container) {
        return None;
    }
    let pod = track.pod.as_ref()?;
    let slot = pod.containers.iter().find(|slot| slot.name == *container)?;
    let pull = view.world.pulls.running.values().find(|pull| pull.fetches(&slot.image))?;
    let subject = Subject::Pod(track.id.clone());
    let mut found = suspicion(subject, Stage::ImagePull.into(), &slot.image, pull, view)?;
    found.facts.set("move", elsewhere::advice(pod));
    Some(found)
}

fn nobodys(pull: &PullTrack, view: View<'_>) -> Option<Suspicion> {
    let repository: Arc<str> = pull.pull.repositories.first()?.clone();
    let topic = Topic { stage: Stage::ImagePull, of: Some(repository.clone()) };
    suspicion(Subject::Node(view.world.node.id.clone()), topic, &repository, pull, view)
}

/// None where nothing is being downloaded: what is all here and being unpacked is neither slow nor stalled.
fn suspicion(subject: Subject, topic: Topic, image: &str, pull: &PullTrack, view: View<'_>) -> Option<Suspicion> {
    if !pull.downloading() {
        return None;
    }
    let stalled = pull.still_for(view.now) >= dwell_of_stall(view);
    let (cause, since) =
        if stalled { (&causes::IMAGE_PULL_STALLED, pull.moved) } else { (&causes::IMAGE_PULL_SLOW, pull.began) };
    let seen = format!("{} of {} in lease {}", size(pull.pull.done()), total(pull), pull.pull.lease);
    Some(Suspicion {
        cause,
        subject,
        topic,
        confidence: Confidence::Observed,
        since,
        ripe: true,
        facts: facts(image, pull, view),
        evidence: vec![evidence("containerd, content ingests", seen, view.now)],
        affected: Vec::new(),
        field_path: None,
    })
}

fn dwell_of_stall(view: View<'_>) -> std::time::Duration {
    let cause = &causes::IMAGE_PULL_STALLED;
    view.settings.causes.get(cause.id).and_then(|own| own.after).unwrap_or(cause.after)
}

fn facts(image: &str, pull: &PullTrack, view: View<'_>) -> Facts {
    let reference = Reference::parse(image);
    let stuck = pull.pull.layers.iter().find(|layer| layer.active && layer.offset < layer.total);
    Facts::default()
        .with("host", reference.registry())
        .with("path", &reference.path)
        .with("done", size(pull.pull.done()))
        .with("total", total(pull))
        .with("percent", pull.percent().map(|p| format!("{p} %")).unwrap_or_default())
        .with("for", span(since(pull.began, view.now)))
        .with("still", span(pull.still_for(view.now)))
        .with("rate", rate(pull, view))
        .with("left", pull.left().map(span).unwrap_or_default())
        .with("layer", stuck.map(|layer| short(&layer.digest)).unwrap_or_default())
}

fn rate(pull: &PullTrack, view: View<'_>) -> String {
    match pull.rate() {
        None => "rate not known yet".to_owned(),
        Some(0) => format!("no byte for {}", span(pull.still_for(view.now))),
        Some(rate) => format!("{}/s", size(rate)),
    }
}

fn total(pull: &PullTrack) -> String {
    pull.pull.total().map_or_else(|| "an unknown total".to_owned(), size)
}

fn short(digest: &str) -> String {
    digest.rsplit(':').next().unwrap_or(digest).chars().take(DIGEST_SHOWN).collect()
}
