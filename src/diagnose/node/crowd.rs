//! NodeCannotStartPods: what tells a wedged node from one pod that fails over and over. Pods of at least two owners fail at
//! one stage for one cause that every pod of this node would meet, and none has come past that stage since the first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::causes::{NODE_CANNOT_START_PODS, roots};
use crate::model::Time;
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::stage::Stage;
use crate::track::pod::PodTrack;

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::readings::topic;

/// Where the cause is known.
const PODS: usize = 2;
/// Where only the kind of failure is: that two pods share it is no wonder.
const PODS_WITHOUT_CAUSE: usize = 3;
const OWNERS: usize = 2;
/// Causes of the node that only some pods meet.
const OF_SOME_PODS: &[&str] = &["DeviceUnavailable", "CsiDriverMissing", "KubeletPullThrottled"];

/// Pods that fail alike.
struct Crowd<'a> {
    stage: Stage,
    cause: &'static Cause,
    pods: Vec<(&'a PodTrack, Time)>,
}

/// One for each stage and cause at which a crowd fails that nothing else which was `found` explains.
pub(super) fn suspicions(found: &[Suspicion], pods: &[Suspicion], view: View<'_>) -> Vec<Suspicion> {
    let mut crowds: BTreeMap<(Stage, &str), Crowd<'_>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| concerns_all(pod.cause) && !is_explained(pod.cause, found)) {
        let Subject::Pod(id) = &pod.subject else { continue };
        let Some(track) = view.world.pods.get(&id.uid).filter(|track| needs(pod.cause, track)) else { continue };
        let (stage, cause) = (pod.topic.stage, pod.cause);
        let crowd = crowds.entry((stage, cause.id)).or_insert(Crowd { stage, cause, pods: Vec::new() });
        crowd.pods.push((track, pod.since));
    }
    let mut wedged: Vec<_> = crowds.into_values().filter_map(|crowd| crowd.suspicion(view)).collect();
    // All of them are one story: the largest crowd tells it.
    wedged.sort_by_key(|suspicion| std::cmp::Reverse(suspicion.affected.len()));
    wedged.truncate(1);
    wedged
}

/// Every pod that starts here would meet it. Where no cause of its own is known the stage must be the node's.
fn concerns_all(cause: &Cause) -> bool {
    let of_node = cause.scope == Scope::Node && !OF_SOME_PODS.contains(&cause.id);
    of_node || (cause.rest && matches!(cause.stage, Stage::Sandbox | Stage::Network))
}

fn is_explained(cause: &Cause, found: &[Suspicion]) -> bool {
    found.iter().any(|one| !one.soon && (one.cause.id == cause.id || roots::explains(one.cause.id, cause.id)))
}

/// Pods on the node's network do not count for what is wrong with the pods' one.
fn needs(cause: &Cause, track: &PodTrack) -> bool {
    track.pod.as_ref().is_some_and(|pod| cause.stage != Stage::Network || !pod.host_network)
}

/// A pod that nothing controls is its own owner.
fn owner(track: &PodTrack) -> (Arc<str>, Arc<str>) {
    let controller = track.pod.as_ref().and_then(|pod| pod.owner.clone());
    (track.id.namespace.clone(), controller.unwrap_or_else(|| track.id.name.clone()))
}

impl Crowd<'_> {
    fn suspicion(mut self, view: View<'_>) -> Option<Suspicion> {
        self.pods.sort_by_key(|(_, since)| *since);
        let (_, first) = *self.pods.first()?;
        let least = if self.cause.rest { PODS_WITHOUT_CAUSE } else { PODS };
        let success = self.success(view);
        if self.pods.len() < least || success.is_some_and(|success| success >= first) {
            return None;
        }
        let since = self.second_owner()?.max(self.pods.get(least - 1)?.1);
        let failed = self.pods.len().to_string();
        let which = if self.cause.stage == Stage::Network { "Pods with their own network" } else { "" };
        let facts = Facts::default()
            .with("which", which)
            .with("ready", view.world.node.says_ready().unwrap_or_default())
            .with("failed", &failed)
            .with("began", first.strftime("%H:%M UTC").to_string())
            .with("cause", self.cause.id)
            .with("why", format!("{}. {}", self.cause.id, self.cause.summary));
        let says = format!("{failed} pods fail with {}, the first at {first}", self.cause.id);
        Some(Suspicion {
            cause: &NODE_CANNOT_START_PODS,
            subject: Subject::Node(view.world.node.id.clone()),
            topic: topic(&NODE_CANNOT_START_PODS, false),
            confidence: Confidence::Inferred,
            since,
            ripe: true,
            soon: false,
            facts,
            evidence: vec![evidence("pods of this node", says, view.now)],
            affected: self.pods.iter().map(|(track, _)| track.id.clone()).collect(),
            field_path: None,
        })
    }

    /// When a pod of another owner than the first one's failed too.
    fn second_owner(&self) -> Option<Time> {
        let mut owners = BTreeSet::new();
        self.pods.iter().find(|(track, _)| owners.insert(owner(track)) && owners.len() == OWNERS).map(|(_, at)| *at)
    }

    /// The last time that a pod came past what this crowd fails at.
    fn success(&self, view: View<'_>) -> Option<Time> {
        match (self.stage, self.cause.stage) {
            (Stage::Sandbox, Stage::Network) => view.world.network_made(),
            (Stage::Sandbox, _) => view.world.sandboxes.made,
            _ => view.world.last_arrival(),
        }
    }
}
