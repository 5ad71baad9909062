//! The pause image over time: whether it is on the node, and what came of our own pull where it is not.

use std::sync::Arc;

use crate::model::Time;

/// The pause image.
#[derive(Debug)]
pub struct PauseTrack {
    /// Its name.
    pub image: Arc<str>,
    /// When it was last asked for.
    pub at: Time,
    /// Since when it is as it is.
    since: Time,
    failure: Option<String>,
}

impl PauseTrack {
    /// It is here, or our own pull of it failed, as it does since the same was told `before`.
    #[must_use]
    pub fn told(before: Option<Self>, image: Arc<str>, failure: Option<String>, at: Time) -> Self {
        let same = |before: &Self| before.image == image && before.failure.is_some() == failure.is_some();
        let since = before.filter(same).map_or(at, |before| before.since);
        Self { image, at, since, failure }
    }

    /// Since when a pull of it fails, and how.
    #[must_use]
    pub fn missing(&self) -> Option<(Time, &str)> {
        Some((self.since, self.failure.as_deref()?))
    }

    /// Since when it is here.
    #[must_use]
    pub fn here(&self) -> Option<Time> {
        self.failure.is_none().then_some(self.since)
    }
}
