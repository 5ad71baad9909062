//! The agent's clock: wall time at the start plus the monotonic time since. A step of the host's clock (NTP at boot, a
//! suspended machine's jump) moves no dwell and ends no story. Under tokio's paused time it is virtual. The only place
//! that reads a clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Time;

/// Calm waits end at multiples of this since the start.
const BEAT: Duration = Duration::from_secs(2);

/// A clock anchored at its creation. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Time,
    monotonic: Instant,
    hosts: bool,
}

impl Clock {
    /// Anchors a clock at the host's wall time now.
    #[must_use]
    pub fn start() -> Self {
        Self::anchored_at(jiff::Timestamp::now())
    }

    /// Anchors a clock at a given wall time, beside a host whose clock may say another.
    #[must_use]
    pub fn anchored_at(wall: Time) -> Self {
        Self { hosts: true, ..Self::starting_at(wall) }
    }

    /// Anchors a clock at a given wall time: for tests and replays.
    #[must_use]
    pub fn starting_at(wall: Time) -> Self {
        Self { wall, monotonic: Instant::now(), hosts: false }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Time {
        crate::model::after(self.wall, self.monotonic.elapsed())
    }

    /// What the host's clock says now, which may have been set since the start: only to compare it with another's. Nobody
    /// sets a clock of tests and replays.
    #[must_use]
    pub fn hosts_time(&self) -> Time {
        if self.hosts { jiff::Timestamp::now() } else { self.now() }
    }

    /// How long to wait for about so long, together with all others that do: until the last beat within it. A processor that
    /// is woken once for many looks does less than one that is woken for each. Less than two beats stay what they are.
    #[must_use]
    pub fn together(&self, span: Duration) -> Duration {
        if span < BEAT * 2 {
            return span;
        }
        let end = self.monotonic.elapsed() + span;
        span - Duration::from_nanos_u128(end.as_nanos() % BEAT.as_nanos())
    }

    /// How long from now until `then`; zero if it has passed.
    #[must_use]
    pub fn until(&self, then: Time) -> Duration {
        crate::model::since(self.now(), then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calm_waits_end_together_and_short_ones_when_they_should() {
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        let seconds = Duration::from_secs_f64;
        for (from, span, until) in
            [(0.0, 10.0, 10.0), (0.3, 10.0, 10.0), (1.9, 10.0, 10.0), (2.0, 10.0, 12.0), (2.5, 3.0, 5.5)]
        {
            tokio::time::advance(seconds(from).saturating_sub(clock.monotonic.elapsed())).await;
            assert_eq!(seconds(from) + clock.together(seconds(span)), seconds(until), "{span} s from {from} s on");
        }
    }
}
