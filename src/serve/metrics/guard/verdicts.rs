//! What was said of which token, for a minute; and how many were asked about. A bound on both. Unknown tokens cost no token
//! that was let in its place. A new token of the same reader is unknown too: while strangers use up the minute's questions, it
//! waits. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Verdict;
use crate::model::{Time, since};

/// What was said holds so long; a right that was taken away is noticed within this time.
const HOLDS: Duration = Duration::from_secs(60);
/// Verdicts that are kept: far more than a cluster has readers of metrics.
const KEPT: usize = 64;
/// Tokens that may be asked about within [`HOLDS`].
const ASKED: usize = 120;

/// A token without the token.
pub(super) type Whose = [u8; 32];

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// This was said.
    Said(Verdict),
    /// Nothing; it may be asked about.
    Unknown,
    /// Nothing, and too many were asked about.
    TooMany,
}

/// The verdicts.
#[derive(Debug)]
pub(super) struct Verdicts {
    said: BTreeMap<Whose, (Verdict, Time)>,
    minute: Time,
    asked: usize,
}

impl Verdicts {
    /// None yet.
    pub(super) fn new(now: Time) -> Self {
        Self { said: BTreeMap::new(), minute: now, asked: 0 }
    }

    /// What is known; where that is nothing, the caller asks, and that counts.
    pub(super) fn of(&mut self, whose: &Whose, now: Time) -> Known {
        let known = self.said.get(whose).copied();
        if let Some((verdict, _)) = known.filter(|(_, at)| since(*at, now) < HOLDS) {
            return Known::Said(verdict);
        }
        if since(self.minute, now) >= HOLDS {
            (self.minute, self.asked) = (now, 0);
        }
        // Who was let in last time is asked about whatever strangers do.
        let is_reader = known.is_some_and(|(verdict, _)| verdict == Verdict::Allowed);
        if self.asked >= ASKED && !is_reader {
            return Known::TooMany;
        }
        self.asked = self.asked.saturating_add(1);
        Known::Unknown
    }

    /// Keeps what was said. Who is not let in goes first where there is no room, then who was told of longest ago.
    pub(super) fn keep(&mut self, whose: Whose, verdict: Verdict, now: Time) {
        self.said.insert(whose, (verdict, now));
        if self.said.len() > KEPT {
            let worth = |(verdict, at): &(Verdict, Time)| (*verdict == Verdict::Allowed, *at);
            let least = self.said.iter().min_by_key(|(_, said)| worth(said)).map(|(whose, _)| *whose);
            least.and_then(|whose| self.said.remove(&whose));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;

    fn at(seconds: u64) -> Time {
        after(Time::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[test]
    fn what_was_said_holds_for_a_minute() {
        let mut verdicts = Verdicts::new(at(0));
        assert_eq!(verdicts.of(&[1; 32], at(0)), Known::Unknown);
        verdicts.keep([1; 32], Verdict::Allowed, at(0));
        assert_eq!(verdicts.of(&[1; 32], at(59)), Known::Said(Verdict::Allowed));
        assert_eq!(verdicts.of(&[1; 32], at(60)), Known::Unknown);
    }

    #[test]
    fn strangers_cost_no_reader_a_place_and_the_api_server_a_bounded_number_of_questions() {
        let mut verdicts = Verdicts::new(at(0));
        verdicts.keep([255; 32], Verdict::Allowed, at(0));
        let mut asked = 0;
        for stranger in 0..250 {
            if verdicts.of(&[stranger; 32], at(30)) == Known::Unknown {
                asked += 1;
                verdicts.keep([stranger; 32], Verdict::Nobody, at(30));
            }
        }
        assert_eq!((asked, verdicts.said.len()), (ASKED, KEPT));
        assert_eq!(verdicts.of(&[255; 32], at(59)), Known::Said(Verdict::Allowed));
        assert_eq!(verdicts.of(&[255; 32], at(59 + 1)), Known::Unknown);
        assert_eq!(verdicts.of(&[251; 32], at(61)), Known::Unknown, "another minute");
    }
}
