//! The state as one picture: what the node-local API shows. Made after a look, from what it found.

mod asked;
mod sets;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::model::diagnosis::{Diagnosis, Findings, Subject};
use crate::model::ids::PodId;
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Pod};
use crate::model::snapshot::{PullPhase, PullState, Snapshot, Span, Start, Trouble};
use crate::model::stage::Stage;
use crate::model::{Time, since};

use super::World;
use super::pod::PodTrack;
use super::pull::PullTrack;
use super::queue::{Fetch, Line, Told};

/// A pod that has arrived is shown for so long.
const ARRIVED_FOR: Duration = Duration::from_secs(300);
/// At most so many of those.
const ARRIVED_AT_MOST: usize = 64;

impl World {
    /// Where every start and every pull stands, with what `findings` says of them.
    #[must_use]
    pub fn snapshot(&self, now: Time, findings: &Findings) -> Snapshot {
        let runtime = self.runtime.info.as_ref().map(|info| format!("{} {}", info.name, info.version));
        let of_node = findings.diagnoses.iter().filter(|found| matches!(found.subject, Subject::Node(_)));
        Snapshot {
            at: now,
            node: self.node.id.name.clone(),
            runtime: runtime.unwrap_or_default(),
            node_troubles: of_node.map(trouble).collect(),
            starts: self.starts(now, findings),
            pulls: self.pulls(now),
            pulls_unseen: self.pulls.unseen.clone(),
            sets: sets::sets(self),
        }
    }

    fn starts(&self, now: Time, findings: &Findings) -> Vec<Start> {
        let lately = |track: &&PodTrack| track.arrived().is_some_and(|at| since(at, now) < ARRIVED_FOR);
        let mut arrived: Vec<&PodTrack> = self.pods.values().filter(|track| !track.starting()).filter(lately).collect();
        arrived.sort_by_key(|track| Reverse(track.arrived()));
        arrived.truncate(ARRIVED_AT_MOST);
        let mut starts: Vec<Start> = self.starting().chain(arrived).map(|track| start(track, findings)).collect();
        starts.sort_by_key(|start| (start.arrived.is_some(), start.began));
        starts
    }

    /// As the runtime shows them; where it shows none, what the kubelet's own records tell.
    fn pulls(&self, now: Time) -> Vec<PullState> {
        match &self.pulls.unseen {
            None => self.pulls.running.values().map(|pull| self.pull(pull, now)).collect(),
            Some(_) => asked::pulls(self, now),
        }
    }

    fn pull(&self, track: &PullTrack, now: Time) -> PullState {
        let pull = &track.pull;
        let waits = |pod: &&PodTrack| serves(&pod.fetch, &pull.lease);
        let served: Vec<&PodTrack> = self.starting().filter(waits).collect();
        let named =
            served.iter().filter(|pod| matches!(&pod.fetch, Fetch::Running { by: Told::Name | Told::Intent, .. }));
        let awaited = named.into_iter().find_map(|pod| Some(pod.awaited()?.image.clone()));
        PullState {
            image: pull.own.clone().or(awaited).or_else(|| pull.repositories.first().cloned()),
            own: pull.own.is_some(),
            pods: served.iter().map(|pod| pod.id.clone()).collect(),
            phase: if track.waits_for_slot { PullPhase::Queued } else { track.phase() },
            done: pull.done(),
            total: pull.total(),
            layers: (pull.layers.iter().filter(|layer| layer.offset >= layer.total).count(), pull.layers.len()),
            rate: track.rate(),
            left: track.left(),
            began: track.began,
            seen: track.seen,
            still: track.still_for(now),
        }
    }
}

/// It waits for that pull, be it for its bytes or for its turn.
fn serves(fetch: &Fetch, pull: &Arc<str>) -> bool {
    match fetch {
        Fetch::Running { lease, .. } | Fetch::Queued { line: Line::Slot { lease }, .. } => lease == pull,
        _ => false,
    }
}

fn start(track: &PodTrack, findings: &Findings) -> Start {
    // A pod that had run once and waits again is told from where it stands now: its start is long over.
    let again = track.starting() && track.timeline.end().is_some();
    let spans = if again { vec![standing(track)] } else { track.timeline.spans().cloned().collect() };
    let began = track.timeline.began().filter(|_| !again).unwrap_or(track.place.since);
    Start {
        pod: track.id.clone(),
        began,
        arrived: track.arrived().filter(|_| !again),
        stage: track.place.stage,
        since: spans.last().map_or(track.place.since, |span: &Span| span.from),
        container: track.place.container.clone(),
        waits_for: waits_for(track),
        trouble: trouble_of(&track.id, findings),
        spans,
    }
}

fn standing(track: &PodTrack) -> Span {
    let place = &track.place;
    let evidence = place.told_by.into();
    Span { stage: place.stage, container: place.container.clone(), from: place.since, to: None, evidence }
}

/// What is wrong with the pod at the latest of its stages.
fn trouble_of(pod: &PodId, findings: &Findings) -> Option<Trouble> {
    let of_pod = |found: &&Diagnosis| matches!(&found.subject, Subject::Pod(id) if id.uid == pod.uid);
    findings.diagnoses.iter().filter(of_pod).max_by_key(|found| found.topic.stage).map(trouble)
}

fn trouble(found: &Diagnosis) -> Trouble {
    let sentence = found.in_full.as_ref().unwrap_or(&found.sentence).clone();
    Trouble {
        cause: found.cause.id.into(),
        kind: found.kind,
        confidence: found.confidence,
        gist: found.gist.clone(),
        sentence,
        since: found.since,
    }
}

fn waits_for(track: &PodTrack) -> String {
    let Some(pod) = &track.pod else { return without_api(track.place.stage).to_owned() };
    let name = track.place.container.as_deref().unwrap_or_default();
    let slot = pod.containers.iter().find(|slot| *slot.name == *name);
    match track.place.stage {
        Stage::Admission => "the kubelet to take it up".to_owned(),
        Stage::Volumes if pod.waits.is_empty() => "its volumes".to_owned(),
        Stage::Volumes => {
            format!("its volumes: {}", pod.waits.names().map(|name| &**name).collect::<Vec<_>>().join(", "))
        }
        Stage::Sandbox if pod.host_network => "its sandbox".to_owned(),
        Stage::Sandbox => "its sandbox and network".to_owned(),
        Stage::ImageQueue => format!("its turn to pull {}", image(slot)),
        Stage::ImagePull => format!("image {}", image(slot)),
        Stage::Create => format!("container {name} to be created"),
        Stage::Start => started(pod, slot, name),
        Stage::Hook => format!("the postStart hook of {name}"),
        _ => String::new(),
    }
}

fn without_api(stage: Stage) -> &'static str {
    match stage {
        Stage::Sandbox => "its sandbox",
        Stage::ImagePull => "an image",
        _ => "",
    }
}

fn image(slot: Option<&ContainerSlot>) -> Arc<str> {
    slot.map_or_else(|| "".into(), |slot| slot.image.clone())
}

fn started(pod: &Pod, slot: Option<&ContainerSlot>, name: &str) -> String {
    let runs = slot.is_some_and(|slot| matches!(slot.state, ContainerState::Running { .. }));
    let which = || pod.place_of(name).map_or_else(String::new, |(n, of)| format!(" ({n} of {of})"));
    match slot.map(|slot| slot.kind) {
        Some(ContainerKind::Init) if runs => format!("init container {name}{} to end", which()),
        Some(ContainerKind::Sidecar) if runs => format!("sidecar {name}{} to be started", which()),
        _ => format!("container {name} to start"),
    }
}

#[cfg(test)]
mod tests;
