//! How long to wait before the next try: exponential, with full jitter and a bound, so that many who failed together do
//! not come back together. Pure: it neither sleeps nor reads a clock.

use std::time::Duration;

/// Waits between tries. The n-th lies anywhere between nothing and `base` × 2ⁿ, at most `most`.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    most: Duration,
    tries: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// A backoff with a random seed.
    #[must_use]
    pub fn new(base: Duration, most: Duration) -> Self {
        Self { base, most, tries: 0, random: fastrand::Rng::new() }
    }

    /// One that yields the same waits for the same seed.
    #[must_use]
    pub fn seeded(base: Duration, most: Duration, seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), ..Self::new(base, most) }
    }

    /// The wait before the next try; counts the one that just failed.
    pub fn wait(&mut self) -> Duration {
        let ceiling = self.ceiling();
        self.tries = self.tries.saturating_add(1);
        ceiling.mul_f64(self.random.f64())
    }

    /// The longest the next wait can be.
    #[must_use]
    pub fn ceiling(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.tries);
        self.base.saturating_mul(factor).min(self.most)
    }

    /// A try succeeded: the next failure starts from `base` again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// The span or up to a fifth more, so that many who wait as long do not come together.
#[must_use]
pub fn jittered(span: Duration) -> Duration {
    span + span.mul_f64(0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_secs(2);

    #[test]
    fn waits_stay_below_a_doubling_ceiling_and_its_bound() {
        let mut backoff = Backoff::seeded(BASE, MOST, 7);
        for ceiling in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            assert_eq!(backoff.ceiling(), Duration::from_millis(ceiling));
            assert!(backoff.wait() <= Duration::from_millis(ceiling));
        }
    }

    #[test]
    fn a_thousand_failures_do_not_overflow() {
        let mut backoff = Backoff::seeded(BASE, MOST, 7);
        assert!((0..1_000).all(|_| backoff.wait() <= MOST));
    }

    #[test]
    fn waits_spread_over_the_whole_range() {
        let mut backoff = Backoff::seeded(BASE, BASE, 7);
        let waits: Vec<Duration> = (0..1_000).map(|_| backoff.wait()).collect();
        assert!(waits.iter().any(|w| *w < BASE / 10) && waits.iter().any(|w| *w > BASE * 9 / 10));
    }

    #[test]
    fn equal_seeds_wait_alike_and_success_starts_over() {
        let (mut one, mut other) = (Backoff::seeded(BASE, MOST, 1), Backoff::seeded(BASE, MOST, 1));
        assert!((0..20).all(|_| one.wait() == other.wait()));
        one.reset();
        assert_eq!(one.ceiling(), BASE);
    }
}
