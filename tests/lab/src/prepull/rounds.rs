//! Two ways measured in turn, round for round, so that what else the machine does meets both.

use std::fmt;
use std::time::Duration;

/// The times of one way and of the other; those of a round at the same place.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) one: Vec<Duration>,
    pub(super) other: Vec<Duration>,
}

impl Rounds {
    /// The median of the rounds' ratios, one way's time over the other's.
    fn ratio(&self) -> f64 {
        let both = self.one.iter().zip(&self.other);
        median(both.map(|(one, other)| one.as_secs_f64() / other.as_secs_f64()).collect())
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |times: &[Duration]| median(times.iter().map(Duration::as_secs_f64).collect());
        let (one, other, rounds) = (seconds(&self.one), seconds(&self.other), self.one.len());
        write!(f, "{:.2} × ({one:.2} s / {other:.2} s, {rounds} rounds)", self.ratio())
    }
}

/// The one in the middle, of an even number the lower of the two; nothing of nothing.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_middle_round_and_not_of_the_sums() {
        let seconds = |numbers: [u64; 3]| numbers.map(Duration::from_secs).to_vec();
        let rounds = Rounds { one: seconds([2, 90, 3]), other: seconds([1, 30, 3]) };
        assert_eq!(rounds.to_string(), "2.00 × (3.00 s / 3.00 s, 3 rounds)");
    }
}
