//! What the probes of the node found, as suspicions: what is broken, what will be soon, and what is only worth a thought
//! beside something else. A probe that could not tell says nothing here.

use std::time::Duration;

use crate::causes::{self, roots};
use crate::model::cause::{Cause, Scope};
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::reading::Verdict;
use crate::model::since;
use crate::model::skew::CLOCK;
use crate::model::stage::{Stage, Topic};
use crate::model::wording::span;
use crate::track::readings::{API_SERVER, Course};

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence};
use super::{ended, quiet};

/// Nothing is raised on one failed look.
const LOOKS: u32 = 2;
/// What is told before it happens: the probe whose suspicion it is, and how soon it must come. A certificate's end is
/// certain; what fills up may be emptied again, so it must fill steadily and be near.
const SOON: &[(&str, Option<Duration>)] = &[
    ("kubelet-certificate", None),
    ("disk", Some(Duration::from_secs(6 * 3_600))),
    ("pod-addresses", Some(Duration::from_secs(3_600))),
];
/// A network's daemon is away for a while whenever it is updated: alone that is told after this time only.
const DAEMON_AWAY: Duration = Duration::from_secs(90);
const DAEMON: &str = "cni-backend";
/// A clock that jumps may jump back: between the first and the last answer that found it wrong lies at least so much.
const CLOCK_STAYS: Duration = Duration::from_secs(5);
/// What is only suspected and yet a reason, once there is something that it would explain. That a disk is rather full is none.
const REASONS: &[&str] = &["NodeCpuStarved", "NodeIoSaturated"];
/// The same of what ends a kubelet, as long as it does not say itself what ended it.
const ENDS: &[&str] = &["SwapUnsupported", "CgroupV1Refused"];
/// The probe that sees the runtime's process, which says less than its answers do.
const PROCESS: &str = "runtime";

/// What is broken, and what will be soon, beside what was `found` already.
pub(super) fn broken(found: &[Suspicion], view: View<'_>) -> Vec<Suspicion> {
    let cordoned = quiet::is_cordoned(view);
    courses(view)
        .filter_map(|(cause, course)| match course.reading.verdict {
            Verdict::Broken if stands_alone(cause, course, found, view) => Some(of(cause, course, false, view)),
            Verdict::Suspect if is_soon(course) && !cordoned => Some(of(cause, course, true, view)),
            _ => None,
        })
        .collect()
}

/// What is suspected, or not said alone, and would explain something that was `found`.
pub(super) fn hints(found: &[Suspicion], view: View<'_>) -> Vec<Suspicion> {
    let explains = |cause: &Cause| {
        let hard = found.iter().filter(|one| !one.soon);
        hard.into_iter().any(|one| one.cause.id != cause.id && roots::explains(cause.id, one.as_symptom()))
    };
    let known = |cause: &Cause| found.iter().any(|one| one.cause.id == cause.id && !one.soon);
    courses(view)
        .filter(|(cause, course)| match course.reading.verdict {
            Verdict::Broken => true,
            Verdict::Suspect => REASONS.contains(&cause.id) || (ENDS.contains(&cause.id) && !ended::is_told(view)),
            _ => false,
        })
        .filter(|(cause, _)| explains(cause) && !known(cause))
        .map(|(cause, course)| Suspicion { confidence: Confidence::Inferred, ..of(cause, course, false, view) })
        .collect()
}

/// The story that a cause of the node is told in: of the node itself there may be several.
pub(in super::super) fn topic(cause: &Cause, soon: bool) -> Topic {
    let of = match (soon, cause.stage) {
        (true, _) => Some(format!("{}, soon", cause.id).into()),
        (false, Stage::Runtime | Stage::Network | Stage::Sandbox) => None,
        (false, _) => Some(cause.id.into()),
    };
    Topic { stage: cause.stage, of }
}

/// It is still to come, by what a probe finds.
pub(in super::super) fn is_soon_told(cause: &str, view: View<'_>) -> bool {
    courses(view).any(|(named, course)| named.id == cause && is_soon(course))
}

fn courses(view: View<'_>) -> impl Iterator<Item = (&'static Cause, &Course)> {
    view.world.readings.all(view.now).filter_map(|course| {
        let cause = causes::by_id(course.reading.cause)?;
        (cause.scope == Scope::Node).then_some((cause, course))
    })
}

fn stands_alone(cause: &Cause, course: &Course, found: &[Suspicion], view: View<'_>) -> bool {
    match course.reading.probe {
        // Its answers say more, where there are any.
        PROCESS if cause.stage == Stage::Runtime => {
            view.world.runtime.blind().is_some() || found.iter().any(|one| one.cause.id == cause.id)
        }
        DAEMON => {
            let waits = found.iter().any(|one| one.topic.stage == Stage::Network);
            waits || since(course.since, view.now) >= DAEMON_AWAY
        }
        API_SERVER if &*course.reading.of == CLOCK => since(course.since, course.at) >= CLOCK_STAYS,
        _ => true,
    }
}

/// It is suspected because it will be wrong, and when is near enough.
fn is_soon(course: &Course) -> bool {
    let probe = SOON.iter().find(|(probe, _)| *probe == course.reading.probe);
    let near = |within: &Option<Duration>| match within {
        None => true,
        Some(within) => course.out_in().is_some_and(|left| left <= *within),
    };
    course.reading.verdict == Verdict::Suspect && probe.is_some_and(|(_, within)| near(within))
}

fn of(cause: &'static Cause, course: &Course, soon: bool, view: View<'_>) -> Suspicion {
    let reading = &course.reading;
    let facts = reading.facts.iter().fold(Facts::default(), |facts, (name, value)| facts.with(name, value));
    let left = course.out_in().filter(|_| soon).map(span).unwrap_or_default();
    let facts = facts.or(Facts::default().with("soon", left).with("ready", view.world.node.says_ready().unwrap_or("")));
    let about = if reading.of.is_empty() { String::new() } else { format!("{}: ", reading.of) };
    Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: topic(cause, soon),
        confidence: Confidence::Observed,
        since: course.since,
        ripe: course.looks >= LOOKS,
        soon,
        facts,
        evidence: vec![evidence(&format!("probe {}", reading.probe), format!("{about}{}", reading.says), course.at)],
        affected: Vec::new(),
        field_path: None,
    }
}
