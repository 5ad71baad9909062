//! ImagePullSlow, ImagePullStalled and ImageUnpackSlow: what containerd's own API shows of the pull that a pod waits for.

use std::collections::BTreeSet;
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
use crate::track::queue::{Fetch, Told, wanted_before};

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
    let contested = contested(view);
    Box::new(waiting.filter_map(move |track| of_pod(track, &contested, view)))
}

/// The leases of pulls that may be for more than one of the images that are wanted.
fn contested(view: View<'_>) -> BTreeSet<&str> {
    let several = |pull: &&PullTrack| pull.contested(view.world.wanted_images(view.now));
    view.world.pulls.running.values().filter(several).map(|pull| &*pull.pull.lease).collect()
}

fn of_pod(track: &PodTrack, contested: &BTreeSet<&str>, view: View<'_>) -> Option<Suspicion> {
    let container = track.place.container.as_ref()?;
    // A pull that failed is told by its own words.
    if track.troubles.contains_key(container) {
        return None;
    }
    let pod = track.pod.as_ref()?;
    let slot = pod.containers.iter().find(|slot| slot.name == *container)?;
    let own = its_pull(track, &slot.image, contested, view)?;
    let subject = Subject::Pod(track.id.clone());
    let mut found = suspicion(subject, Stage::ImagePull.into(), &slot.image, own, view)?;
    found.facts.set("move", elsewhere::advice(pod));
    Some(found)
}

/// A pull, and whether it is known to be for the image that is told of.
type Own<'a> = (&'a PullTrack, bool);

/// The pull of its image: the one that its repository tells, unless another tag of that is wanted as well, else the one
/// that its turn tells. Where nothing tells, it is one of its repository at a guess, if the image was wanted before that
/// began and the kubelet still wants it.
fn its_pull<'a>(track: &PodTrack, image: &str, contested: &BTreeSet<&str>, view: View<'a>) -> Option<Own<'a>> {
    let fetching = view.world.pulls.running.values().filter(|pull| pull.fetches(image));
    let heaviest = fetching.max_by_key(|pull| pull.weight());
    let asked = view.world.pulls.intents(view.now).is_none_or(|told| told.first_seen(image).is_some());
    let by_turn = || match &track.fetch {
        Fetch::Running { by: Told::Guess, .. } => None,
        Fetch::Running { lease, by, .. } => Some((view.world.pulls.running.get(lease)?, *by != Told::Turn)),
        _ => None,
    };
    match heaviest {
        Some(pull) if !contested.contains(&*pull.pull.lease) => Some((pull, true)),
        _ => {
            by_turn().or(heaviest.filter(|pull| asked && wanted_before(track.since(), pull)).map(|pull| (pull, false)))
        }
    }
}

fn nobodys(pull: &PullTrack, view: View<'_>) -> Option<Suspicion> {
    let repository: Arc<str> = pull.pull.repositories.first()?.clone();
    let topic = Topic { stage: Stage::ImagePull, of: Some(repository.clone()) };
    suspicion(Subject::Node(view.world.node.id.clone()), topic, &repository, (pull, true), view)
}

/// None where the pull does what it should, or its turn to download has not come.
fn suspicion(subject: Subject, topic: Topic, image: &str, own: Own<'_>, view: View<'_>) -> Option<Suspicion> {
    let (pull, sure) = own;
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
    let inferred = phase == PullPhase::Unpacking || pull.nameless() || !sure;
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
        facts: facts(image, own, view).with("layers", layers(pull)).with("for", lasted(cause, since, pull, view)),
        evidence: vec![evidence("containerd, content ingests", seen, view.now)],
        affected: Vec::new(),
        field_path: None,
    })
}

fn dwell_of_stall(view: View<'_>) -> std::time::Duration {
    let cause = &causes::IMAGE_PULL_STALLED;
    view.settings.causes.get(cause.id).and_then(|own| own.after).unwrap_or(cause.after)
}

fn facts(image: &str, own: Own<'_>, view: View<'_>) -> Facts {
    let pull = own.0;
    let reference = Reference::parse(image);
    let base = Facts::default()
        .with("path", &reference.path)
        .with("still", span(pull.still_for(view.now)))
        .with("patience", patience(pull, view).unwrap_or_default());
    match pull.phase() {
        PullPhase::Resolving if pull.answered() => base.with("mute", reference.registry()),
        PullPhase::Resolving => base.with("silent", reference.registry()),
        _ => arriving(base, reference.registry(), own, view),
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
fn arriving(base: Facts, host: &str, (pull, sure): Own<'_>, view: View<'_>) -> Facts {
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
            let fine = if sure { "Name, login and image" } else { "" };
            let base = base.with("host", host).with("layer", layer).with("fine", fine);
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
