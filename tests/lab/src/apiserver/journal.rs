//! What was asked and every Event that was written, for tests to look at. Bounded: the oldest entries go first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

/// What the server had to go through for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Objects that it looked at, whether they were meant or not; of a watch, those that it handed on.
    pub objects: u64,
    /// Their size as JSON.
    pub bytes: u64,
    /// They came from etcd rather than from its watch cache.
    pub stored: bool,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 0.
    pub number: u64,
    /// When it came.
    pub at: Timestamp,
    /// RBAC verb, or the method in lower case where no resource is meant.
    pub verb: String,
    /// `pods`, `pods/status`, or the path where no resource is meant.
    pub resource: String,
    /// Namespace, empty for none.
    pub namespace: String,
    /// Name of the object, empty for none.
    pub name: String,
    /// The query as it came.
    pub query: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// HTTP status; 0 while there is no answer.
    pub code: u16,
    /// Bytes of the answer's body so far.
    pub bytes: u64,
    /// What had to be read for it, so far.
    pub read: Read,
}

#[derive(Debug)]
struct Inner {
    kept: usize,
    asked: u64,
    entries: VecDeque<Entry>,
    events: VecDeque<Arc<Value>>,
}

/// The journal of one server.
#[derive(Debug)]
pub struct Journal(Mutex<Inner>);

impl Journal {
    /// Keeps so many requests, and as many Events.
    pub(super) fn of(kept: usize) -> Self {
        Self(Mutex::new(Inner { kept, asked: 0, entries: VecDeque::new(), events: VecDeque::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request and returns its number.
    pub(super) fn asked(&self, mut entry: Entry) -> u64 {
        let mut inner = self.lock();
        entry.number = inner.asked;
        inner.asked += 1;
        inner.entries.push_back(entry);
        if inner.entries.len() > inner.kept {
            inner.entries.pop_front();
        }
        inner.asked - 1
    }

    fn at(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let mut inner = self.lock();
        let first = inner.entries.front().map_or(0, |entry| entry.number);
        let index = number.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| inner.entries.get_mut(index)) {
            change(entry);
        }
    }

    pub(super) fn answered(&self, number: u64, code: u16) {
        self.at(number, |entry| entry.code = code);
    }

    pub(super) fn sent(&self, number: u64, bytes: usize) {
        self.at(number, |entry| entry.bytes += bytes as u64);
    }

    pub(super) fn read(&self, number: u64, read: Read) {
        self.at(number, |entry| {
            entry.read.objects += read.objects;
            entry.read.bytes += read.bytes;
            entry.read.stored |= read.stored;
        });
    }

    pub(super) fn event_written(&self, event: Arc<Value>) {
        let mut inner = self.lock();
        inner.events.push_back(event);
        if inner.events.len() > inner.kept {
            inner.events.pop_front();
        }
    }

    /// The requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Entry> {
        self.lock().entries.iter().cloned().collect()
    }

    /// How often this verb was asked of this resource.
    #[must_use]
    pub fn count(&self, verb: &str, resource: &str) -> usize {
        self.lock().entries.iter().filter(|entry| entry.verb == verb && entry.resource == resource).count()
    }

    /// How often Events were listed or watched: both cost a real API server a whole namespace (it has no cache for
    /// them).
    #[must_use]
    pub fn event_reads(&self) -> usize {
        self.count("list", "events") + self.count("watch", "events")
    }

    /// Every state an Event was ever in, in the order of writing.
    #[must_use]
    pub fn events(&self) -> Vec<Arc<Value>> {
        self.lock().events.iter().cloned().collect()
    }
}
