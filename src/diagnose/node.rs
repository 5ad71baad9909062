//! What is wrong with the node itself, root first: of causes that explain each other the most fundamental one is told, and
//! the others are evidence for it. Nothing is told of a node that is being taken down on purpose.

mod crowd;
mod ended;
mod kubelet_says;
mod looping;
mod pause;
mod quiet;
mod readings;
mod unfinished;

use crate::causes::{SANDBOX_STALLED, roots};
use crate::model::diagnosis::{Evidence, Subject};
use crate::model::ids::PodId;

use super::suspicion::Suspicion;
use super::{View, network, runtime, runtime_slow, sandbox, strongest};

pub(super) use readings::is_soon_told;
pub(super) use unfinished::finished_since;

/// All that holds of the node, with the pods that each holds up. `pods` is what is suspected of pods by themselves.
pub(super) fn suspicions(gathered: &sandbox::Gathered<'_>, pods: &[Suspicion], view: View<'_>) -> Vec<Suspicion> {
    if quiet::is_leaving(view) {
        return Vec::new();
    }
    let mut found = seen(gathered, view);
    found.extend(looping::suspicions(view));
    found.extend(pause::suspicion(view));
    found.extend(readings::broken(&found, view));
    found.extend(unfinished::suspicions(view));
    found.extend(ended::suspicion(&found, view));
    found.extend(kubelet_says::suspicion(&found, view));
    found.retain(|suspicion| is_enabled(suspicion, view));
    found.extend(readings::hints(&found, view).into_iter().filter(|hint| is_enabled(hint, view)));
    let mut found = rooted(merged(found));
    found.iter_mut().filter(|suspicion| !suspicion.soon).for_each(|suspicion| suspicion.affect(pods));
    strongest(with_crowd(found, pods, view).into_iter())
}

/// And the pods that fail together, unless what was `found` explains that, or what is only worth a thought beside it.
fn with_crowd(mut found: Vec<Suspicion>, pods: &[Suspicion], view: View<'_>) -> Vec<Suspicion> {
    let Some(crowd) = crowd::suspicion(&found, pods, view).filter(|crowd| is_enabled(crowd, view)) else {
        return found;
    };
    found.push(crowd);
    found.extend(readings::hints(&found, view).into_iter().filter(|hint| is_enabled(hint, view)));
    rooted(found)
}

/// What the runtime's calls, the CNI directories and the sandboxes show.
fn seen(gathered: &sandbox::Gathered<'_>, view: View<'_>) -> Vec<Suspicion> {
    // A runtime that does not answer says nothing about its network or its images.
    if let Some(down) = runtime::suspicion(view) {
        return vec![down];
    }
    let slow = runtime_slow::suspicion(view);
    let network = network::suspicion(view);
    let told = sandbox::suspicion(view).filter(|s| network.as_ref().is_none_or(|n| n.topic != s.topic));
    let silent = sandbox::silent::suspicion(gathered, view);
    let silent = silent.filter(|s| network.iter().chain(&told).all(|known| known.topic != s.topic));
    slow.into_iter().chain(network).chain(told).chain(silent).collect()
}

/// What is switched off explains nothing either.
fn is_enabled(suspicion: &Suspicion, view: View<'_>) -> bool {
    view.settings.causes.get(suspicion.cause.id).and_then(|own| own.enabled) != Some(false)
}

/// One of each cause: the first, with what the others know of it.
fn merged(found: Vec<Suspicion>) -> Vec<Suspicion> {
    let mut kept: Vec<Suspicion> = Vec::new();
    for suspicion in found {
        let same = |known: &&mut Suspicion| known.cause.id == suspicion.cause.id && known.soon == suspicion.soon;
        match kept.iter_mut().find(same) {
            Some(known) => known.learn(suspicion),
            None => kept.push(suspicion),
        }
    }
    kept
}

/// Only those that no other one explains. What they explain becomes their evidence.
fn rooted(found: Vec<Suspicion>) -> Vec<Suspicion> {
    let explains = |root: &Suspicion, symptom: &Suspicion| {
        !root.soon && (roots::explains(root.cause.id, symptom.as_symptom()) || is_soon_of(root, symptom))
    };
    let is_root = |one: &Suspicion| !found.iter().any(|other| explains(other, one));
    let (mut kept, symptoms): (Vec<_>, Vec<_>) = found.clone().into_iter().partition(is_root);
    for root in &mut kept {
        let brought: Vec<_> = symptoms.iter().filter(|symptom| explains(root, symptom)).collect();
        brought.into_iter().for_each(|symptom| root.bring(symptom));
    }
    kept
}

/// What has happened is not told to happen soon.
fn is_soon_of(root: &Suspicion, other: &Suspicion) -> bool {
    other.soon && root.cause.id == other.cause.id
}

impl Suspicion {
    /// What a root of it must explain: of pods that fail together what each fails for, unless all that is known is that they
    /// wait.
    fn as_symptom(&self) -> &str {
        let fails_for = self.facts.get("cause").filter(|cause| *cause != SANDBOX_STALLED.id);
        fails_for.unwrap_or(self.cause.id)
    }

    /// Takes over what another one of the same cause knows.
    fn learn(&mut self, other: Self) {
        self.since = self.since.min(other.since);
        self.ripe |= other.ripe;
        self.confidence = self.confidence.max(other.confidence);
        self.facts = std::mem::take(&mut self.facts).or(other.facts);
        self.note(other.evidence);
        self.hold_up(other.affected);
    }

    /// Takes over what speaks for its symptom.
    fn bring(&mut self, symptom: &Self) {
        let also = match self.facts.get("brings") {
            Some(known) => format!("{known}, {}", symptom.cause.id),
            None => symptom.cause.id.to_owned(),
        };
        self.facts.set("brings", also);
        self.note(symptom.evidence.clone());
        self.hold_up(symptom.affected.clone());
    }

    fn note(&mut self, evidence: Vec<Evidence>) {
        for one in evidence {
            if !self.evidence.iter().any(|known| known.source == one.source && known.says == one.says) {
                self.evidence.push(one);
            }
        }
    }

    fn hold_up(&mut self, pods: Vec<PodId>) {
        for pod in pods {
            if !self.affected.contains(&pod) {
                self.affected.push(pod);
            }
        }
    }

    /// The pods whose own words name it, or what it explains.
    fn affect(&mut self, pods: &[Suspicion]) {
        let id = self.cause.id;
        for pod in pods.iter().filter(|pod| pod.cause.id == id || roots::explains(id, pod.cause.id)) {
            if let Subject::Pod(pod) = &pod.subject {
                self.hold_up(vec![pod.clone()]);
            }
        }
    }
}
