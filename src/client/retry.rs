//! How long to wait before the next try: exponential, with full jitter above a floor, and a bound. Pure: the draw is an
//! argument, and nobody sleeps here.

use std::time::Duration;

/// Waits that double from `first` up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub first: Duration,
    /// The longest wait of all.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row, somewhere between half of `first` and the ceiling of that failure.
    /// `draw` is a random number from 0 to 1.
    #[must_use]
    pub fn wait(&self, failures: u32, draw: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let ceiling = self.first.saturating_mul(1 << doublings).min(self.most);
        let floor = (self.first / 2).min(ceiling);
        floor + (ceiling - floor).mul_f64(draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };

    #[test]
    fn ceilings_double_up_to_the_bound() {
        let ceilings = [1, 2, 3, 7, 40, u32::MAX].map(|failures| BACKOFF.wait(failures, 1.0).as_secs());
        assert_eq!(ceilings, [1, 2, 4, 60, 60, 60]);
    }

    #[test]
    fn the_luckiest_draw_still_waits() {
        for failures in [0, 1, 5, 50] {
            assert_eq!(BACKOFF.wait(failures, 0.0), Duration::from_millis(500));
        }
    }
}
