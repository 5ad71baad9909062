//! Pods that wait for volumes or resource claims where no Event says so: which of them, and what on its way is missing.
//! Each step is claimed only where it was seen; what could not be looked at makes the sentence shorter, never bolder.

mod claim;
mod lack;
mod ownership;

use std::time::Duration;

use crate::causes;
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::Pod;
use crate::model::since;
use crate::model::stage::Stage;
use crate::model::volume::{Source, Storage, Volume};
use crate::model::wording::span;
use crate::track::pod::PodTrack;

use super::phrase::Facts;
use super::sandbox::stalled::heard;
use super::suspicion::{Suspicion, evidence};
use super::{View, told};

use lack::State;

/// The API server is asked again sooner than this (`timing.askAgain`), unless the node's questions are spent.
const FRESH: Duration = Duration::from_secs(360);

/// One for each pod that waits for a volume or a claim.
pub(super) fn suspicions(view: View<'_>) -> impl Iterator<Item = Suspicion> {
    let waiting = view.world.starting().filter(|track| track.place.stage == Stage::Volumes);
    waiting.filter_map(move |track| {
        let pod = track.pod.as_ref().filter(|_| view.api_answers())?;
        ownership::told(track, pod, view).or_else(|| silent(track, pod, view))
    })
}

/// What holds it is the first of its volumes that is not there; then its files' owners; then its claims.
fn silent(track: &PodTrack, pod: &Pod, view: View<'_>) -> Option<Suspicion> {
    if pod.waits.is_empty() || told::held(track, view.now) {
        return None;
    }
    let states: Vec<_> = pod.waits.volumes.iter().map(|volume| (volume, lack::of(volume, track, view))).collect();
    let lacking = states.iter().filter(|(_, state)| !matches!(state, State::Here));
    let telling =
        lacking.clone().find(|(_, state)| matches!(state, State::Lacks(_))).or_else(|| lacking.clone().next());
    match telling {
        Some((_, State::Unknown)) if !heard(track, pod, view) => None,
        Some((volume, state)) => Some(not_ready(volume, state, lacking.count() - 1, (track, view))),
        None if pod.waits.claims.is_empty() => ownership::suspected(track, pod, view),
        None => Some(claim::not_prepared(track, pod, view)),
    }
}

fn not_ready(volume: &Volume, state: &State<'_>, others: usize, (track, view): (&PodTrack, View<'_>)) -> Suspicion {
    let others = if others == 0 { String::new() } else { format!("{others} more") };
    let facts = waits(track, view).with("volume", name(volume)).with("others", others);
    let State::Lacks(lack) = state else {
        let says = "its sandbox is not begun, and nothing that could be asked tells what a volume lacks";
        let found =
            suspicion(&causes::VOLUME_NOT_READY, track, facts, ("pod status and log directory", says, view.now));
        return Suspicion { confidence: Confidence::Suspected, ..found };
    };
    let (source, says) = lack.evidence();
    let asked = storage(track, view).filter(|_| source.starts_with("API server")).map(|(at, _)| at);
    let confidence = if lack.seen() { Confidence::Observed } else { Confidence::Inferred };
    // A claim that is named as what is missing is not named twice.
    let facts = if lack.of_claim() { facts.with("volume", &*volume.name) } else { facts };
    let found =
        suspicion(&causes::VOLUME_NOT_READY, track, lack.facts(facts), (source, &says, asked.unwrap_or(view.now)));
    Suspicion { confidence, ..found }
}

/// What the API server said of the objects behind the pod's volumes and claims, and when; what is old tells nothing of now.
fn storage<'a>(track: &PodTrack, view: View<'a>) -> Option<(Time, &'a Storage)> {
    view.world.volumes.storage(&track.id.uid).filter(|(at, _)| since(*at, view.now) <= FRESH)
}

/// A volume as its pod's owner knows it.
fn name(volume: &Volume) -> String {
    match &volume.source {
        Source::Claim(claim) => format!("{} (PVC {claim})", volume.name),
        Source::Driver(driver) => format!("{} (CSI driver {driver})", volume.name),
        Source::Plugin(plugin) => format!("{} ({plugin})", volume.name),
    }
}

/// What all sentences about a wait name.
fn waits(track: &PodTrack, view: View<'_>) -> Facts {
    let silent = told::silence(track);
    Facts::default().with("for", span(since(track.since(), view.now))).with("events", silent)
}

fn suspicion(cause: &'static Cause, track: &PodTrack, facts: Facts, seen: (&str, &str, Time)) -> Suspicion {
    Suspicion {
        cause,
        subject: Subject::Pod(track.id.clone()),
        topic: Stage::Volumes.into(),
        confidence: Confidence::Inferred,
        since: track.since(),
        ripe: true,
        soon: false,
        facts,
        evidence: vec![evidence(seen.0, seen.1, seen.2)],
        affected: Vec::new(),
        field_path: None,
    }
}
