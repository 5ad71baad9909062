//! How often Events may be asked for: per pod, per node and hour, and not at all in a storm. Pure; the time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::model::ids::PodUid;
use crate::model::{Time, since};

const HOUR: Duration = Duration::from_secs(3_600);
const STORM_WINDOW: Duration = Duration::from_secs(60);

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The least time between two questions for one pod.
    pub again: Duration,
    /// Questions per hour, over all pods.
    pub hourly: usize,
    /// More pods than this asking within a minute are a storm: their cause is the node's, and no pod's Events name it.
    pub storm: usize,
}

impl Limits {
    /// At most one question per pod in `again`, and of a node as many as its share of a cluster of thousands.
    #[must_use]
    pub fn new(again: Duration) -> Self {
        Self { again, hourly: 6, storm: 5 }
    }
}

/// Why a question is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This pod's Events were read a short while ago.
    #[error("asked for this pod a short while ago")]
    Recent,
    /// The hour's questions are spent.
    #[error("the node's questions of this hour are spent")]
    Spent,
    /// Too many pods are stuck at once.
    #[error("too many pods are stuck at once")]
    Storm,
}

/// What was asked, for as long as it matters.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    wanted: BTreeMap<PodUid, Time>,
    asked: VecDeque<(Time, PodUid)>,
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, wanted: BTreeMap::new(), asked: VecDeque::new() }
    }

    /// Takes one question about `pod` out of the budget.
    ///
    /// # Errors
    ///
    /// When one of the limits says that it may not be asked now.
    pub fn take(&mut self, pod: &PodUid, now: Time) -> Result<(), Refusal> {
        self.forget(now);
        self.wanted.insert(pod.clone(), now);
        if self.asked.iter().any(|(at, asked)| asked == pod && since(*at, now) < self.limits.again) {
            return Err(Refusal::Recent);
        }
        if self.wanted.len() > self.limits.storm {
            return Err(Refusal::Storm);
        }
        if self.asked.iter().filter(|(at, _)| since(*at, now) < HOUR).count() >= self.limits.hourly {
            return Err(Refusal::Spent);
        }
        self.asked.push_back((now, pod.clone()));
        Ok(())
    }

    fn forget(&mut self, now: Time) {
        self.wanted.retain(|_, at| since(*at, now) < STORM_WINDOW);
        let keep = self.limits.again.max(HOUR);
        while self.asked.front().is_some_and(|(at, _)| since(*at, now) >= keep) {
            self.asked.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;

    const AGAIN: Duration = Duration::from_secs(300);

    fn minute(n: u64) -> Time {
        after("2026-11-21T03:00:00Z".parse().unwrap(), Duration::from_secs(60 * n))
    }

    #[test]
    fn one_pod_is_asked_about_once_in_five_minutes() {
        let mut budget = Budget::new(Limits::new(AGAIN));
        let answers: Vec<_> = (0..7).map(|n| budget.take(&PodUid::new("a"), minute(n)).is_ok()).collect();
        assert_eq!(answers, [true, false, false, false, false, true, false]);
    }

    #[test]
    fn a_node_asks_six_times_an_hour() {
        let mut budget = Budget::new(Limits::new(AGAIN));
        let mut ask = |pod: u64| budget.take(&PodUid::new(&pod.to_string()), minute(2 * pod));
        assert!((0..6).all(|pod| ask(pod).is_ok()));
        assert_eq!(ask(6), Err(Refusal::Spent));
        assert_eq!(ask(29), Err(Refusal::Spent));
        assert_eq!(ask(30), Ok(()));
    }

    #[test]
    fn nothing_is_asked_in_a_storm() {
        let mut budget = Budget::new(Limits { hourly: 100, ..Limits::new(AGAIN) });
        let answers: Vec<_> = (0..8).map(|n| budget.take(&PodUid::new(&n.to_string()), minute(0))).collect();
        assert!(answers[..5].iter().all(Result::is_ok));
        assert!(answers[5..].iter().all(|answer| *answer == Err(Refusal::Storm)));
        assert_eq!(budget.take(&PodUid::new("later"), minute(1)), Ok(()));
    }
}
