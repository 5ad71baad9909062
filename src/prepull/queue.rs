//! Which image of which set is to be looked at or pulled now, which later, and what came of it. Pure: the time is an
//! argument, and nothing is done here.

mod hold;
mod item;
mod pace;
mod room;
mod set;

use std::sync::Arc;

use super::mend::Mend;
use super::plan::{Plan, PlannedSet};
use crate::model::Time;
use crate::model::prepull::{PullFailure, SetProgress, Short};
use item::{Item, Next};
use set::SetQueue;

pub use pace::Pace;

/// What of the node lets pulls begin and go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// An image of a pod is being pulled: it goes first.
    pub pods: bool,
    /// The kubelet says that the disk is short of room.
    pub pressure: bool,
    /// A pull that is cut off loses nothing.
    pub resumable: bool,
}

/// One thing to do. An image of a set is at one job at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The set's name.
    pub set: Arc<str>,
    /// The image.
    pub image: Arc<str>,
    /// What to do.
    pub step: Step,
}

/// A set's name and an image of it.
pub type Key = (Arc<str>, Arc<str>);

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Asks the runtime whether the image is there.
    Check,
    /// Pulls it, unless it is there by now.
    Pull,
    /// Pulls it though it is there: its tag may have moved.
    Refresh,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The image is there without our doing.
    Present,
    /// It is not there: to be pulled.
    Absent,
    /// We pulled it; its size in bytes.
    Pulled(u64),
    /// The disk has no room for it.
    Short(Short),
    /// It could not be pulled.
    Failed {
        /// Why.
        text: Arc<str>,
        /// The id of the cause, where that is said in words of our own.
        cause: Option<&'static str>,
        /// What may mend it.
        mend: Mend,
    },
    /// The runtime did not answer: nothing is known of the image.
    Unanswered,
}

/// All sets of this node.
#[derive(Debug)]
pub struct Queue {
    pace: Pace,
    sets: Vec<SetQueue>,
}

