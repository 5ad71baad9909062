//! The kubelet's back-off between tries of one thing (client-go: util/flowcontrol/backoff.go). Never sleeps: it only answers.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Doubling pauses by key, forgotten when a key has been idle for twice the longest pause.
#[derive(Debug)]
pub(super) struct Backoff {
    initial: Duration,
    max: Duration,
    entries: HashMap<String, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    pause: Duration,
    updated: Instant,
}

impl Backoff {
    pub(super) fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, entries: HashMap::new() }
    }

    /// The pause now in force for `key`; zero when there is none.
    pub(super) fn pause(&self, key: &str) -> Duration {
        self.entries.get(key).map_or(Duration::ZERO, |entry| entry.pause)
    }

    /// What is left of the pause when it is counted from `since`, or from the last failure.
    pub(super) fn remaining(&self, key: &str, since: Option<Instant>, now: Instant) -> Option<Duration> {
        let entry = self.entries.get(key)?;
        let from = since.unwrap_or(entry.updated);
        if self.forgotten(entry, now) {
            return None;
        }
        (from + entry.pause).checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Counts one more failure.
    pub(super) fn next(&mut self, key: &str, now: Instant) {
        let pause = match self.entries.get(key) {
            Some(entry) if !self.forgotten(entry, now) => (entry.pause * 2).min(self.max),
            _ => self.initial,
        };
        self.entries.retain(|_, entry| now.duration_since(entry.updated) <= self.max * 2);
        self.entries.insert(key.to_owned(), Entry { pause, updated: now });
    }

    fn forgotten(&self, entry: &Entry, now: Instant) -> bool {
        now.duration_since(entry.updated) > self.max * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_are_forgotten_after_long_idleness() {
        let mut backoff = Backoff::new(10 * SECOND, 300 * SECOND);
        let start = Instant::now();
        assert_eq!(backoff.remaining("a", None, start), None);
        let pauses: Vec<u64> = (0..7)
            .map(|_| {
                backoff.next("a", start);
                backoff.pause("a").as_secs()
            })
            .collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.remaining("a", None, start + 299 * SECOND), Some(SECOND));
        assert_eq!(backoff.remaining("a", None, start + 300 * SECOND), None);
        backoff.next("a", start + 601 * SECOND);
        assert_eq!(backoff.pause("a"), 10 * SECOND);
    }
}
