//! ImagePullSlow, ImagePullStalled and ImageUnpackSlow: what containerd's own API shows of the pull that a pod waits for.

use std::sync::Arc;

use crate::causes;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::image::Reference;
use crate::model::runtime::RuntimeInfo;
use crate::model::snapshot::PullPhase;
use crate::model::stage::{Stage, Topic};
use crate::model::wording::{size, span};
use crate::model::{Time, since};
use crate::track::pod::PodTrack;
use crate::track::pull::PullTrack;
use crate::track::queue::{Fetch, Told};

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
    let fetching = view.world.pulls.running.values().filter(|pull| pull.fetches(&slot.image));
    let pull = fetching.max_by_key(|pull| pull.weight()).or_else(|| by_turn(track, view))?;
    let subject = Subject::Pod(track.id.clone());
    let mut found = suspicion(subject, Stage::ImagePull.into(), &slot.image, pull, view)?;
    found.facts.set("move", elsewhere::advice(pod));
    Some(found)
}

/// The pull that names nothing yet and is this pod's all the same.
fn by_turn<'a>(track: &PodTrack, view: View<'a>) -> Option<&'a PullTrack> {
    match &track.fetch {
        Fetch::Running { lease, by: Told::Intent | Told::Turn, .. } => view.world.pulls.running.get(lease),
        _ => None,
    }
}

fn nobodys(pull: &PullTrack, view: View<'_>) -> Option<Suspicion> {
    let repository: Arc<str> = pull.pull.repositories.first()?.clone();
    let topic = Topic { stage: Stage::ImagePull, of: Some(repository.clone()) };
    suspicion(Subject::Node(view.world.node.id.clone()), topic, &repository, pull, view)
}

/// None where the pull does what it should, or its turn to download has not come.
fn suspicion(subject: Subject, topic: Topic, image: &str, pull: &PullTrack, view: View<'_>) -> Option<Suspicion> {
    let stalled = pull.still_for(view.now) >= dwell_of_stall(view);
    let phase = pull.phase();
    let (cause, since) = match () {
        () if pull.waits_for_slot => return None,
        () if phase == PullPhase::Resolving => (&causes::IMAGE_PULL_STALLED, pull.moved),
        () if phase == PullPhase::Unpacking => (&causes::IMAGE_UNPACK_SLOW, pull.moved),
        () if !pull.downloading() => return None,
        () if stalled => (&causes::IMAGE_PULL_STALLED, pull.moved),
        () => (&causes::IMAGE_PULL_SLOW, pull.began),
    };
    let inferred = phase == PullPhase::Unpacking || pull.nameless();
    let confidence = if inferred { Confidence::Inferred } else { Confidence::Observed };
    let seen = format!("{} of {} in lease {}", size(pull.pull.done()), total(pull), pull.pull.lease);
    Some(Suspicion {
        cause,
        subject,
        topic,
        confidence,
        since,
        ripe: true,
        soon: false,
        facts: facts(image, pull, view).with("layers", layers(pull)).with("for", lasted(cause, since, pull, view)),
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
    let base = Facts::default()
        .with("path", &reference.path)
        .with("still", span(pull.still_for(view.now)))
        .with("patience", patience(pull, view).unwrap_or_default());
    match (pull.phase(), pull.pull.document) {
        (PullPhase::Resolving, None) => base.with("silent", reference.registry()),
        (PullPhase::Resolving, Some(_)) => base.with("mute", reference.registry()),
        _ => arriving(base, reference.registry(), pull, view),
    }
}

/// When the runtime by default gives up a pull that stands still, upon which the kubelet asks again. It counts the answers
/// that it reads itself: not what another pull fetches; nor, since pulls went to the transfer service, what is resolved
/// (containerd: internal/cri/server/images/image_pull.go). For 1.7.9 and for other runtimes nothing is known.
fn patience(pull: &PullTrack, view: View<'_>) -> Option<&'static str> {
    let release = view.world.runtime.info.as_ref().and_then(RuntimeInfo::containerd)?;
    let counted = match pull.phase() {
        PullPhase::Resolving => release < (2, 1, 0),
        _ => !pull.waits_for_other(),
    };
    match release {
        _ if !counted => None,
        (1, 7, ..=8) => Some("1 min"),
        (1, 7, 10..) | (2.., ..) => Some("5 min"),
        _ => None,
    }
}

/// Of a pull that has a list of what to fetch.
fn arriving(base: Facts, host: &str, pull: &PullTrack, view: View<'_>) -> Facts {
    let stuck = pull.pull.layers.iter().find(|layer| layer.active && layer.offset < layer.total);
    let layer = stuck.map(|layer| short(&layer.digest)).unwrap_or_default();
    let base = base
        .with("done", size(pull.pull.done()))
        .with("total", total(pull))
        .with("percent", pull.percent().map(|p| format!("{p} %")).unwrap_or_default())
        .with("rate", rate(pull, view))
        .with("left", pull.left().map(span).unwrap_or_default());
    // Another pull may ask another registry.
    match pull.waits_for_other() {
        true => base.with("shared", layer),
        false => {
            let base = base.with("host", host).with("layer", layer).with("fine", "Name, login and image");
            let pressure = view.world.pulls.disk_saturated.map(|percent| format!("{percent} %"));
            base.with("pressure", pressure.unwrap_or_default())
        }
    }
}

/// Of a download since it began, of an unpacking since the last byte.
fn lasted(cause: &Cause, from: Time, pull: &PullTrack, view: View<'_>) -> String {
    let from = if cause.id == causes::IMAGE_UNPACK_SLOW.id { from } else { pull.began };
    span(since(from, view.now))
}

fn layers(pull: &PullTrack) -> String {
    match pull.pull.layers.len() {
        1 => "1 layer".to_owned(),
        n => format!("{n} layers"),
    }
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
