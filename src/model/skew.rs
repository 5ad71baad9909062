//! Two clocks beside each other, by an answer that says when it was made (RFC 9110, 6.6.1). Which of them is right nobody
//! can tell from that.

use std::time::Duration;

use serde::Serialize;

use super::reading::Reading;
use super::wording::span;
use super::{Time, after, since};

/// What a reading of it is about.
pub const CLOCK: &str = "clock";
/// Clocks that are further apart refuse each other's tokens and certificates (go-jose: jwt/validation.go, DefaultLeeway).
const REFUSED: Duration = Duration::from_secs(60);
/// A date has whole seconds.
const GRAIN: Duration = Duration::from_secs(1);

/// The clock of this node beside that of whoever answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Skew {
    /// Ours, when the answer came.
    pub ours: Time,
    /// Theirs, when they made it.
    pub theirs: Time,
    /// How long it was waited for. It was made somewhere in that time, so an answer that took long proves little.
    pub took: Duration,
}

impl Skew {
    /// By the `Date` of an answer; nothing where that is none.
    #[must_use]
    pub fn of(date: &str, ours: Time, took: Duration) -> Option<Self> {
        let moment = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", date).ok()?;
        let theirs = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Self { ours, theirs, took })
    }

    /// The latest that it can have been by their clock when the answer came.
    fn latest(&self) -> Time {
        after(self.theirs, self.took + GRAIN)
    }

    /// So far apart they are at least.
    #[must_use]
    pub fn at_least(&self) -> Duration {
        since(self.latest(), self.ours).max(since(self.ours, self.theirs))
    }

    /// And so far at most.
    #[must_use]
    pub fn at_most(&self) -> Duration {
        since(self.theirs, self.ours).max(since(self.ours, self.latest()))
    }

    /// What `probe` reads from it; nothing where the answer took too long to prove anything.
    #[must_use]
    pub fn reading(&self, probe: &'static str) -> Option<Reading> {
        let ahead = self.ours >= self.theirs;
        let apart = since(self.theirs, self.ours).max(since(self.ours, self.theirs));
        let apart = format!("{} {}", span(apart), if ahead { "ahead of" } else { "behind" });
        let says = format!("{apart} the API server's");
        let reading = match () {
            () if self.at_least() > REFUSED => Reading::broken(probe, CLOCK, "ClockSkewed", says),
            () if self.at_most() <= REFUSED => Reading::fine(probe, CLOCK, says),
            () => return None,
        };
        Some(reading.with("apart", apart))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict;

    fn skew(ours: &str, took: u64) -> Skew {
        let ours = format!("2026-11-21T{ours}Z").parse().unwrap();
        Skew::of("Sat, 21 Nov 2026 03:00:00 GMT", ours, Duration::from_secs(took)).unwrap()
    }

    #[test]
    fn only_a_date_as_servers_write_it_is_one() {
        for date in ["", "yesterday", "Saturday, 21-Nov-26 03:00:00 GMT", "Sat, 31 Feb 2026 03:00:00 GMT", "2026-11-21"]
        {
            assert_eq!(Skew::of(date, Time::UNIX_EPOCH, Duration::ZERO), None, "{date}");
        }
    }

    #[test]
    fn clocks_are_apart_in_either_direction() {
        for (ours, least, most, verdict, says) in [
            ("03:00:00", 0, 1, Verdict::Fine, "0 s ahead of the API server's"),
            ("03:00:05", 4, 5, Verdict::Fine, "5 s ahead of the API server's"),
            ("02:59:30", 30, 31, Verdict::Fine, "30 s behind the API server's"),
            ("03:05:00", 299, 300, Verdict::Broken, "5 min ahead of the API server's"),
            ("02:58:30", 90, 91, Verdict::Broken, "1 min 30 s behind the API server's"),
        ] {
            let skew = skew(ours, 0);
            assert_eq!((skew.at_least().as_secs(), skew.at_most().as_secs()), (least, most), "{ours}");
            let reading = skew.reading("api-server").unwrap();
            assert_eq!((reading.verdict, &*reading.says), (verdict, says));
        }
    }

    #[test]
    fn an_answer_that_took_long_proves_less() {
        let verdict = |ours, took| skew(ours, took).reading("api-server").map(|reading| reading.verdict);
        assert_eq!(verdict("03:01:10", 0), Some(Verdict::Broken));
        assert_eq!(verdict("03:01:10", 15), None, "it may have been made at 03:00:55 by our clock");
        assert_eq!(verdict("03:05:00", 15), Some(Verdict::Broken), "so far apart that it proves it all the same");
        assert_eq!(verdict("03:00:15", 15), Some(Verdict::Fine), "made when it was asked for");
        assert_eq!(verdict("02:59:10", 15), None, "50 s behind it when it was made, or 66 s");
        assert_eq!(verdict("02:58:30", 15), Some(Verdict::Broken));
    }
}
