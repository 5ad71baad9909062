//! The agent's clock: wall time at the start plus the monotonic time since. A step of the host's clock (NTP at boot, a
//! suspended machine's jump) moves no dwell and ends no story. Under tokio's paused time it is virtual. The only place
//! that reads a clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Time;

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

    /// How long from now until `then`; zero if it has passed.
    #[must_use]
    pub fn until(&self, then: Time) -> Duration {
        crate::model::since(self.now(), then)
    }
}
