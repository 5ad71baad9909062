//! What the probes of the node found wrong, as one diagnosis: the root first, the rest as evidence. A probe that could not
//! tell says nothing here, neither that it is well nor that it is not.

use crate::causes;
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::reading::Verdict;
use crate::model::stage::Stage;
use crate::track::readings::Course;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};

/// The finding that outranks the others, with those as evidence.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let mut broken: Vec<(&'static Cause, &Course)> = broken(view).collect();
    broken.sort_by_key(|(cause, course)| (causes::rank(cause), course.since));
    let (cause, first) = *broken.first()?;
    let facts = first.reading.facts.iter().fold(Facts::default(), |facts, (name, value)| facts.with(name, value));
    let found = |course: &Course| {
        let source = format!("probe {}", course.reading.probe);
        evidence(&source, format!("{}: {}", course.reading.of, course.reading.says), course.at)
    };
    Some(Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Node.into(),
        confidence: Confidence::Observed,
        since: first.since,
        ripe: first.broken(),
        facts,
        evidence: broken.iter().map(|(_, course)| found(course)).collect(),
        affected: Vec::new(),
        field_path: None,
    })
}

/// Since when nothing is found wrong; none while something is, or while what was wrong can't be told.
pub(super) fn well_since(view: View<'_>) -> Option<Time> {
    let all = || view.world.readings.all();
    let untold = |course: &Course| {
        matches!(course.reading.verdict, Verdict::Broken | Verdict::Unknown(_)) && !course.reading.cause.is_empty()
    };
    if all().any(untold) {
        return None;
    }
    all().filter(|course| course.reading.verdict == Verdict::Fine).map(|course| course.since).max()
}

fn broken(view: View<'_>) -> impl Iterator<Item = (&'static Cause, &Course)> {
    let wrong = view.world.readings.all().filter(|course| course.reading.verdict == Verdict::Broken);
    wrong.filter_map(|course| Some((causes::by_id(course.reading.cause)?, course)))
}
