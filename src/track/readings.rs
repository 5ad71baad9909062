//! What the probes of the node found, over time: since when each answer has been what it is, and where a share that can run
//! out is going.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::reading::{Reading, Verdict};
use crate::model::{Time, since};

/// Between two samples of a share that can run out.
const SAMPLE_EVERY: Duration = Duration::from_secs(60);
/// Samples kept of it: an hour's worth.
const SAMPLES: usize = 60;

/// The answers of all probes, by probe and what each is about.
#[derive(Debug, Default)]
pub struct Readings {
    known: BTreeMap<(&'static str, Arc<str>), Course>,
}

/// One answer over time.
#[derive(Debug)]
pub struct Course {
    /// The last one.
    pub reading: Reading,
    /// When it was given.
    pub at: Time,
    /// Since when the verdict has been what it is.
    pub since: Time,
    /// How many looks in a row gave it.
    pub looks: u32,
    samples: VecDeque<(Time, f64)>,
}

impl Readings {
    /// Takes in what one look of some probes found.
    pub fn heard(&mut self, readings: Vec<Reading>, at: Time) {
        for reading in readings {
            let key = (reading.probe, reading.of.clone());
            match self.known.get_mut(&key) {
                Some(course) => course.goes_on(reading, at),
                None => _ = self.known.insert(key, Course::begin(reading, at)),
            }
        }
    }

    /// Every answer.
    pub fn all(&self) -> impl Iterator<Item = &Course> {
        self.known.values()
    }

    /// What one probe said last about one thing.
    #[must_use]
    pub fn of(&self, probe: &'static str, of: &str) -> Option<&Course> {
        self.known.get(&(probe, Arc::from(of)))
    }
}

impl Course {
    fn begin(reading: Reading, at: Time) -> Self {
        let samples = reading.amount.iter().map(|amount| (at, amount.used)).collect();
        Self { reading, at, since: at, looks: 1, samples }
    }

    fn goes_on(&mut self, reading: Reading, at: Time) {
        if reading.verdict == self.reading.verdict {
            self.looks = self.looks.saturating_add(1);
        } else {
            (self.since, self.looks) = (at, 1);
        }
        let due = self.samples.back().is_none_or(|(last, _)| since(*last, at) >= SAMPLE_EVERY);
        if let Some(amount) = reading.amount.filter(|_| due) {
            self.samples.push_back((at, amount.used));
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
        }
        (self.reading, self.at) = (reading, at);
    }

    /// It was found wrong more than once: nothing is raised on one failed look.
    #[must_use]
    pub fn broken(&self) -> bool {
        self.reading.verdict == Verdict::Broken && self.looks > 1
    }

    /// In how long it runs out if it goes on as in the last hour; none while it does not grow, or too little of it was seen.
    #[must_use]
    pub fn out_in(&self) -> Option<Duration> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.samples.back()?;
        let span = since(*first_at, *last_at);
        let grown = last - first;
        if span < SAMPLE_EVERY * 10 || grown <= 0.0 {
            return None;
        }
        let amount = self.reading.amount?;
        Duration::try_from_secs_f64((amount.limit - amount.used).max(0.0) * span.as_secs_f64() / grown).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;
    use crate::model::reading::Unit;

    const START: Time = Time::UNIX_EPOCH;

    fn minute(n: u32) -> Time {
        after(START, Duration::from_secs(60) * n)
    }

    #[test]
    fn one_look_is_not_enough_and_another_verdict_begins_anew() {
        let mut readings = Readings::default();
        let broken = || Reading::broken("disk", "kubelet", "DiskFull", "0 B free");
        readings.heard(vec![broken()], minute(0));
        assert!(!readings.of("disk", "kubelet").unwrap().broken());
        readings.heard(vec![broken()], minute(1));
        let course = readings.of("disk", "kubelet").unwrap();
        assert!(course.broken());
        assert_eq!(course.since, minute(0));
        readings.heard(vec![Reading::fine("disk", "kubelet", "")], minute(2));
        assert_eq!(readings.of("disk", "kubelet").unwrap().since, minute(2));
    }

    #[test]
    fn what_grows_steadily_runs_out_in_time_and_what_shrinks_does_not() {
        let mut readings = Readings::default();
        let used = |used: f64| Reading::fine("disk", "logs", "").of_amount(used, 100.0, Unit::Bytes);
        for n in 0..=20 {
            readings.heard(vec![used(f64::from(n))], minute(n));
        }
        let left = readings.of("disk", "logs").unwrap().out_in().unwrap();
        assert_eq!(left, Duration::from_secs(80 * 60));
        readings.heard(vec![used(0.0)], minute(21));
        assert_eq!(readings.of("disk", "logs").unwrap().out_in(), None);
    }
}
