//! What waits to be written: bounded, in order per subject, one entry per Event however often it was refreshed meanwhile.
//! When full it gives up refreshes first and first reports last. Pure; it says what of it is to be kept on disk, and keeps
//! nothing itself.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::notice::{Notice, Telling};
use crate::client::backoff::Backoff;
use crate::model::diagnosis::Subject;
use crate::model::ids::NodeId;
use crate::model::{Time, since};

/// Between tries of one Event that was refused.
const REFUSED: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(600));

/// One Event to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// By which it is known, also to the journal: the later ones of a subject have greater numbers.
    number: u64,
    /// What it tells, by the latest word.
    pub notice: Notice,
    /// Not before.
    pub due: Time,
    /// Between tries, where this Event alone is refused.
    pub backoff: Backoff,
}

impl Entry {
    fn new(number: u64, notice: Notice, due: Time) -> Self {
        Self { number, notice, due, backoff: Backoff::new(REFUSED.0, REFUSED.1) }
    }
}

/// The queue. `held` arguments say of which subjects nothing may be written now; what is held waits and stays in order.
#[derive(Debug)]
pub struct Spool {
    entries: VecDeque<Entry>,
    /// Taken out, and not known to be written.
    flying: Option<Entry>,
    limit: usize,
    last: u64,
    changed: BTreeSet<u64>,
}

