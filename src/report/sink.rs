//! When to write what waits: spread, one request at a time, after a failure later. Turns what came of a write into a log
//! line once per change, a count, and the next try. Owns the spool; sends nothing itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::apiserver::Outcome;
use super::memory::Record;
use super::notice::{Notice, Telling};
use super::scope;
use super::spool::{Entry, Spool};
use super::stories::EVENT_TTL;
use super::tally::{Tally, Written};
use crate::client::backoff::Backoff;
use crate::model::diagnosis::Subject;
use crate::model::ids::NodeId;
use crate::model::settings::ReportSettings;
use crate::model::{Time, after};

/// Four Events on each of 500 pods.
const SPOOL_LIMIT: usize = 2_000;
/// Between tries while the API server is away: after a long outage every node has something to tell, and what came of it.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(120));
/// At the least, between two tries of one Event that was refused.
const REFUSED_AT_LEAST: Duration = Duration::from_secs(5);

/// The writing end of reporting.
pub struct Sink {
    spool: Spool,
    settings: ReportSettings,
    random: fastrand::Rng,
    away: Backoff,
    paused_until: Option<Time>,
    failing: bool,
    refused: BTreeSet<(u16, &'static str)>,
    tally: Arc<dyn Tally>,
}

impl Sink {
    /// With nothing to write.
    #[must_use]
    pub fn new(settings: ReportSettings, tally: Arc<dyn Tally>) -> Self {
        Self {
            spool: Spool::new(SPOOL_LIMIT),
            settings,
            random: fastrand::Rng::new(),
            away: Backoff::new(AWAY.0, AWAY.1),
            paused_until: None,
            failing: false,
            refused: BTreeSet::new(),
            tally,
        }
    }

    /// How many Events wait to be written, those not counted that the brake holds back.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.spool.count(|subject| self.admits(subject))
    }

    /// How many Events the brake holds back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.spool.count(|subject| !self.admits(subject))
    }

    /// Whether Events may be written on this subject now.
    #[must_use]
    pub fn admits(&self, subject: &Subject) -> bool {
        scope::admits(&self.settings, subject)
    }

    /// Other settings are in force. What they release is spread anew: they reached every node at once.
    pub fn configure(&mut self, now: Time, settings: ReportSettings) {
        let before = std::mem::replace(&mut self.settings, settings);
        let Self { spool, settings, random, .. } = self;
        let released = |subject: &Subject| !scope::admits(&before, subject) && scope::admits(settings, subject);
        spool.reschedule(released, || after(now, jitter(random, settings.spread)));
    }

    /// Takes a notice to be written. Every write is spread, not only the first of a story: what a registry breaks on all
    /// nodes at once it also mends at once.
    pub fn accept(&mut self, now: Time, notice: Notice) {
        let held = !self.admits(&notice.subject);
        if held && notice.telling == Telling::Ended && self.spool.unsay(&notice) {
            return;
        }
        let due = after(now, jitter(&mut self.random, self.settings.spread));
        if let Some(given_up) = self.spool.push(notice, due) {
            self.drop_for_room(&given_up);
        }
    }

    /// The node's UID, and the UIDs of subjects that are gone.
    pub fn learn(&mut self, now: Time, node: Option<&NodeId>, gone: &[Arc<str>]) {
        if let Some(node) = node {
            self.spool.identify(node);
        }
        let settings = &self.settings;
        self.spool.tidy_held(now, gone, EVENT_TTL, |subject| !scope::admits(settings, subject));
    }

    /// The next Event to write now, if any.
    pub fn next(&mut self, now: Time) -> Option<Entry> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        let settings = &self.settings;
        self.spool.pop(now, |subject| !scope::admits(settings, subject))
    }

    /// When to ask again for the next one.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        let due = self.spool.next_due(|subject| !self.admits(subject))?;
        Some(self.paused_until.map_or(due, |until| until.max(due)))
    }

    /// Takes the outcome of a write.
    pub fn settle(&mut self, now: Time, entry: Entry, anew: bool, outcome: Outcome) {
        match outcome {
            Outcome::Written => self.written(anew),
            Outcome::Nobody => self.give_up(),
            Outcome::Faulty(text) => self.faulty(&entry, &text),
            Outcome::Away { text, retry_after } => self.is_away(now, entry, &text, retry_after),
            Outcome::Refused { status, verb, text } => self.is_refused(now, entry, (status, verb), &text),
        }
    }

    /// What changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<Record> {
        self.spool.take_changes().map(|(of, is)| Record::Event { of, is: is.map(Box::new) }).collect()
    }

    /// All of it is to be kept anew.
    pub(super) fn mark_all(&mut self) {
        self.spool.mark_all();
    }

    /// Takes up an entry of before. Its write is spread anew: all agents of a fleet may begin at once.
    pub(super) fn recall(&mut self, of: u64, is: Option<Notice>, now: Time) {
        match is {
            Some(notice) => self.spool.recall(of, notice, after(now, jitter(&mut self.random, self.settings.spread))),
            None => self.spool.forget(of),
        }
    }

    /// Only what must not be lost, and at once.
    pub fn hurry(&mut self, now: Time) {
        self.spool.hurry(now);
        self.paused_until = None;
    }

    fn give_up(&mut self) {
        self.spool.settle();
        self.tally.event(Written::Dropped);
    }

    fn written(&mut self, anew: bool) {
        self.spool.settle();
        self.tally.event(Written::Written);
        self.away.reset();
        self.paused_until = None;
        let verb = if anew { "create" } else { "patch" };
        let refused_before = self.refused.len();
        self.refused.retain(|(status, refused)| *status != 401 && *refused != verb);
        if std::mem::take(&mut self.failing) || self.refused.len() < refused_before {
            tracing::info!(pending = self.pending(), "the API server takes Events again");
        }
    }

    fn faulty(&mut self, entry: &Entry, text: &str) {
        self.give_up();
        tracing::error!(
            reason = entry.notice.reason,
            error = text,
            "the API server finds an Event faulty; it is dropped"
        );
    }

    fn is_away(&mut self, now: Time, entry: Entry, text: &str, retry_after: Option<Duration>) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(error = text, "the API server takes no Events; they are kept and written later");
        }
        let wait = self.away.wait();
        self.pause(now, retry_after.map_or(wait, |told| told + wait));
        self.try_again(entry, now);
    }

    fn is_refused(&mut self, now: Time, mut entry: Entry, what: (u16, &'static str), text: &str) {
        let (status, verb) = what;
        if self.refused.insert(what) {
            let resource = "events";
            tracing::warn!(
                status,
                verb,
                resource,
                error = text,
                "the API server refuses Events; they are kept. Check RBAC"
            );
        }
        if status == 401 {
            let wait = self.away.wait();
            self.pause(now, wait);
        }
        let due = after(now, REFUSED_AT_LEAST + entry.backoff.wait());
        self.try_again(entry, due);
    }

    fn pause(&mut self, now: Time, wait: Duration) {
        self.paused_until = Some(after(now, wait));
    }

    fn try_again(&mut self, mut entry: Entry, due: Time) {
        self.tally.event(Written::Failed);
        entry.due = due;
        if let Some(given_up) = self.spool.put_back(entry) {
            self.drop_for_room(&given_up);
        }
    }

    fn drop_for_room(&self, given_up: &Notice) {
        self.tally.event(Written::Dropped);
        tracing::debug!(
            reason = given_up.reason,
            telling = given_up.telling.as_str(),
            "no room for an Event; it is dropped"
        );
    }
}

fn jitter(random: &mut fastrand::Rng, most: Duration) -> Duration {
    most.mul_f64(random.f64())
}
