//! How many stories may begin: a token bucket per cause, so that one cause can't starve the others, and one for the node.
//! Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Time, after, since};

/// One bucket's size and how often it regains one token.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// Tokens when full.
    pub burst: u32,
    /// Time per token.
    pub every: Duration,
}

/// Of each cause: as many at once as the kubelet's own recorder allows an object
/// (Kubernetes: client-go/tools/record/events_cache.go), but regained sooner.
pub const PER_CAUSE: Rate = Rate { burst: 25, every: Duration::from_secs(20) };
/// Of all causes together: one for half of the 110 pods a node carries by default.
pub const PER_NODE: Rate = Rate { burst: 60, every: Duration::from_secs(10) };

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bucket {
    rate: Rate,
    tokens: u32,
    filled: Time,
}

impl Bucket {
    fn full(rate: Rate, now: Time) -> Self {
        Self { rate, tokens: rate.burst, filled: now }
    }

    fn fill(&mut self, now: Time) {
        let periods = since(self.filled, now).as_millis() / self.rate.every.as_millis().max(1);
        let gained = u32::try_from(periods).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.rate.burst);
        self.filled = if self.tokens == self.rate.burst {
            now
        } else {
            after(self.filled, self.rate.every.saturating_mul(gained))
        };
    }
}

/// What is left to spend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Budget {
    node: Bucket,
    causes: BTreeMap<String, Bucket>,
}

impl Budget {
    /// Full at `now`.
    #[must_use]
    pub fn full(now: Time) -> Self {
        Self { node: Bucket::full(PER_NODE, now), causes: BTreeMap::new() }
    }

    /// Spends one token of the cause and one of the node, or neither.
    pub fn take(&mut self, cause: &str, now: Time) -> bool {
        let of_cause = self.causes.entry(cause.to_owned()).or_insert_with(|| Bucket::full(PER_CAUSE, now));
        self.node.fill(now);
        of_cause.fill(now);
        if self.node.tokens == 0 || of_cause.tokens == 0 {
            return false;
        }
        self.node.tokens -= 1;
        of_cause.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::UNIX_EPOCH;

    fn taken(budget: &mut Budget, cause: &'static str, now: Time) -> usize {
        (0..1_000).take_while(|_| budget.take(cause, now)).count()
    }

    #[test]
    fn one_cause_does_not_starve_another() {
        let mut budget = Budget::full(START);
        assert_eq!(taken(&mut budget, "A", START), 25);
        assert_eq!(taken(&mut budget, "B", START), 25);
    }

    #[test]
    fn all_causes_together_are_bounded() {
        let mut budget = Budget::full(START);
        let all: usize = ["A", "B", "C", "D"].map(|cause| taken(&mut budget, cause, START)).iter().sum();
        assert_eq!(all, 60);
    }

    #[test]
    fn tokens_come_back_with_time_and_never_beyond_the_burst() {
        let mut budget = Budget::full(START);
        taken(&mut budget, "A", START);
        assert_eq!(taken(&mut budget, "A", after(START, Duration::from_secs(19))), 0);
        assert_eq!(taken(&mut budget, "A", after(START, Duration::from_secs(41))), 2);
        assert_eq!(taken(&mut budget, "A", after(START, Duration::from_secs(86_400))), 25);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let later = after(START, Duration::from_secs(100));
        let mut budget = Budget::full(later);
        taken(&mut budget, "A", later);
        assert!(!budget.take("A", START));
    }
}
