//! Many nodes that pull the same images from one registry: its requests second by second, where all begin at once and where
//! each begins after its own delay. Computed, not measured: nothing is asked, no clock is read, and the registry answers all of
//! them as it answered one.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// The requests in the worst second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The nodes.
    pub nodes: usize,
    /// Where all begin at once.
    pub together: u64,
    /// Where each begins after its delay.
    pub spread: u64,
}

impl Load {
    /// Of nodes that begin after these delays, and each make so many requests in their first second, in their second, and so on.
    #[must_use]
    pub fn of(delays: &[Duration], node: &[u64]) -> Self {
        let together = delays.len() as u64 * node.iter().max().copied().unwrap_or_default();
        Self { nodes: delays.len(), together, spread: worst_second(delays, node) }
    }

    /// The share of the load that is left.
    #[must_use]
    pub fn ratio(self) -> f64 {
        self.spread as f64 / self.together as f64
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{:.0} ({} / {})", self.ratio().recip(), self.spread, self.together)
    }
}

fn worst_second(delays: &[Duration], node: &[u64]) -> u64 {
    let last = delays.iter().max().map_or(0, Duration::as_secs);
    let mut begun = vec![0; usize::try_from(last).unwrap_or_default() + 1];
    for delay in delays {
        if let Some(count) = usize::try_from(delay.as_secs()).ok().and_then(|second| begun.get_mut(second)) {
            *count += 1;
        }
    }
    let requests = |second: usize| -> u64 {
        let began = |(age, requests): (usize, &u64)| begun.get(second.checked_sub(age)?).map(|nodes| nodes * requests);
        node.iter().enumerate().filter_map(began).sum()
    };
    (0..begun.len() + node.len()).map(requests).max().unwrap_or_default()
}

/// One line a fleet.
#[must_use]
pub fn table(loads: &[Load]) -> String {
    let mut table =
        format!("{:>6}  {:>24}  {:>24}  spread / at once\n", "nodes", "at once, worst second", "spread, worst second");
    for load in loads {
        // Writing to a String does not fail.
        let _ok = writeln!(
            table,
            "{:>6}  {:>24}  {:>24}  1/{:.0}",
            load.nodes,
            load.together,
            load.spread,
            load.ratio().recip()
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_begin_in_different_seconds_still_meet_where_they_take_long() {
        let delays = [0, 0, 1, 5].map(Duration::from_secs);
        assert_eq!(Load::of(&delays, &[10]), Load { nodes: 4, together: 40, spread: 20 });
        assert_eq!(Load::of(&delays, &[10, 4]), Load { nodes: 4, together: 40, spread: 20 });
        assert_eq!(Load::of(&delays, &[4, 10]), Load { nodes: 4, together: 40, spread: 24 });
        assert_eq!(Load::of(&[], &[]), Load { nodes: 0, together: 0, spread: 0 });
    }
}
