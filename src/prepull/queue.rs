//! Which image of which set is to be looked at or pulled now, which later, and what came of it. Pure: the time is an
//! argument, and nothing is done here.

use std::sync::Arc;
use std::time::Duration;

use super::plan::{Plan, PlannedSet};
use crate::client::backoff::Backoff;
use crate::model::prepull::{PullFailure, SetProgress};
use crate::model::{Time, after};

/// How failures are retried.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// First and longest wait where a retry may help.
    pub fast: (Duration, Duration),
    /// First and longest wait where the registry said that there is no such image, or patience is at its end.
    pub slow: (Duration, Duration),
    /// After so many failures in a row the slow pace is taken.
    pub patience: u32,
}

impl Default for Pace {
    fn default() -> Self {
        const fn minutes(n: u64) -> Duration {
            Duration::from_secs(60 * n)
        }
        Self { fast: (Duration::from_secs(10), minutes(10)), slow: (minutes(10), minutes(60)), patience: 6 }
    }
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

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Asks the runtime whether the image is there.
    Check,
    /// Pulls it, unless it is there by now.
    Pull,
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
    /// It could not be pulled.
    Failed {
        /// Why.
        text: Arc<str>,
        /// The registry said that there is no such image.
        no_such_image: bool,
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

#[derive(Debug)]
struct SetQueue {
    planned: PlannedSet,
    /// Before this nothing is pulled.
    from: Time,
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    image: Arc<str>,
    state: State,
    /// It was looked for and not found, and has not come since.
    missing: bool,
    failure: Option<PullFailure>,
    fast: Backoff,
    slow: Backoff,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Waiting { step: Step, due: Time },
    Running,
    Present,
    Pulled(u64),
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, sets: Vec::new() }
    }

    /// Follows a new plan. What is known of images that stay is kept; a failed one is tried anew where its set changed.
    /// Returns the images whose jobs are to be stopped, as set and image.
    pub fn follow(&mut self, plan: Plan, now: Time) -> Vec<(Arc<str>, Arc<str>)> {
        let mut old = std::mem::take(&mut self.sets);
        for planned in plan.sets {
            let before = old.iter_mut().find(|set| set.planned.set.name == planned.set.name);
            let unchanged = before.as_ref().filter(|set| set.planned == planned).map(|set| set.from);
            let known = before.map_or_else(Vec::new, |set| set.take(&planned, unchanged.is_some()));
            let from = unchanged.unwrap_or_else(|| after(now, plan.delay));
            self.sets.push(SetQueue::new(planned, from, known, &self.pace, now));
        }
        let left = |set: SetQueue| {
            let running = set.items.into_iter().filter(|item| item.state == State::Running);
            running.map(move |item| (set.planned.set.name.clone(), item.image))
        };
        old.into_iter().flat_map(left).collect()
    }

    /// Takes every job that may start now: due, within its set's parallelism, and of an image that no other set is at.
    pub fn start(&mut self, now: Time) -> Vec<Job> {
        let mut busy: Vec<_> = self.running().cloned().collect();
        let mut jobs = Vec::new();
        for set in &mut self.sets {
            let mut free = set.planned.set.parallel.max(1).saturating_sub(set.running());
            for item in &mut set.items {
                let State::Waiting { step, due } = item.state else { continue };
                if free == 0 || due > now || busy.contains(&item.image) {
                    continue;
                }
                free -= 1;
                busy.push(item.image.clone());
                item.state = State::Running;
                jobs.push(Job { set: set.planned.set.name.clone(), image: item.image.clone(), step });
            }
        }
        jobs
    }

    /// Notes what came of a job. One that is in no set any more is forgotten.
    pub fn end(&mut self, job: &Job, outcome: Outcome, now: Time) {
        let Some(set) = self.sets.iter_mut().find(|set| set.planned.set.name == job.set) else { return };
        let from = set.from;
        if let Some(item) = set.items.iter_mut().find(|item| item.image == job.image) {
            item.end(job.step, outcome, self.pace.patience, from, now);
        }
    }

    /// When the next job falls due; none while all wait for running ones.
    #[must_use]
    pub fn next_due(&self, now: Time) -> Option<Time> {
        let items = self.sets.iter().flat_map(|set| &set.items);
        let due = items.filter_map(|item| match item.state {
            State::Waiting { due, .. } if due > now => Some(due),
            _ => None,
        });
        due.min()
    }

    /// How far every set is.
    #[must_use]
    pub fn progress(&self) -> Vec<SetProgress> {
        self.sets.iter().map(SetQueue::progress).collect()
    }

