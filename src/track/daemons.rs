//! The node's two daemons over time, by their processes: when each was started anew, and what it said last before it ended.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::reading::{Reading, Verdict};
use crate::model::{Time, since};

/// Starts within this time make a loop …
const LOOP: Duration = Duration::from_secs(600);
/// … from so many on.
const STARTS: usize = 3;
/// More are not counted.
const STARTS_AT_MOST: usize = 32;
/// One that has been up for so long since its last start runs, for now. One that was up for less ended by itself.
const UP: Duration = Duration::from_secs(10);
/// A restart buys quiet at most this often.
const QUIET_AT_MOST_EVERY: Duration = Duration::from_secs(600);

/// The node's daemons.
#[derive(Debug, Default)]
pub struct Daemons {
    /// The kubelet.
    pub kubelet: Daemon,
    /// The container runtime.
    pub runtime: Daemon,
}

/// One of them.
#[derive(Debug, Default)]
pub struct Daemon {
    instance: Option<String>,
    up: bool,
    born: Option<Time>,
    down: bool,
    starts: VecDeque<Time>,
    /// Quiet was granted for a start at this moment.
    pub quiet_from: Option<Time>,
    /// Its last words before it ended, a line each.
    pub words: Option<String>,
}

/// One that keeps ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looping {
    /// The first start that counts.
    pub since: Time,
    /// How many there were.
    pub starts: usize,
}

impl Daemons {
    /// Takes in what one look of one probe found.
    pub fn heard(&mut self, probe: &str, readings: &[Reading], at: Time) {
        match probe {
            "kubelet" => self.kubelet.heard(readings, at),
            "runtime" => self.runtime.heard(readings, at),
            _ => {}
        }
    }
}

impl Daemon {
    fn heard(&mut self, readings: &[Reading], at: Time) {
        let fact = |name: &str| readings.iter().find_map(|reading| reading.fact(name));
        let instance = fact("instance");
        self.up = instance.is_some();
        if readings.iter().any(|reading| reading.verdict == Verdict::Broken) {
            self.down = true;
            self.words = fact("words").map(str::to_owned).or(self.words.take());
        }
        let Some(instance) = instance.filter(|new| self.instance.as_deref() != Some(new)) else { return };
        // The first that is seen may have run for long.
        if self.instance.replace(instance.to_owned()).is_some() {
            self.started(at);
        }
        (self.born, self.down) = (Some(at), false);
    }

    /// One that was not seen to be down, and had lasted, was restarted on purpose: that is no sign of a loop.
    fn started(&mut self, at: Time) {
        if self.quiet_from.is_none_or(|last| since(last, at) >= QUIET_AT_MOST_EVERY) {
            self.quiet_from = Some(at);
        }
        if self.down || self.born.is_some_and(|born| since(born, at) < UP) {
            self.starts.push_back(at);
        }
        self.starts.retain(|start| since(*start, at) < LOOP);
        if self.starts.len() > STARTS_AT_MOST {
            self.starts.pop_front();
        }
    }

    /// It was started at least three times in ten minutes, and does not run, or only just does.
    #[must_use]
    pub fn looping(&self, now: Time) -> Option<Looping> {
        let lately = || self.starts.iter().filter(|start| since(**start, now) < LOOP);
        let (starts, last) = (lately().count(), self.starts.back()?);
        let runs = self.up && since(*last, now) >= UP;
        let first = *lately().next()?;
        (starts >= STARTS && !runs).then_some(Looping { since: first, starts })
    }

    /// Since when the process that runs now is known to run.
    #[must_use]
    pub fn up_since(&self) -> Option<Time> {
        self.born.filter(|_| self.up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;

    fn second(n: u64) -> Time {
        after(Time::UNIX_EPOCH, Duration::from_secs(n))
    }

    fn runs(instance: &str) -> Vec<Reading> {
        vec![Reading::fine("kubelet", "process", "").with("instance", instance)]
    }

    fn ended(words: &str) -> Vec<Reading> {
        vec![Reading::broken("kubelet", "process", "KubeletDown", "").with("words", words)]
    }

    #[test]
    fn three_starts_in_ten_minutes_are_a_loop_until_one_lasts() {
        let mut daemons = Daemons::default();
        daemons.heard("kubelet", &runs("1@1"), second(0));
        for (n, instance) in ["2@2", "3@3", "4@4"].iter().enumerate() {
            assert_eq!(daemons.kubelet.looping(second(30 * n as u64)), None);
            daemons.heard("kubelet", &ended("swap is on"), second(30 * n as u64 + 20));
            daemons.heard("kubelet", &runs(instance), second(30 * n as u64 + 30));
        }
        let looping = daemons.kubelet.looping(second(95)).unwrap();
        assert_eq!(looping, Looping { since: second(30), starts: 3 });
        assert_eq!(daemons.kubelet.words.as_deref(), Some("swap is on"));
        assert_eq!(daemons.kubelet.looping(second(100)), None, "this one lasts");
        assert_eq!(daemons.kubelet.up_since(), Some(second(90)));
        daemons.heard("kubelet", &ended(""), second(120));
        assert!(daemons.kubelet.looping(second(121)).is_some(), "or not");
        assert_eq!(daemons.kubelet.looping(second(640)), None, "ten minutes later two of them count no more");
    }

    #[test]
    fn ten_restarts_on_purpose_are_no_loop_and_one_that_ends_at_once_is() {
        let mut daemons = Daemons::default();
        for n in 0..10 {
            daemons.heard("runtime", &runs(&format!("{n}@{n}")), second(20 * n));
            assert_eq!(daemons.runtime.looping(second(20 * n)), None);
        }
        for n in 0..4 {
            daemons.heard("runtime", &runs(&format!("1{n}@{n}")), second(300 + 6 * n));
        }
        assert!(daemons.runtime.looping(second(318)).is_some());
    }

    #[test]
    fn a_start_buys_quiet_once_in_ten_minutes_and_the_first_that_is_seen_is_none() {
        let mut daemons = Daemons::default();
        for (at, instance, quiet) in
            [(0, "1@1", None), (10, "2@2", Some(10)), (300, "3@3", Some(10)), (610, "4@4", Some(610))]
        {
            daemons.heard("runtime", &runs(instance), second(at));
            assert_eq!(daemons.runtime.quiet_from, quiet.map(second), "{instance}");
        }
        assert_eq!(daemons.kubelet.quiet_from, None);
    }
}
