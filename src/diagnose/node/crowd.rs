//! NodeCannotStartPods: what tells a wedged node from one pod that fails over and over. Pods of at least two owners fail at
//! one stage for one cause that every pod of this node would meet, or wait there for long, and none has come past that
//! stage since the first of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::causes::{NODE_CANNOT_START_PODS, SANDBOX_STALLED, roots};
use crate::model::Time;
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::stage::Stage;
use crate::track::pod::PodTrack;

use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, dwell};
use super::readings::topic;

/// Where the cause is known.
const PODS: usize = 2;
/// Where only the kind of failure is: that two pods share it is no wonder.
const PODS_WITHOUT_CAUSE: usize = 3;
const OWNERS: usize = 2;
/// Causes of the node that only some pods meet.
const OF_SOME_PODS: &[&str] = &["DeviceUnavailable", "CsiDriverMissing", "KubeletPullThrottled"];
/// What all say of one trouble, as it goes on: the sandbox is not made, and nothing fails. The first is what it is called.
const STALLS: &[&str] = &[SANDBOX_STALLED.id, "SandboxTimeout", "SandboxNameConflict"];

/// Pods that fail alike, or wait alike.
struct Crowd<'a> {
    stage: Stage,
    cause: &'static Cause,
    pods: Vec<Member<'a>>,
}

/// One of them.
#[derive(Clone, Copy)]
struct Member<'a> {
    track: &'a PodTrack,
    said: &'a Suspicion,
    /// It makes a crowd. One that only waits, and not for long, is held up by those that do.
    counts: bool,
}

/// The largest crowd that fails for what nothing else which was `found` explains: all of them are one story.
pub(super) fn suspicion(found: &[Suspicion], pods: &[Suspicion], view: View<'_>) -> Option<Suspicion> {
    let mut crowds: BTreeMap<(Stage, &str), Crowd<'_>> = BTreeMap::new();
    for said in pods {
        let Some((cause, counts)) = shared(said, found, view) else { continue };
        let Subject::Pod(id) = &said.subject else { continue };
        let Some(track) = view.world.pods.get(&id.uid).filter(|track| needs(cause, track)) else { continue };
        let stage = said.topic.stage;
        let crowd = crowds.entry((stage, cause.id)).or_insert(Crowd { stage, cause, pods: Vec::new() });
        crowd.pods.push(Member { track, said, counts });
    }
    let wedged = crowds.into_values().filter_map(|crowd| crowd.suspicion(view));
    wedged.min_by_key(|suspicion| std::cmp::Reverse(suspicion.affected.len()))
}

/// The cause that it may share with other pods, and whether it counts. A wait does where it would be a Warning by itself: on
/// a node that starts many pods at once each of them waits for a while.
fn shared(said: &Suspicion, found: &[Suspicion], view: View<'_>) -> Option<(&'static Cause, bool)> {
    if STALLS.contains(&said.cause.id) && said.topic.stage == Stage::Sandbox {
        let counts = dwell::is_warning(&SANDBOX_STALLED, said.since, view);
        return view.world.runtime.well_since().map(|_| (&SANDBOX_STALLED, counts));
    }
    (concerns_all(said.cause) && !is_explained(said.cause, found)).then_some((said.cause, true))
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
    track.pod.is_some() && (cause.stage != Stage::Network || track.has_network())
}

/// A pod that nothing controls is its own owner.
fn owner(track: &PodTrack) -> (Arc<str>, Arc<str>) {
    let controller = track.pod.as_ref().and_then(|pod| pod.owner.clone());
    (track.id.namespace.clone(), controller.unwrap_or_else(|| track.id.name.clone()))
}

impl Crowd<'_> {
    fn suspicion(mut self, view: View<'_>) -> Option<Suspicion> {
        self.pods.sort_by_key(|member| member.said.since);
        let mut known = BTreeSet::new();
        self.pods.retain(|member| known.insert(&member.track.id.uid));
        let of_network = self.is_of_network();
        let success = self.success(of_network, view);
        // Whoever began before another came through tells nothing of the time since.
        self.pods.retain(|member| success.is_none_or(|success| success < member.said.since));
        let since = self.since()?;
        let (count, began) = (self.pods.len(), self.pods.first()?.said.since);
        let says = format!("{count} pods fail with {}, the first at {began}", self.cause.id);
        let facts = self.facts().with("which", if of_network { "Pods with their own network" } else { "" });
        Some(Suspicion {
            cause: &NODE_CANNOT_START_PODS,
            subject: Subject::Node(view.world.node.id.clone()),
            topic: topic(&NODE_CANNOT_START_PODS, false),
            confidence: Confidence::Inferred,
            since,
            ripe: true,
            soon: false,
            facts: facts.with("ready", view.world.node.says_ready().unwrap_or_default()),
            evidence: vec![evidence("pods of this node", says, view.now)],
            affected: self.pods.iter().map(|member| member.track.id.clone()).collect(),
            field_path: None,
        })
    }

    fn is_stalled(&self) -> bool {
        self.cause.id == SANDBOX_STALLED.id
    }

    /// It is the pods' own network that they fail at; or wait for, as is seen of each.
    fn is_of_network(&self) -> bool {
        let waits = |member: &Member<'_>| ["plugin", "cni"].iter().any(|name| member.said.facts.get(name).is_some());
        self.cause.stage == Stage::Network || (self.is_stalled() && self.pods.iter().all(waits))
    }

    fn facts(&self) -> Facts {
        let first = self.pods.first().map(|member| member.said);
        let began = first.map(|said| said.since.strftime("%H:%M UTC").to_string()).unwrap_or_default();
        let held = first.filter(|_| self.is_stalled()).map(|said| &said.facts);
        let fact = |name| held.and_then(|facts| facts.get(name)).unwrap_or_default();
        let why = match (fact("plugin"), fact("near")) {
            ("", "") => self.cause.summary.to_owned(),
            ("", near) => format!("{near}."),
            (plugin, _) => format!("CNI plugin {plugin} has not returned for {} ({}).", fact("age"), fact("process")),
        };
        let count = self.pods.len().to_string();
        let counted = if self.is_stalled() { "hang" } else { "failed" };
        Facts::default()
            .with(counted, count)
            .with("began", began)
            .with("cause", self.cause.id)
            .with("pid", fact("pid"))
            .with("why", format!("{}. {why}", self.cause.id))
    }

    /// Since when they are enough.
    fn since(&self) -> Option<Time> {
        let least = if self.cause.rest { PODS_WITHOUT_CAUSE } else { PODS };
        let counted: Vec<_> = self.pods.iter().filter(|member| member.counts).collect();
        let mut owners = BTreeSet::new();
        let second = counted.iter().find(|one| owners.insert(owner(one.track)) && owners.len() == OWNERS)?;
        Some(second.said.since.max(counted.get(least - 1)?.said.since))
    }

    /// The last time that a pod came past what this crowd fails at.
    fn success(&self, of_network: bool, view: View<'_>) -> Option<Time> {
        match self.stage {
            Stage::Sandbox => view.world.came_up(of_network),
            _ => view.world.last_arrival(),
        }
    }
}
