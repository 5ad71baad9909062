//! What a look costs: the processor time of the thread that takes it, which is no clock of the world's.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// An answer and what it cost.
#[derive(Debug)]
pub(super) struct Costed<T> {
    /// The answer.
    pub(super) of: T,
    /// Processor time.
    pub(super) cost: Duration,
}

/// What `work` yields, and its cost.
pub(super) fn of<T>(work: impl FnOnce() -> T) -> Costed<T> {
    let before = spent();
    let of = work();
    Costed { of, cost: spent().saturating_sub(before) }
}

fn spent() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_and_waiting_does_not() {
        let work = || (0..3_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
        assert!(of(work).cost > of(std::thread::yield_now).cost);
    }
}
