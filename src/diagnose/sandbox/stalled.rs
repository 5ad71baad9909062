//! A sandbox that does not come: seen in the making, or the last thing left where the kubelet is past all that it would
//! have said.

use std::time::Duration;

use crate::causes;
use crate::model::cause::Cause;
use crate::model::cni::CniConfig;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::pod::Pod;
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::model::{Time, after, since};
use crate::track::place::told_by::POD_LOGS;
use crate::track::pod::PodTrack;

use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::super::{View, elsewhere, told};
use super::gathered::Gathered;
use super::making::Making;

/// How long an answer to a question for a pod's Events may take, once it was put.
const ANSWER: Duration = Duration::from_secs(2);

/// One for each pod whose sandbox does not come.
pub(in super::super) fn suspicions<'a>(gathered: &Gathered<'a>, view: View<'a>) -> impl Iterator<Item = Suspicion> {
    let stands = |track: &&PodTrack| track.place.stage == Stage::Sandbox;
    view.world.starting().filter(stands).filter_map(move |track| stalled(track, track.pod.as_ref()?, gathered, view))
}

/// Its making is seen to take long: nobody need be asked what holds it.
pub(in super::super) fn is_seen(track: &PodTrack, gathered: &Gathered<'_>, view: View<'_>) -> bool {
    track.place.stage == Stage::Sandbox && seen_since(&Making::of(track, gathered), view).is_some()
}

fn stalled(track: &PodTrack, pod: &Pod, gathered: &Gathered<'_>, view: View<'_>) -> Option<Suspicion> {
    let making = Making::of(track, gathered);
    let (since_when, told) = match seen_since(&making, view) {
        Some(began) => (began, making.facts(gathered, view)),
        None => {
            let silent = told::silence(track);
            (silent_since(track, pod, gathered, view)?, making.facts(gathered, view).with("events", silent))
        }
    };
    let facts = suspecting(told, pod, view)
        .with("runtime", view.runtime())
        .with("for", span(since(since_when, view.now)))
        .with("daemon", daemon(pod, gathered))
        .with("move", elsewhere::advice(pod));
    let seen =
        evidence("pod status and CRI lists", "startTime is set, and the runtime lists no ready sandbox", view.now);
    Some(Suspicion {
        cause: &causes::SANDBOX_STALLED,
        subject: Subject::Pod(track.id.clone()),
        topic: Stage::Sandbox.into(),
        confidence: making.began().map_or(Confidence::Inferred, |_| making.confidence()),
        since: since_when,
        ripe: true,
        soon: false,
        facts,
        evidence: [vec![seen], making.evidence(view.now)].concat(),
        affected: Vec::new(),
        field_path: None,
    })
}

/// Since when it is seen in the making, which CRI has listed no end of.
fn seen_since(making: &Making<'_>, view: View<'_>) -> Option<Time> {
    making.began().filter(|began| view.world.sandboxes.listed.is_some_and(|at| at > *began))
}

/// The kubelet is past all that it would have said, and no sandbox has come. Nothing is claimed while either side may be
/// out of date.
fn silent_since(track: &PodTrack, pod: &Pod, gathered: &Gathered<'_>, view: View<'_>) -> Option<Time> {
    let down = pod.sandbox_ready.and_then(|(ready, at)| at.filter(|_| !ready));
    let since = Some(track.since()).max(down)?;
    let listed = view.world.sandboxes.listed.is_some_and(|at| at > since);
    // Its volumes may be what it waits for, unless the kubelet is seen to be past them.
    let waits_elsewhere = !pod.waits.is_empty() && track.place.told_by != POD_LOGS;
    let other_reason = pod.host_network || waits_elsewhere || told::held(track, view.now) || no_network(view);
    (listed && !other_reason && heard(track, pod, view) && current(gathered, view)).then_some(since)
}

/// Where nothing else is seen, what is usual.
fn suspecting(facts: Facts, pod: &Pod, view: View<'_>) -> Facts {
    let known = ["plugin", "networked", "near"].iter().any(|name| facts.get(name).is_some());
    if known || pod.host_network {
        return facts;
    }
    facts.with("suspect", "A CNI plugin that hangs").or(network(view))
}

/// The API server answers, the runtime keeps its lists, and the kubelet its Node: or it can't, for want of the runtime's
/// Status, while plugins are seen to run for long.
fn current(gathered: &Gathered<'_>, view: View<'_>) -> bool {
    let ready = view.node_is_ready() || !gathered.plugins.is_empty();
    ready && view.api_answers() && view.world.runtime.well_since().is_some()
}

/// The pod's Events were read; or nobody answers that question, and the pod has nothing that only they would tell.
pub(in super::super) fn heard(track: &PodTrack, pod: &Pod, view: View<'_>) -> bool {
    let answered_by = |asked: Time| after(asked, view.settings.report.spread + ANSWER);
    let unanswered = track.asked.is_some_and(|asked| view.now >= answered_by(asked));
    track.events.is_some() || (unanswered && !pod.told_waits)
}

/// The kubelet does not even begin (Kubernetes: pkg/kubelet/kubelet.go SyncPod, runtimeState.networkErrors).
fn no_network(view: View<'_>) -> bool {
    view.world.network.ready.as_ref().is_some_and(|(_, ready)| !ready.status)
}

fn network(view: View<'_>) -> Facts {
    match view.world.network.host.as_ref().map(|(_, host)| &host.config) {
        Some(CniConfig::Loaded { network, plugins, .. }) => {
            Facts::default().with("network", network).with("plugins", plugins.join(", "))
        }
        _ => Facts::default(),
    }
}

fn daemon(pod: &Pod, gathered: &Gathered<'_>) -> String {
    gathered.daemon.as_ref().map(|daemon| daemon.says(&pod.id.namespace)).unwrap_or_default()
}

/// What holds the name of a sandbox is the first attempt at it, still in the making: it is told as that one's story, since
/// it began.
pub(in super::super) fn first_attempt(
    track: &PodTrack,
    cause: &Cause,
    gathered: &Gathered<'_>,
    view: View<'_>,
) -> Option<(Time, Facts)> {
    if cause.id != causes::SANDBOX_NAME_CONFLICT.id {
        return None;
    }
    let making = Making::of(track, gathered);
    let began = making.began().unwrap_or_else(|| track.since());
    Some((began, making.facts(gathered, view).with("begun", span(since(began, view.now)))))
}
