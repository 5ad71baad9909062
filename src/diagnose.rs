//! Evidence → the cause that explains it, as sentences. A look is a pure function of the state, the settings and `now`:
//! the same state always yields the same findings, and nothing is remembered here.

mod arrival;
mod brief;
mod cleared;
mod dwell;
mod elsewhere;
pub mod example;
pub mod explain;
pub mod extract;
pub mod last_words;
mod network;
mod node;
pub mod phrase;
mod pod;
mod prepull;
mod pull;
mod queue;
mod runtime;
mod runtime_slow;
mod sandbox;
mod start;
mod store;
mod suspicion;
pub mod text;
mod throttled;
mod told;
mod volume;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::causes;
use crate::model::cause::Probe;
use crate::model::diagnosis::{Findings, Subject};
use crate::model::ids::{PodId, PodUid};
use crate::model::observation::ApiState;
use crate::model::settings::Settings;
use crate::model::stage::{Stage, Topic};
use crate::model::{Time, since};
use crate::track::World;

pub use arrival::arrived;
pub use runtime::too_old as runtime_too_old;

use suspicion::Suspicion;

/// What one look has at hand.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The state.
    pub world: &'a World,
    /// The knobs.
    pub settings: &'a Settings,
    /// No API server will ever be asked: pods are known by the runtime alone.
    pub standalone: bool,
    /// Now.
    pub now: Time,
}

impl View<'_> {
    /// The runtime's own name, once it has told it.
    fn runtime(&self) -> &str {
        self.world.runtime.info.as_ref().map_or("the runtime", |info| &info.name)
    }

    /// The API server answers, or nobody asks it: what it told last is up to date.
    fn api_answers(&self) -> bool {
        !matches!(&self.world.api, Some((_, ApiState::Unreachable(_) | ApiState::Refused { .. })))
    }

    /// The kubelet keeps its Node, and says that it is ready.
    fn node_is_ready(&self) -> bool {
        self.world.node.node.as_ref().is_some_and(|node| node.ready() == Some(true))
    }
}

/// Everything that holds now: diagnoses past their dwell, what is well, what is to be said once.
///
/// Root outranks symptom: what the node's own fault explains is not diagnosed on its pods again; each of them gets a
/// short word instead, and its own open story is kept as it is.
#[must_use]
pub fn look(view: View<'_>) -> Findings {
    let gathered = sandbox::Gathered::of(view);
    let stalled = sandbox::stalled::suspicions(&gathered, view);
    let waits = queue::suspicions(view).chain(start::suspicions(view)).chain(stalled).chain(volume::suspicions(view));
    let pods: Vec<_> = pod::suspicions(&gathered, view).chain(pull::suspicions(view)).chain(waits).collect();
    let node = node::suspicions(&gathered, &pods, view);
    let settled: Vec<_> = node.iter().filter_map(|one| Some((one, dwell::settle(one, view)?))).collect();
    let briefs = brief::for_pods(&settled, view);
    let node_diagnoses: Vec<_> = settled.into_iter().map(|(_, diagnosis)| diagnosis).collect();
    let explained = explained(&node);
    let pods = strongest(pods.into_iter().filter(|suspicion| !explains(&explained, suspicion)));
    let pod_diagnoses = pods.iter().filter_map(|suspicion| dwell::settle(suspicion, view)).collect();
    let (failed_sets, announcements) = prepull::findings(view);
    Findings {
        diagnoses: [node_diagnoses, briefs, pod_diagnoses, failed_sets].concat(),
        cleared: cleared::all(view),
        gone: Vec::new(),
        announcements,
        arrivals: Vec::new(),
        pulls: view.world.load(),
    }
}

/// Images of which it matters now whether the node has them: those that pods wait for, and the pause image where a sandbox
/// could not be made.
#[must_use]
pub fn images(world: &World) -> Arc<[Arc<str>]> {
    let awaited = world.starting().filter_map(|pod| Some(pod.awaited()?.image.clone()));
    awaited.chain(sandbox::images(world)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Pods whose Events could tell what nothing else tells: stuck before their sandbox is up, and no cause of the node
/// explains it. At most one question per pod in `timing.ask_again`; the asker has a budget of its own for the node.
#[must_use]
pub fn questions(view: View<'_>, findings: &Findings) -> Vec<PodId> {
    let timing = &view.settings.timing;
    let explained: BTreeSet<&PodUid> = findings
        .diagnoses
        .iter()
        .flat_map(|diagnosis| {
            let own = match &diagnosis.subject {
                // What was seen to be missing may since have failed, and the kubelet says why.
                Subject::Pod(id) => Some(&id.uid).filter(|_| diagnosis.cause.probe != Some(Probe::Volumes)),
                Subject::Node(_) => None,
            };
            diagnosis.affected.iter().map(|id| &id.uid).chain(own)
        })
        .collect();
    let unexplained = view
        .world
        .starting()
        .filter(|track| track.pod.is_some() && matches!(track.place.stage, Stage::Volumes | Stage::Sandbox))
        .filter(|track| since(track.place.since, view.now) >= timing.ask_events)
        .filter(|track| track.asked.is_none_or(|at| since(at, view.now) >= timing.ask_again))
        .filter(|track| !explained.contains(&track.id.uid));
    let mut unexplained = unexplained.peekable();
    if unexplained.peek().is_none() {
        return Vec::new();
    }
    let gathered = sandbox::Gathered::of(view);
    unexplained
        .filter(|track| !sandbox::stalled::is_seen(track, &gathered, view))
        .map(|track| track.id.clone())
        .collect()
}

/// Pods, each with the first stage that is explained by a fault of the node, whether it has dwelt long enough or not.
fn explained(node: &[Suspicion]) -> BTreeSet<PodUid> {
    node.iter().flat_map(|suspicion| &suspicion.affected).map(|id| id.uid.clone()).collect()
}

fn explains(explained: &BTreeSet<PodUid>, suspicion: &Suspicion) -> bool {
    matches!(&suspicion.subject, Subject::Pod(id) if explained.contains(&id.uid))
}

/// One suspicion per story: of two the one whose cause stands first in the catalogue.
fn strongest(all: impl Iterator<Item = Suspicion>) -> Vec<Suspicion> {
    let mut kept: BTreeMap<(Subject, Topic), Suspicion> = BTreeMap::new();
    for suspicion in all {
        match kept.entry((suspicion.subject.clone(), suspicion.topic.clone())) {
            Entry::Occupied(known) if causes::rank(known.get().cause) <= causes::rank(suspicion.cause) => {}
            Entry::Occupied(mut known) => _ = known.insert(suspicion),
            Entry::Vacant(place) => _ = place.insert(suspicion),
        }
    }
    kept.into_values().collect()
}

#[cfg(test)]
mod tests;
