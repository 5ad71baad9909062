//! What the stand-in did with each pod, and when, by its own clock: the truth that an account of a start is held against.
//! It is written where a thing is done, never derived from what was said about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// What is done with a pod, in the order of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Bound, and not taken up yet.
    Admission,
    /// Its directories are made and its volumes waited for.
    Volumes,
    /// RunPodSandbox, and the pauses between two tries of it.
    Sandbox,
    /// Waits for its turn to pull.
    ImageQueue,
    /// PullImage, and the pauses between two tries of it.
    ImagePull,
    /// Configuration and CreateContainer.
    Create,
    /// StartContainer; of an init container also its run.
    Start,
    /// The postStart hook.
    Hook,
    /// All that is to run was started.
    Running,
}

/// Something that was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub stage: Stage,
    /// The container it is about; none before the image.
    pub container: Option<String>,
}

#[derive(Debug, Default)]
struct Course {
    name: String,
    steps: Vec<Step>,
    /// Its start is over: what its containers do after that is no part of it.
    ran: bool,
    ended: bool,
}

/// The steps of every pod; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<HashMap<String, Course>>>);

impl Record {
    /// The uids and names of the pods that were not told to end.
    #[must_use]
    pub fn pods(&self) -> Vec<(String, String)> {
        let living = |(uid, course): (&String, &Course)| (!course.ended).then(|| (uid.clone(), course.name.clone()));
        self.with(|courses| courses.iter().filter_map(living).collect())
    }

    /// All steps of a pod so far.
    #[must_use]
    pub fn steps(&self, uid: &str) -> Vec<Step> {
        self.with(|courses| courses.get(uid).map(|course| course.steps.clone()).unwrap_or_default())
    }

    /// The step that a pod was at at `from`, and those it began until `to`. Empty before it was known.
    #[must_use]
    pub fn between(&self, uid: &str, from: Timestamp, to: Timestamp) -> Vec<Step> {
        let steps = self.steps(uid);
        let at_first = steps.iter().rposition(|step| step.at <= from).unwrap_or(0);
        steps.into_iter().skip(at_first).take_while(|step| step.at <= to).collect()
    }

    pub(super) fn bound(&self, uid: &str, name: &str) {
        self.with(|courses| name.clone_into(&mut courses.entry(uid.to_owned()).or_default().name));
        self.begins(uid, Stage::Admission, None);
    }

    /// Notes that something begins; once all ran, nothing more until a new sandbox.
    pub(super) fn begins(&self, uid: &str, stage: Stage, container: Option<&str>) {
        let step = Step { at: Timestamp::now(), stage, container: container.map(str::to_owned) };
        self.with(|courses| {
            let course = courses.entry(uid.to_owned()).or_default();
            course.ran = stage == Stage::Running || course.ran && stage != Stage::Sandbox;
            let same = |last: &Step| last.stage == stage && last.container == step.container;
            if (!course.ran || stage == Stage::Running) && !course.steps.last().is_some_and(same) {
                course.steps.push(step);
            }
        });
    }

    /// The pod is told to end: from now on nothing is said of it.
    pub(super) fn ends(&self, uid: &str) {
        self.with(|courses| courses.entry(uid.to_owned()).or_default().ended = true);
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Course>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stages(record: &Record) -> Vec<Stage> {
        record.steps("u").iter().map(|step| step.stage).collect()
    }

    #[test]
    fn a_restart_is_no_start_and_a_new_sandbox_is_one() {
        let record = Record::default();
        record.bound("u", "cart");
        record.begins("u", Stage::Running, None);
        record.begins("u", Stage::ImagePull, Some("main"));
        record.begins("u", Stage::Running, None);
        assert_eq!(stages(&record), [Stage::Admission, Stage::Running]);
        record.begins("u", Stage::Sandbox, None);
        record.begins("u", Stage::Create, Some("main"));
        assert_eq!(stages(&record), [Stage::Admission, Stage::Running, Stage::Sandbox, Stage::Create]);
    }

    #[test]
    fn a_span_holds_what_it_began_with() {
        let record = Record::default();
        record.bound("u", "cart");
        record.begins("u", Stage::Volumes, None);
        let steps = record.steps("u");
        let later = steps[1].at + Duration::from_secs(1);
        assert_eq!(record.between("u", later, later), steps[1..]);
        assert_eq!(record.between("u", steps[0].at, later), steps);
        assert_eq!(record.between("u", steps[0].at - Duration::from_secs(2), steps[0].at), steps[..1]);
        assert!(record.between("v", steps[0].at, later).is_empty());
    }

    #[test]
    fn a_pod_that_ends_is_no_longer_among_the_pods() {
        let record = Record::default();
        record.bound("u", "cart");
        assert_eq!(record.pods(), [("u".to_owned(), "cart".to_owned())]);
        record.ends("u");
        assert!(record.pods().is_empty());
    }
}
