//! Messages of the node-local API as the model's nouns: what a client reads. What an agent of another version says may be
//! unknown here; it is refused with a word on what to do, never guessed.

use std::time::Duration;

use super::super::wire;
use super::STAGES;
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::Confidence;
use crate::model::ids::{PodId, PodUid};
use crate::model::snapshot::{PullPhase, PullState, SetState, Snapshot, Span, Start, Trouble};
use crate::model::stage::Stage;

/// An answer that this program can't read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the agent's answer has {0}: the agent is of another version; use its own kubewhy, in its pod")]
pub struct Unreadable(&'static str);

type Read<T> = Result<T, Unreadable>;

/// The state of a node.
///
/// # Errors
/// A part is missing, or has a value that is not known here.
pub fn state(of: wire::NodeState) -> Read<Snapshot> {
    Ok(Snapshot {
        at: time(of.at)?,
        node: of.node.into(),
        runtime: of.runtime,
        node_troubles: all(of.node_troubles, trouble)?,
        starts: all(of.starts, start)?,
        pulls: all(of.pulls, pull)?,
        pulls_unseen: of.pulls_unseen,
        sets: all(of.sets, set)?,
    })
}

fn set(of: wire::PrepullSet) -> Read<SetState> {
    Ok(SetState {
        set: of.name.into(),
        images: count(of.images)?,
        here: count(of.here)?,
        failed: count(of.failed)?,
        complete: of.complete,
        holds: of.holds,
    })
}

/// A moment.
///
/// # Errors
/// There is none, or the calendar does not have it.
pub fn time(of: Option<prost_types::Timestamp>) -> Read<Time> {
    let given = of.ok_or(Unreadable("no time where one belongs"))?;
    Time::new(given.seconds, given.nanos).map_err(|_| Unreadable("a time that does not exist"))
}

fn start(of: wire::Start) -> Read<Start> {
    Ok(Start {
        stage: stage(of.stage)?,
        pod: pod(of.pod.ok_or(Unreadable("a start without its pod"))?),
        began: time(of.began)?,
        arrived: of.arrived.map(|arrived| time(Some(arrived))).transpose()?,
        since: time(of.since)?,
        container: of.container.map(Into::into),
        waits_for: of.waits_for,
        trouble: of.trouble.map(trouble).transpose()?,
        spans: all(of.spans, span)?,
    })
}

fn span(of: wire::Span) -> Read<Span> {
    Ok(Span {
        stage: stage(of.stage)?,
        container: of.container.map(Into::into),
        from: time(of.from)?,
        to: of.to.map(|to| time(Some(to))).transpose()?,
        evidence: of.evidence.into(),
    })
}

fn trouble(of: wire::Trouble) -> Read<Trouble> {
    Ok(Trouble {
        kind: kind(of.r#type)?,
        confidence: confidence(of.confidence)?,
        cause: of.cause.into(),
        gist: of.gist,
        sentence: of.sentence,
        since: time(of.since)?,
    })
}

fn pull(of: wire::Pull) -> Read<PullState> {
    Ok(PullState {
        phase: phase(of.phase)?,
        image: of.image.map(Into::into),
        own: of.own,
        pods: of.pods.into_iter().map(pod).collect(),
        done: of.bytes_done,
        total: of.bytes_total,
        layers: (count(of.layers_done)?, count(of.layers_total)?),
        rate: of.bytes_per_second,
        left: of.left.map(duration).transpose()?,
        began: time(of.began)?,
        seen: time(of.seen)?,
        still: of.still.map_or(Ok(Duration::ZERO), duration)?,
    })
}

fn pod(of: wire::Pod) -> PodId {
    PodId { uid: PodUid::new(&of.uid), namespace: of.namespace.into(), name: of.name.into() }
}

fn duration(of: prost_types::Duration) -> Read<Duration> {
    Duration::try_from(of).map_err(|_| Unreadable("a duration below zero"))
}

fn count(of: u64) -> Read<usize> {
    usize::try_from(of).map_err(|_| Unreadable("a count beyond measure"))
}

fn stage(number: i32) -> Read<Stage> {
    let known = STAGES.iter().find(|(_, theirs)| *theirs as i32 == number);
    known.map(|(ours, _)| *ours).ok_or(Unreadable("a stage that is not known here"))
}

fn kind(number: i32) -> Read<EventType> {
    match wire::EventType::try_from(number) {
        Ok(wire::EventType::Normal) => Ok(EventType::Normal),
        Ok(wire::EventType::Warning) => Ok(EventType::Warning),
        _ => Err(Unreadable("a cause of a type that is not known here")),
    }
}

fn confidence(number: i32) -> Read<Confidence> {
    match wire::Confidence::try_from(number) {
        Ok(wire::Confidence::Suspected) => Ok(Confidence::Suspected),
        Ok(wire::Confidence::Inferred) => Ok(Confidence::Inferred),
        Ok(wire::Confidence::Observed) => Ok(Confidence::Observed),
        _ => Err(Unreadable("a confidence that is not known here")),
    }
}

fn phase(number: i32) -> Read<PullPhase> {
    match wire::PullPhase::try_from(number) {
        Ok(wire::PullPhase::Resolving) => Ok(PullPhase::Resolving),
        Ok(wire::PullPhase::Downloading) => Ok(PullPhase::Downloading),
        Ok(wire::PullPhase::Unpacking) => Ok(PullPhase::Unpacking),
        Ok(wire::PullPhase::Queued) => Ok(PullPhase::Queued),
        Ok(wire::PullPhase::Running) => Ok(PullPhase::Running),
        Ok(wire::PullPhase::Asked) => Ok(PullPhase::Asked),
        _ => Err(Unreadable("a pull in a phase that is not known here")),
    }
}

fn all<A, B>(items: Vec<A>, read: impl Fn(A) -> Read<B>) -> Read<Vec<B>> {
    items.into_iter().map(read).collect()
}
