//! What an observer told last: what did not change is told again only now and then. It sends nothing itself.

use std::time::Duration;

use crate::model::{Time, since};

/// What did not change is told again after this time, so that it stays fresh evidence, as the absence of a fault does.
pub(super) const REPEAT: Duration = Duration::from_secs(10);

/// What was told last, and when.
#[derive(Debug)]
pub(super) struct Told<T> {
    last: Option<(Time, T)>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { last: None }
    }
}

impl<T: Clone + PartialEq> Told<T> {
    /// What was seen now, if it is worth telling: the first, a change, or due again.
    pub(super) fn news(&mut self, seen: T, now: Time) -> Option<T> {
        let stale = |(at, last): &(Time, T)| *last != seen || since(*at, now) >= REPEAT;
        if self.last.as_ref().is_none_or(stale) {
            self.last = Some((now, seen.clone()));
            return Some(seen);
        }
        None
    }

    /// What was told last.
    pub(super) fn last(&self) -> Option<&T> {
        self.last.as_ref().map(|(_, told)| told)
    }
}