/// How an image stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is here; where we pulled it, its bytes.
    Here {
        /// So many, by us.
        by_us: Option<u64>,
    },
    /// Something is done for it.
    Runs,
    /// Something is to be done for it, as soon as it may.
    Waits,
    /// The disk had no room for it.
    Short(Short),
    /// It could not be pulled.
    Failed {
        /// How.
        failure: PullFailure,
        /// No retry mends that.
        hopeless: bool,
    },
    /// The runtime did not answer.
    Unanswered {
        /// So often in a row.
        tries: u32,
    },
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, sets: Vec::new() }
    }

    /// Follows a new plan. What is known of images that stay is kept; a failed one is tried anew where its set changed.
    /// Returns the images whose jobs are to be stopped.
    pub fn follow(&mut self, plan: Plan, now: Time) -> Vec<Key> {
        let mut old = std::mem::take(&mut self.sets);
        for planned in plan.sets {
            let next = match old.iter().position(|set| set.planned.set.name == planned.set.name) {
                Some(at) if old[at].planned == planned => old.swap_remove(at),
                Some(at) => old[at].edited(planned, &self.pace, now),
                None => SetQueue::new(planned, &self.pace, now),
            };
            self.sets.push(next);
        }
        old.into_iter().flat_map(SetQueue::into_running).collect()
    }

    /// Takes every job that may start now: due, within its set's parallelism, and of an image that no other set is at.
    pub fn start(&mut self, gates: Gates, now: Time) -> Vec<Job> {
        let mut busy: Vec<_> = self.running().cloned().collect();
        let mut jobs = Vec::new();
        for set in &mut self.sets {
            let is_open = set.closed(gates, now).is_none();
            let (mut looks, mut pulls) = set.free();
            for item in &mut set.items {
                let Next::Due(step, due) = item.next else { continue };
                let (may, free) = match step {
                    Step::Check => (true, &mut looks),
                    Step::Pull | Step::Refresh => (is_open && item.from <= now, &mut pulls),
                };
                if *free == 0 || due > now || !may || busy.contains(&item.image) {
                    continue;
                }
                *free -= 1;
                busy.push(item.image.clone());
                item.next = Next::Running(step);
                jobs.push(Job { set: set.planned.set.name.clone(), image: item.image.clone(), step });
            }
        }
        jobs
    }

    /// Takes back the pulls that may not go on; their jobs are to be stopped. Where they would lose what they have, only a
    /// disk in trouble is a reason.
    pub fn cut(&mut self, gates: Gates, now: Time) -> Vec<Key> {
        let mut cut = Vec::new();
        for set in &mut self.sets {
            if set.closed(gates, now).is_none_or(|_| !gates.resumable && !gates.pressure) {
                continue;
            }
            for item in &mut set.items {
                if let Next::Running(step @ (Step::Pull | Step::Refresh)) = item.next {
                    item.next = Next::Due(step, now);
                    item.cut_off = true;
                    cut.push((set.planned.set.name.clone(), item.image.clone()));
                }
            }
        }
        cut
    }

    /// Why nothing of this set may be pulled now, where it is open to none of its images.
    #[must_use]
    pub fn why_closed(&self, set: &str, gates: Gates, now: Time) -> Option<&'static str> {
        let set = self.sets.iter().find(|queue| &*queue.planned.set.name == set)?;
        set.closed(gates, now).map(|closed| closed.why())
    }

    /// Notes what came of a job. One that is in no set any more is forgotten.
    pub fn end(&mut self, job: &Job, outcome: Outcome, now: Time) {
        let Some(set) = self.sets.iter_mut().find(|set| set.planned.set.name == job.set) else { return };
        if let Some(item) = set.items.iter_mut().find(|item| item.image == job.image) {
            item.end(job.step, outcome, &item::Around { pace: &self.pace, set: &set.planned.set, now });
        }
    }

    /// Tries what failed in this set at once: what it failed of may be mended.
    pub fn retry(&mut self, set: &str, now: Time) {
        let items = self.sets.iter_mut().filter(|queue| &*queue.planned.set.name == set).flat_map(|set| &mut set.items);
        items.for_each(|item| item.retry(now));
    }

    /// Does no more for an image than what runs.
    pub fn give_up(&mut self, image: &str) {
        let items = self.sets.iter_mut().flat_map(|set| &mut set.items).filter(|item| *item.image == *image);
        for item in items.filter(|item| !item.is_running()) {
            item.next = Next::Nothing;
        }
    }

    /// When the next job falls due or a window opens or closes; none while all wait for running ones.
    #[must_use]
    pub fn next_due(&self, now: Time) -> Option<Time> {
        let due = self.sets.iter().flat_map(|set| &set.items).filter_map(|item| match item.next {
            Next::Due(_, due) => Some(due),
            Next::Running(_) | Next::Nothing => None,
        });
        due.chain(self.sets.iter().filter_map(|set| set.turns(now))).filter(|due| *due > now).min()
    }

    /// How far every set is.
    #[must_use]
    pub fn progress(&self, gates: Gates, now: Time) -> Vec<SetProgress> {
        self.sets.iter().map(|set| set.progress(gates, now)).collect()
    }

    /// How often the image of a job was tried in vain.
    #[must_use]
    pub fn tries(&self, job: &Job) -> u32 {
        self.item(job).and_then(|item| item.failure.as_ref()).map_or(0, |failure| failure.tries)
    }

    /// Whether the pull of a job was begun before and cut off.
    #[must_use]
    pub fn goes_on(&self, job: &Job) -> bool {
        job.step != Step::Check && self.item(job).is_some_and(|item| item.cut_off)
    }

    fn item(&self, job: &Job) -> Option<&Item> {
        let set = self.sets.iter().find(|set| set.planned.set.name == job.set)?;
        set.items.iter().find(|item| item.image == job.image)
    }

    /// The set of that name, as planned.
    #[must_use]
    pub fn planned(&self, set: &str) -> Option<&PlannedSet> {
        self.sets.iter().map(|queue| &queue.planned).find(|planned| &*planned.set.name == set)
    }

    /// The sets that wait for a try after a failure.
    pub fn failing(&self) -> impl Iterator<Item = &PlannedSet> {
        let fails = |set: &&SetQueue| set.items.iter().any(|item| item.failure.is_some());
        self.sets.iter().filter(fails).map(|set| &set.planned)
    }

    /// How each image stands.
    pub fn standings(&self) -> impl Iterator<Item = (Arc<str>, Standing)> {
        let items = self.sets.iter().flat_map(|set| &set.items);
        items.map(|item| (item.image.clone(), item.standing()))
    }

    /// Something is being pulled.
    #[must_use]
    pub fn is_pulling(&self) -> bool {
        let mut items = self.sets.iter().flat_map(|set| &set.items);
        items.any(Item::is_pulling)
    }

    /// Something would be pulled now if no pod's image were.
    #[must_use]
    pub fn wants_to_pull(&self, gates: Gates, now: Time) -> bool {
        let alone = Gates { pods: false, ..gates };
        let mut items = self.sets.iter().filter(|set| set.closed(alone, now).is_none()).flat_map(|set| &set.items);
        items.any(|item| matches!(item.next, Next::Due(Step::Pull | Step::Refresh, due) if due.max(item.from) <= now))
    }

    fn running(&self) -> impl Iterator<Item = &Arc<str>> {
        let items = self.sets.iter().flat_map(|set| &set.items);
        items.filter(|item| item.is_running()).map(|item| &item.image)
    }
}

#[cfg(test)]
mod tests;
