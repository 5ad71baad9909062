//! How long each probe rests, so that all of them together keep to what they may use of a processor. Each looks once a
//! period where that suffices for all; where it does not, the dear ones rest longer, and the cheap ones never.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Of a processor, all looks of one period: of the usual one, 0.05 %, half of what the whole agent may use on a calm node.
const BUDGET: Duration = Duration::from_millis(5);
/// The longest between two looks: what was found is forgotten ten minutes later.
const REST_AT_MOST: Duration = Duration::from_secs(480);
/// Likewise, in periods.
const PERIODS_AT_MOST: u32 = 48;

/// What each probe's last looks cost.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<Vec<Option<Duration>>>);

impl Ledger {
    /// Of so many probes, none of which has looked yet.
    pub(super) fn new(probes: usize) -> Self {
        Self(Mutex::new(vec![None; probes]))
    }

    /// How long the probe rests that looked at that cost. The first look pays for what later ones find in memory: it
    /// counts for nothing, nor does one alone that cost more than the one before.
    pub(super) fn rest(&self, probe: usize, cost: Duration, period: Duration) -> Duration {
        let mut costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = costs.get_mut(probe) else { return period };
        let usual = own.replace(cost).map_or(Duration::ZERO, |before| before.min(cost));
        let known: Vec<Duration> = costs.iter().flatten().copied().collect();
        let longest = REST_AT_MOST.min(period * PERIODS_AT_MOST).max(period);
        match part(known) {
            Some(part) if usual > part => period.mul_f64(usual.div_duration_f64(part)).min(longest),
            _ => period,
        }
    }
}

/// What a dear one may use in a period, once the cheap ones have what they use; none where there is enough for all.
fn part(mut costs: Vec<Duration>) -> Option<Duration> {
    costs.sort_unstable();
    let (mut left, mut among) = (BUDGET, u32::try_from(costs.len()).ok()?);
    for cost in costs {
        let part = left / among;
        if cost > part {
            return Some(part);
        }
        left -= cost;
        among -= 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    fn micros(of: u64) -> Duration {
        Duration::from_micros(of)
    }

    /// Twenty cheap ones, and then these.
    fn ledger(dear: &[u64]) -> Ledger {
        let costs: Vec<u64> = [50; 20].into_iter().chain(dear.iter().copied()).collect();
        let ledger = Ledger::new(costs.len());
        for (probe, cost) in costs.iter().enumerate() {
            ledger.rest(probe, micros(*cost), PERIOD);
        }
        ledger
    }

    #[test]
    fn where_there_is_enough_for_all_nobody_rests_longer() {
        let ledger = ledger(&[3_900]);
        assert_eq!(ledger.rest(0, micros(50), PERIOD), PERIOD);
        assert_eq!(ledger.rest(20, micros(3_900), PERIOD), PERIOD);
    }

    #[test]
    fn the_dear_ones_divide_what_the_cheap_ones_leave() {
        let ledger = ledger(&[8_000, 20_000]);
        assert_eq!(ledger.rest(0, micros(50), PERIOD), PERIOD);
        // 4 ms are left for two.
        assert_eq!(ledger.rest(20, micros(8_000), PERIOD), Duration::from_secs(40));
        assert_eq!(ledger.rest(21, micros(20_000), PERIOD), Duration::from_secs(100));
        let used = 20.0 * 0.05 / 10.0 + 8.0 / 40.0 + 20.0 / 100.0;
        assert!(used <= 0.5 + 1e-9, "{used} ms a second: 0.05 %");
    }

    #[test]
    fn whoever_looks_more_often_has_it_cost_as_much_a_look() {
        let (ledger, second) = (ledger(&[8_000, 20_000]), Duration::from_secs(1));
        assert_eq!(ledger.rest(20, micros(8_000), second), Duration::from_secs(4));
    }

    #[test]
    fn one_dear_look_alone_and_the_first_one_count_for_nothing() {
        let ledger = ledger(&[]);
        assert_eq!(ledger.rest(3, micros(900_000), PERIOD), PERIOD, "the others cost as little as before");
        assert!(ledger.rest(3, micros(900_000), PERIOD) > PERIOD * 9, "twice in a row it does");
        assert_eq!(Ledger::new(1).rest(0, micros(900_000), PERIOD), PERIOD);
    }

    #[test]
    fn nobody_rests_for_ever() {
        let ledger = ledger(&[60_000_000]);
        assert_eq!(ledger.rest(20, micros(60_000_000), PERIOD), Duration::from_secs(480));
        assert_eq!(ledger.rest(20, micros(60_000_000), Duration::from_secs(600)), Duration::from_secs(600));
    }
}
