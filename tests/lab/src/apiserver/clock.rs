//! The double's clock: wall time at the start plus tokio's monotonic time since, plus what a test added. It goes back only
//! where a test sets it back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that tests may set. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Timestamp,
    monotonic: Instant,
    added: Arc<Mutex<SignedDuration>>,
}

impl Clock {
    /// Anchors a clock at the host's wall time now.
    #[must_use]
    pub fn start() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// Anchors a clock at a given wall time.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { wall, monotonic: Instant::now(), added: Arc::default() }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let added = *self.added();
        let since = SignedDuration::try_from(self.monotonic.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(since.saturating_add(added)).unwrap_or(Timestamp::MAX)
    }

    /// Lets `time` pass at once: for a test that waits for an Event to expire.
    pub fn advance(&self, time: Duration) {
        let mut added = self.added();
        *added = added.saturating_add(SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX));
    }

    /// Sets it so far ahead of the host's, or behind it.
    pub fn set_apart(&self, by: SignedDuration) {
        *self.added() = by;
    }

    fn added(&self) -> MutexGuard<'_, SignedDuration> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time as Kubernetes writes `metav1.Time`: UTC, whole seconds.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
