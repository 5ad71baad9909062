//! The model's nouns as messages of the node-local API: what the agent sends. Every list is bounded here, so that no node
//! makes an answer too large to be sent. [`read`] is the way back.

pub mod read;

use std::time::Duration;

use super::wire;
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::Confidence;
use crate::model::explanation::Explanation;
use crate::model::ids::PodId;
use crate::model::snapshot::{PullPhase, PullState, SetState, Snapshot, Span, Start, Trouble};
use crate::model::stage::Stage;

// As the definition promises: together they stay below the 4 MiB that a gRPC client takes by default.
const TROUBLES: usize = 64;
const STARTS: usize = 512;
const SPANS: usize = 32;
const PULLS: usize = 256;
const WAITING: usize = 64;
const SETS: usize = 128;

/// The state of a node.
#[must_use]
pub fn state(of: &Snapshot) -> wire::NodeState {
    wire::NodeState {
        at: Some(time(of.at)),
        node: of.node.to_string(),
        runtime: of.runtime.clone(),
        node_troubles: of.node_troubles.iter().take(TROUBLES).map(trouble).collect(),
        starts: of.starts.iter().take(STARTS).map(start).collect(),
        pulls: of.pulls.iter().take(PULLS).map(pull).collect(),
        pulls_unseen: of.pulls_unseen.clone(),
        sets: of.sets.iter().take(SETS).map(set).collect(),
    }
}

fn set(of: &SetState) -> wire::PrepullSet {
    wire::PrepullSet {
        name: of.set.to_string(),
        images: of.images as u64,
        here: of.here as u64,
        failed: of.failed as u64,
        complete: of.complete,
        holds: of.holds.clone(),
    }
}

fn start(of: &Start) -> wire::Start {
    let earlier = of.spans.len().saturating_sub(SPANS);
    wire::Start {
        pod: Some(pod(&of.pod)),
        began: Some(time(of.began)),
        arrived: of.arrived.map(time),
        stage: stage(of.stage).into(),
        since: Some(time(of.since)),
        container: of.container.as_deref().map(str::to_owned),
        waits_for: of.waits_for.clone(),
        trouble: of.trouble.as_ref().map(trouble),
        spans: of.spans.iter().skip(earlier).map(span).collect(),
    }
}

fn span(of: &Span) -> wire::Span {
    wire::Span {
        stage: stage(of.stage).into(),
        container: of.container.as_deref().map(str::to_owned),
        from: Some(time(of.from)),
        to: of.to.map(time),
        evidence: of.evidence.to_string(),
    }
}

fn trouble(of: &Trouble) -> wire::Trouble {
    wire::Trouble {
        cause: of.cause.to_string(),
        sentence: of.sentence.clone(),
        since: Some(time(of.since)),
        r#type: kind(of.kind).into(),
        confidence: confidence(of.confidence).into(),
        gist: of.gist.clone(),
    }
}

fn pull(of: &PullState) -> wire::Pull {
    wire::Pull {
        image: of.image.as_deref().map(str::to_owned),
        own: of.own,
        pods: of.pods.iter().take(WAITING).map(pod).collect(),
        phase: phase(of.phase).into(),
        bytes_done: of.done,
        bytes_total: of.total,
        layers_done: of.layers.0 as u64,
        layers_total: of.layers.1 as u64,
        bytes_per_second: of.rate,
        left: of.left.map(duration),
        began: Some(time(of.began)),
        still: Some(duration(of.still)),
        seen: Some(time(of.seen)),
    }
}

fn pod(of: &PodId) -> wire::Pod {
    wire::Pod { uid: of.uid.to_string(), namespace: of.namespace.to_string(), name: of.name.to_string() }
}

/// What is known of a message.
#[must_use]
pub fn explanation(of: Explanation) -> wire::Explanation {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    wire::Explanation {
        cause: of.cause.to_owned(),
        confidence: of.confidence.to_owned(),
        summary: of.summary.to_owned(),
        sentence: of.sentence,
        advice: of.advice,
        steps: owned(of.steps),
        rules_out: of.rules_out.to_owned(),
        mends: of.mends.to_owned(),
        stage: of.stage.map_or(wire::Stage::Unspecified, stage).into(),
        owner: of.owner.to_owned(),
        facts: of.facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        also: owned(&of.also),
        evidence: owned(&of.evidence),
        good_news: of.good_news,
        message: of.message,
    }
}

/// A moment.
#[must_use]
pub fn time(of: Time) -> prost_types::Timestamp {
    let mut time = prost_types::Timestamp { seconds: of.as_second(), nanos: of.subsec_nanosecond() };
    time.normalize();
    time
}

fn duration(of: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(of.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(of.subsec_nanos()).unwrap_or_default(),
    }
}

/// Each stage and its number on the wire, for both directions.
const STAGES: &[(Stage, wire::Stage)] = &[
    (Stage::Admission, wire::Stage::Admission),
    (Stage::Volumes, wire::Stage::Volumes),
    (Stage::Sandbox, wire::Stage::Sandbox),
    (Stage::ImageQueue, wire::Stage::ImageQueue),
    (Stage::ImagePull, wire::Stage::ImagePull),
    (Stage::Create, wire::Stage::Create),
    (Stage::Start, wire::Stage::Start),
    (Stage::Hook, wire::Stage::Hook),
    (Stage::Running, wire::Stage::Running),
    (Stage::Runtime, wire::Stage::Runtime),
    (Stage::Network, wire::Stage::Network),
    (Stage::Node, wire::Stage::Node),
    (Stage::Prepull, wire::Stage::Prepull),
    (Stage::Agent, wire::Stage::Agent),
];

fn stage(of: Stage) -> wire::Stage {
    STAGES.iter().find(|(ours, _)| *ours == of).map_or(wire::Stage::Unspecified, |(_, theirs)| *theirs)
}

fn kind(of: EventType) -> wire::EventType {
    match of {
        EventType::Normal => wire::EventType::Normal,
        EventType::Warning => wire::EventType::Warning,
    }
}

fn confidence(of: Confidence) -> wire::Confidence {
    match of {
        Confidence::Suspected => wire::Confidence::Suspected,
        Confidence::Inferred => wire::Confidence::Inferred,
        Confidence::Observed => wire::Confidence::Observed,
    }
}

fn phase(of: PullPhase) -> wire::PullPhase {
    match of {
        PullPhase::Resolving => wire::PullPhase::Resolving,
        PullPhase::Downloading => wire::PullPhase::Downloading,
        PullPhase::Unpacking => wire::PullPhase::Unpacking,
        PullPhase::Queued => wire::PullPhase::Queued,
        PullPhase::Running => wire::PullPhase::Running,
        PullPhase::Asked => wire::PullPhase::Asked,
    }
}

#[cfg(test)]
mod tests;
