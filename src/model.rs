//! The nouns everything else speaks: what was seen, what it may mean, what is to be said.
//!
//! Plain data and the invariants that belong to it. This module never does I/O, never reads a clock and names no wire
//! type: CRI, containerd and Kubernetes objects are turned into these nouns at each observer's `convert.rs`.

pub mod cause;
pub mod cni;
pub mod diagnosis;
pub mod explanation;
pub mod glob;
pub mod ids;
pub mod image;
pub mod intent;
pub mod making;
pub mod marks;
pub mod node;
pub mod observation;
pub mod pod;
pub mod prepull;
pub mod profile;
pub mod pull;
pub mod reading;
pub mod redact;
pub mod runtime;
pub mod schedule;
pub mod settings;
pub mod sign;
pub mod skew;
pub mod snapshot;
pub mod stage;
pub mod verification;
pub mod volume;
pub mod wording;

use std::time::Duration;

/// A moment, in wall time. The agent's clock is anchored at its start and advanced monotonically (see `clock.rs`), so a
/// step of the host's clock neither makes a stall nor mends one.
pub type Time = jiff::Timestamp;

/// How long after `earlier` the moment `later` lies; zero if it lies before.
#[must_use]
pub fn since(earlier: Time, later: Time) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// The moment `span` after `start`, or `start` itself where the calendar ends.
#[must_use]
pub fn after(start: Time, span: Duration) -> Time {
    start.checked_add(span).unwrap_or(start)
}