impl Spool {
    /// Empty, for at most `limit` entries.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), flying: None, limit, last: 0, changed: BTreeSet::new() }
    }

    /// How many entries wait of the subjects that `of` names.
    #[must_use]
    pub fn count(&self, of: impl Fn(&Subject) -> bool) -> usize {
        self.entries.iter().filter(|entry| of(&entry.notice.subject)).count()
    }

    /// Takes a notice. Returns what had to go for it, if the spool was full.
    pub fn push(&mut self, mut notice: Notice, due: Time) -> Option<Notice> {
        notice.evidence = Vec::new();
        if let Some(waiting) = self.entries.iter_mut().rev().find(|entry| entry.notice.same_event(&notice)) {
            let telling = waiting.notice.telling.max(notice.telling);
            waiting.notice = Notice { telling, ..notice };
            self.changed.insert(waiting.number);
            return None;
        }
        self.last += 1;
        self.changed.insert(self.last);
        self.entries.push_back(Entry::new(self.last, notice, due));
        self.make_room()
    }

    /// Takes up an entry of before.
    pub fn recall(&mut self, number: u64, notice: Notice, due: Time) {
        self.last = self.last.max(number);
        let at = self.entries.partition_point(|before| before.number < number);
        match self.entries.get_mut(at).filter(|same| same.number == number) {
            Some(same) => same.notice = notice,
            None => self.entries.insert(at, Entry::new(number, notice, due)),
        }
    }

    /// Forgets an entry of before.
    pub fn forget(&mut self, number: u64) {
        self.entries.retain(|entry| entry.number != number);
    }

    /// What changed since the last call, as it is now: the entry's number, and its notice if it still waits.
    pub fn take_changes(&mut self) -> impl Iterator<Item = (u64, Option<Notice>)> {
        let waiting = |number| self.entries.iter().chain(&self.flying).find(|entry| entry.number == number);
        std::mem::take(&mut self.changed)
            .into_iter()
            .map(move |number| (number, waiting(number).map(|e| e.notice.clone())))
    }

    /// All of it is to be kept anew.
    pub fn mark_all(&mut self) {
        self.changed.extend(self.entries.iter().chain(&self.flying).map(|entry| entry.number));
    }

    /// The entry that was taken out is written, or given up.
    pub fn settle(&mut self) {
        self.changed.extend(self.flying.take().map(|entry| entry.number));
    }

    /// Takes an entry back whose write failed, ahead of everything else of its subject.
    pub fn put_back(&mut self, mut entry: Entry) -> Option<Notice> {
        self.flying = None;
        let newer = self.entries.iter().position(|waiting| waiting.notice.same_event(&entry.notice));
        if let Some(newer) = newer.and_then(|at| self.entries.remove(at)) {
            self.changed.extend([newer.number, entry.number]);
            let telling = entry.notice.telling.max(newer.notice.telling);
            entry.notice = Notice { telling, ..newer.notice };
        }
        self.entries.push_front(entry);
        self.make_room()
    }

    fn make_room(&mut self) -> Option<Notice> {
        if self.entries.len() <= self.limit {
            return None;
        }
        let least = self.entries.iter().enumerate().min_by_key(|(at, entry)| (entry.notice.telling, *at))?.0;
        let given_up = self.entries.remove(least)?;
        self.changed.insert(given_up.number);
        Some(given_up.notice)
    }

    /// Takes the oldest entry out that may be written now.
    pub fn pop(&mut self, now: Time, held: impl Fn(&Subject) -> bool) -> Option<Entry> {
        let at = self.heads(held).find(|(_, entry)| entry.due <= now)?.0;
        self.flying = self.entries.remove(at);
        self.flying.clone()
    }

    /// When the next entry may be written.
    #[must_use]
    pub fn next_due(&self, held: impl Fn(&Subject) -> bool) -> Option<Time> {
        self.heads(held).map(|(_, entry)| entry.due).min()
    }

    /// The first entry of each subject of which something may be written.
    fn heads(&self, held: impl Fn(&Subject) -> bool) -> impl Iterator<Item = (usize, &Entry)> {
        let mut seen = BTreeSet::new();
        self.entries.iter().enumerate().filter(move |(_, entry)| {
            let subject = &entry.notice.subject;
            seen.insert(subject) && !subject.uid().is_empty() && !held(subject)
        })
    }

    /// The node's UID is known: what waited for it can be written.
    pub fn identify(&mut self, node: &NodeId) {
        for entry in &mut self.entries {
            if let Subject::Node(nameless) = &mut entry.notice.subject
                && nameless.uid.is_empty()
            {
                nameless.uid = Arc::clone(&node.uid);
                self.changed.insert(entry.number);
            }
        }
    }

    /// Forgets a story whose first report still waits; false, and nothing done, if that went out already.
    pub fn unsay(&mut self, ending: &Notice) -> bool {
        let of_story = |entry: &Entry| entry.notice.same_story(ending);
        let untold = self.entries.iter().any(|entry| of_story(entry) && entry.notice.telling == Telling::First);
        if untold {
            self.drop_where(of_story);
        }
        untold
    }

    /// Drops what is held and has nobody left to read it: of subjects that are gone, and words older than `stale`.
    pub fn tidy_held(&mut self, now: Time, gone: &[Arc<str>], stale: Duration, held: impl Fn(&Subject) -> bool) {
        let is_gone = |subject: &Subject| gone.iter().any(|uid| **uid == *subject.uid());
        self.drop_where(|Entry { notice, .. }| {
            held(&notice.subject) && (is_gone(&notice.subject) || since(notice.at, now) > stale)
        });
    }

    fn drop_where(&mut self, goes: impl Fn(&Entry) -> bool) {
        self.changed.extend(self.entries.iter().filter(|entry| goes(entry)).map(|entry| entry.number));
        self.entries.retain(|entry| !goes(entry));
    }

    /// Sets when the entries of subjects that `of` names may be written.
    pub fn reschedule(&mut self, of: impl Fn(&Subject) -> bool, mut due: impl FnMut() -> Time) {
        for entry in self.entries.iter_mut().filter(|entry| of(&entry.notice.subject)) {
            entry.due = due();
        }
    }

    /// Leaves only what must not be lost, due at once: the last moments before the agent ends. What is on disk stays there.
    pub fn hurry(&mut self, now: Time) {
        self.entries.retain(|entry| entry.notice.telling != Telling::Refresh);
        self.reschedule(|_| true, || now);
    }
}

#[cfg(test)]
mod tests;
