//! Causes, subjects and findings for the tests of reporting.

use std::time::Duration;

use super::notice::{Notice, Telling};
use crate::model::cause::{Cause, EventType, Grows, Owner, Scope};
use crate::model::diagnosis::{Cleared, Confidence, Diagnosis, Findings, Subject};
use crate::model::ids::{NodeId, PodId, PodUid};
use crate::model::stage::{Stage, Topic};
use crate::model::{Time, after};

pub(super) static QUEUED: Cause = cause("ImagePullQueued", Owner::Platform);
pub(super) static SLOW: Cause = cause("ImagePullSlow", Owner::Platform);
pub(super) static NOT_FOUND: Cause = cause("ImageNotFound", Owner::App);

const fn cause(id: &'static str, owner: Owner) -> Cause {
    Cause {
        id,
        stage: Stage::ImagePull,
        scope: Scope::Pod,
        owner,
        summary: "",
        says: "",
        gist: "",
        rules_out: "",
        advice: "",
        mends: "",
        after: Duration::ZERO,
        kind: Grows::Warning,
        signs: &[],
        steps: &[],
        rest: false,
        examples: &[],
        probe: None,
        needs: &[],
    }
}

/// 2026-11-21T03:00:00Z, and so many seconds.
pub(super) fn at(seconds: u64) -> Time {
    after(Time::from_second(1_795_230_000).unwrap(), Duration::from_secs(seconds))
}

pub(super) fn pod(name: &str) -> Subject {
    pod_in("shop", name)
}

pub(super) fn pod_in(namespace: &str, name: &str) -> Subject {
    Subject::Pod(PodId { uid: PodUid::new(&format!("uid-of-{name}")), namespace: namespace.into(), name: name.into() })
}

pub(super) fn node(uid: &str) -> Subject {
    Subject::Node(NodeId { name: "node-7".into(), uid: uid.into() })
}

pub(super) fn topic() -> Topic {
    Stage::ImagePull.into()
}

pub(super) fn diagnosis(subject: Subject, cause: &'static Cause, since: Time) -> Diagnosis {
    Diagnosis {
        subject,
        topic: topic(),
        cause,
        confidence: Confidence::Observed,
        kind: EventType::Warning,
        sentence: format!("{} is what it is.", cause.id),
        in_full: None,
        gist: String::new(),
        brief: false,
        field_path: None,
        evidence: Vec::new(),
        since,
        affected: Vec::new(),
    }
}

pub(super) fn cleared(subject: Subject, since: Time) -> Cleared {
    Cleared { subject, topic: topic(), since, how: "Started".to_owned() }
}

pub(super) fn ill(diagnosis: Diagnosis) -> Findings {
    Findings { diagnoses: vec![diagnosis], ..Findings::default() }
}

pub(super) fn well(cleared: Cleared) -> Findings {
    Findings { cleared: vec![cleared], ..Findings::default() }
}

/// A first report of a pod.
pub(super) fn first(name: &str, now: Time) -> Notice {
    Notice {
        at: now,
        telling: Telling::First,
        subject: pod(name),
        story: "pod/ImagePull/@1".into(),
        reason: NOT_FOUND.id,
        cause: Some(&NOT_FOUND),
        kind: EventType::Warning,
        sentence: "registry.example.com has no tag 2.14.1 of shop/cart.".to_owned(),
        in_full: None,
        field_path: Some("spec.containers{web}".into()),
        evidence: Vec::new(),
        first: now,
        count: 1,
        brief: false,
    }
}

/// The same Event once more.
pub(super) fn again(notice: &Notice, now: Time) -> Notice {
    Notice { at: now, telling: Telling::Refresh, count: notice.count + 1, ..notice.clone() }
}

/// The end of its story.
pub(super) fn ending(notice: &Notice, now: Time) -> Notice {
    Notice {
        at: now,
        telling: Telling::Ended,
        reason: super::notice::RESOLVED,
        kind: EventType::Normal,
        sentence: "Started after 9 min 40 s: ImageNotFound.".to_owned(),
        in_full: None,
        field_path: None,
        first: now,
        count: 1,
        ..notice.clone()
    }
}