    /// How often the image of a job was tried in vain.
    #[must_use]
    pub fn tries(&self, job: &Job) -> u32 {
        let set = self.sets.iter().find(|set| set.planned.set.name == job.set);
        let item = set.and_then(|set| set.items.iter().find(|item| item.image == job.image));
        item.and_then(|item| item.failure.as_ref()).map_or(0, |failure| failure.tries)
    }

    /// The set of that name, as planned.
    #[must_use]
    pub fn planned(&self, set: &str) -> Option<&PlannedSet> {
        self.sets.iter().map(|queue| &queue.planned).find(|planned| &*planned.set.name == set)
    }

    fn running(&self) -> impl Iterator<Item = &Arc<str>> {
        let items = self.sets.iter().flat_map(|set| &set.items);
        items.filter(|item| item.state == State::Running).map(|item| &item.image)
    }
}

impl SetQueue {
    fn new(planned: PlannedSet, from: Time, mut known: Vec<Item>, pace: &Pace, now: Time) -> Self {
        let images = if planned.refused.is_some() { &[][..] } else { &planned.set.images[..] };
        let item = |image: &Arc<str>| match known.iter().position(|item| item.image == *image) {
            Some(at) => known.swap_remove(at),
            None => Item::new(image, pace, now),
        };
        let items = images.iter().map(item).collect();
        Self { planned, from, items }
    }

    /// Hands over what the next plan keeps. What waits starts anew where the set changed.
    fn take(&mut self, next: &PlannedSet, unchanged: bool) -> Vec<Item> {
        let stays = |item: &mut Item| next.refused.is_none() && next.set.images.contains(&item.image);
        let mut kept: Vec<_> = self.items.extract_if(.., stays).collect();
        kept.retain(|item| unchanged || !matches!(item.state, State::Waiting { .. }));
        kept
    }

    fn running(&self) -> usize {
        self.items.iter().filter(|item| item.state == State::Running).count()
    }

    fn progress(&self) -> SetProgress {
        let pulled = |item: &Item| match item.state {
            State::Pulled(bytes) => Some(bytes),
            _ => None,
        };
        SetProgress {
            set: self.planned.set.name.clone(),
            images: self.planned.set.images.len(),
            present: self.items.iter().filter(|item| item.state == State::Present).count(),
            pulled: self.items.iter().filter_map(pulled).count(),
            bytes: self.items.iter().filter_map(pulled).sum(),
            here: self.items.iter().filter(|item| item.here()).map(|item| item.image.clone()).collect(),
            missing: self.items.iter().filter(|item| item.missing).map(|item| item.image.clone()).collect(),
            failed: self.items.iter().filter_map(|item| item.failure.clone()).collect(),
            settled: self.items.iter().all(Item::settled),
            refused: self.planned.refused.clone(),
        }
    }
}

impl Item {
    fn new(image: &Arc<str>, pace: &Pace, now: Time) -> Self {
        Self {
            image: image.clone(),
            state: State::Waiting { step: Step::Check, due: now },
            missing: false,
            failure: None,
            fast: Backoff::new(pace.fast.0, pace.fast.1),
            slow: Backoff::new(pace.slow.0, pace.slow.1),
        }
    }

    /// It is there, or its first try is over: a retry changes nothing of that until it succeeds.
    fn settled(&self) -> bool {
        self.here() || self.failure.is_some()
    }

    fn here(&self) -> bool {
        matches!(self.state, State::Present | State::Pulled(_))
    }

    fn end(&mut self, step: Step, outcome: Outcome, patience: u32, from: Time, now: Time) {
        self.state = match outcome {
            Outcome::Present => State::Present,
            Outcome::Pulled(bytes) => State::Pulled(bytes),
            Outcome::Absent => State::Waiting { step: Step::Pull, due: now.max(from) },
            Outcome::Unanswered => State::Waiting { step, due: after(now, self.fast.wait()) },
            Outcome::Failed { text, no_such_image } => {
                let tries = self.failure.as_ref().map_or(0, |failure| failure.tries) + 1;
                self.failure = Some(PullFailure { image: self.image.clone(), text, tries });
                let slow = no_such_image || tries >= patience;
                let wait = if slow { self.slow.wait() } else { self.fast.wait() };
                State::Waiting { step: Step::Pull, due: after(now, wait) }
            }
        };
        self.missing = !self.here() && (self.missing || matches!(self.state, State::Waiting { step: Step::Pull, .. }));
        if self.here() {
            self.failure = None;
        }
    }
}

#[cfg(test)]
mod tests;
