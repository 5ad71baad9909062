//! One story of one subject: raised, refreshed, perhaps changed, ended, perhaps taken up again. Each (cause, type) it goes
//! through is one Event; each stretch of it is kept for the ending's account.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::notice::{Notice, RESOLVED, Telling};
use crate::model::cause::{Cause, EventType, as_id};
use crate::model::diagnosis::{Cleared, Diagnosis, Subject};
use crate::model::{Time, after, since, wording};

/// When an Event is refreshed, in minutes after its first time; after the last one every [`EVERY`].
const REFRESH_AT: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// Half of the Event TTL: one lost refresh does not lose the Event.
pub(super) const EVERY: Duration = Duration::from_secs(1_800);
/// An ending accounts for at most so many causes.
const CAUSES_NAMED: usize = 5;

/// One story.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::report) struct Story {
    id: Arc<str>,
    events: Vec<Told>,
    current: usize,
    spans: Vec<Span>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    span_from: Time,
    spells: u32,
    /// After a restart nothing was heard yet.
    #[serde(skip)]
    heard: Time,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    ended: Option<Time>,
    endings: Vec<Ending>,
}

/// The Event of one of its endings: there is one for each cause that it ended with.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Ending {
    #[serde(serialize_with = "as_id")]
    cause: &'static Cause,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    first: Time,
    count: u32,
}

/// How long it was so, in all its spells.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Span {
    #[serde(serialize_with = "as_id")]
    cause: &'static Cause,
    length: Duration,
}

/// One Event of a story.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    #[serde(serialize_with = "as_id")]
    cause: &'static Cause,
    kind: EventType,
    brief: bool,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    first: Time,
    count: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    due: Time,
}

impl Told {
    fn new(now: Time, diagnosis: &Diagnosis) -> Self {
        let Diagnosis { cause, kind, brief, .. } = *diagnosis;
        Self { cause, kind, brief, first: now, count: 1, due: refresh_after(now, now) }
    }

    fn again(&mut self, now: Time) {
        self.count = self.count.saturating_add(1);
        self.due = refresh_after(self.first, now);
    }
}

impl Story {
    /// By which its notices name it.
    pub(in crate::report) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Begins with its first report.
    pub(super) fn begin(now: Time, diagnosis: &Diagnosis) -> (Self, Notice) {
        let began = diagnosis.since.min(now);
        let story = Self {
            id: id(diagnosis, began),
            events: vec![Told::new(now, diagnosis)],
            current: 0,
            spans: Vec::new(),
            span_from: began,
            spells: 1,
            heard: now,
            ended: None,
            endings: Vec::new(),
        };
        let first = story.tell(now, Telling::First, diagnosis);
        (story, first)
    }

    /// The trouble holds. News if the cause changed, if a refresh is due, or if the story had ended.
    pub(super) fn hear(&mut self, now: Time, diagnosis: &Diagnosis) -> Option<Notice> {
        self.heard = now;
        let reopened = self.reopen(now, diagnosis);
        let changed = self.turn_to(now, diagnosis);
        let told = self.events.get_mut(self.current)?;
        match changed {
            Some(Change::New) => return Some(self.tell(now, Telling::Changed, diagnosis)),
            _ if told.brief => return None,
            _ if !reopened && now < told.due => return None,
            _ => told.again(now),
        }
        let telling = if changed.is_some() { Telling::Changed } else { Telling::Refresh };
        Some(self.tell(now, telling, diagnosis))
    }

    /// Positive evidence that it is over; an ending once that has held for `dwell` with no diagnosis in between.
    pub(super) fn end(&mut self, now: Time, cleared: &Cleared, dwell: Duration) -> Option<Notice> {
        if self.ended.is_some() || since(cleared.since.max(self.heard), now) < dwell {
            return None;
        }
        let over = cleared.since.clamp(self.span_from, now.max(self.span_from));
        self.close_span(over);
        self.ended = Some(now);
        if self.events.iter().all(|told| told.brief) {
            return None;
        }
        let last = self.events.get(self.current)?.cause;
        let Ending { first, count, .. } = self.end_with(last, now);
        Some(Notice {
            at: now,
            telling: Telling::Ended,
            subject: cleared.subject.clone(),
            story: Arc::clone(&self.id),
            reason: RESOLVED,
            cause: Some(last),
            kind: EventType::Normal,
            sentence: self.account(&cleared.how),
            in_full: None,
            field_path: None,
            evidence: Vec::new(),
            first,
            count,
            brief: false,
        })
    }

    fn end_with(&mut self, cause: &'static Cause, now: Time) -> Ending {
        let before =
            self.endings.iter().position(|ending| ending.cause.id == cause.id).map(|at| self.endings.swap_remove(at));
        let ending = before.unwrap_or(Ending { cause, first: now, count: 0 });
        let ending = Ending { count: ending.count.saturating_add(1), ..ending };
        self.endings.push(ending);
        ending
    }

    /// Is another after everything that is worth keeping; that the trouble goes on is not.
    pub(super) fn state(&self) -> impl Eq + use<> {
        let told: u32 = self.events.iter().map(|told| told.count).sum();
        (self.events.len(), self.current, told, self.spells, self.ended)
    }

    /// As it was kept.
    pub(super) fn recalled(self, heard: Time) -> Self {
        Self { heard, ..self }
    }

    /// It was told and has not ended.
    pub(in crate::report) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Ended for so long that trouble from now on is another story.
    pub(super) fn is_over(&self, now: Time, reopen: Duration) -> bool {
        self.ended.is_some_and(|ended| since(ended, now) > reopen)
    }

    fn reopen(&mut self, now: Time, diagnosis: &Diagnosis) -> bool {
        let reopened = self.ended.take().is_some();
        if reopened {
            let ended_with = self.events.get(self.current).map(|told| told.cause.id);
            if ended_with == Some(diagnosis.cause.id) {
                self.spells = self.spells.saturating_add(1);
            } else {
                // What ended was accounted for; what comes now ends by itself.
                (self.spells, self.spans) = (1, Vec::new());
            }
            self.span_from = diagnosis.since.clamp(self.span_from, now.max(self.span_from));
        }
        reopened
    }

    /// Makes the Event of this diagnosis the current one. A Warning never shrinks back while its cause holds.
    fn turn_to(&mut self, now: Time, diagnosis: &Diagnosis) -> Option<Change> {
        let current = self.events.get(self.current)?;
        let same_cause = current.cause.id == diagnosis.cause.id;
        if same_cause && current.kind >= diagnosis.kind {
            return None;
        }
        if !same_cause {
            self.close_span(diagnosis.since.clamp(self.span_from, now.max(self.span_from)));
        }
        let known = |told: &Told| told.cause.id == diagnosis.cause.id && told.kind >= diagnosis.kind;
        if let Some(at) = self.events.iter().rposition(known) {
            self.current = at;
            return Some(Change::Back);
        }
        self.events.push(Told::new(now, diagnosis));
        self.current = self.events.len() - 1;
        Some(Change::New)
    }

    fn close_span(&mut self, until: Time) {
        let length = since(self.span_from, until);
        self.span_from = until;
        let Some(cause) = self.events.get(self.current).map(|told| told.cause) else { return };
        match self.spans.iter_mut().find(|span| span.cause.id == cause.id) {
            Some(span) => span.length += length,
            None => self.spans.push(Span { cause, length }),
        }
    }

    /// `Started after 9 min 40 s: ImagePullQueued 8 min 12 s, ImagePullSlow 1 min 28 s.` The time that was well between two
    /// spells is in no sum.
    fn account(&self, how: &str) -> String {
        let whole: Duration = self.spans.iter().map(|span| span.length).sum();
        let mut spans: Vec<_> = self.spans.iter().filter(|span| span.length.as_secs() > 0).collect();
        spans.sort_by_key(|span| std::cmp::Reverse(span.length));
        let named = match spans.as_slice() {
            [] => self.events.get(self.current).map_or(String::new(), |told| told.cause.id.to_owned()),
            [span] => span.cause.id.to_owned(),
            several => several.iter().take(CAUSES_NAMED).map(|span| span.to_string()).collect::<Vec<_>>().join(", "),
        };
        let spells = if self.spells > 1 { format!(" in {} spells", self.spells) } else { String::new() };
        format!("{how} after {}{spells}: {named}.", wording::span(whole))
    }

    fn tell(&self, now: Time, telling: Telling, diagnosis: &Diagnosis) -> Notice {
        let told = self.events.get(self.current);
        Notice {
            at: now,
            telling,
            subject: diagnosis.subject.clone(),
            story: Arc::clone(&self.id),
            reason: diagnosis.cause.id,
            cause: Some(diagnosis.cause),
            kind: told.map_or(diagnosis.kind, |told| told.kind),
            sentence: diagnosis.sentence.clone(),
            in_full: diagnosis.in_full.clone(),
            field_path: diagnosis.field_path.clone(),
            evidence: diagnosis.evidence.clone(),
            first: told.map_or(now, |told| told.first),
            count: told.map_or(1, |told| told.count),
            brief: diagnosis.brief,
        }
    }
}

/// How the current Event changed.
enum Change {
    /// To one that was not told yet in this story.
    New,
    /// Back to one that was: it is told when its refresh is due, so that causes which alternate do not flood.
    Back,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cause.id, wording::span(self.length))
    }
}

/// Names a story by its topic and its start. The subject's UID comes with the subject.
fn id(diagnosis: &Diagnosis, began: Time) -> Arc<str> {
    let of = diagnosis.topic.of.as_deref().unwrap_or_default();
    let scope = match diagnosis.subject {
        Subject::Node(_) => "node",
        Subject::Pod(_) => "pod",
    };
    format!("{scope}/{}/{of}@{}", diagnosis.topic.stage, began.as_second()).into()
}

/// The first moment of the schedule after `now`, for an Event first told at `first`.
fn refresh_after(first: Time, now: Time) -> Time {
    let age = since(first, now);
    let early = REFRESH_AT.iter().map(|minutes| Duration::from_secs(minutes * 60)).find(|at| *at > age);
    let step = u32::try_from(age.as_secs() / EVERY.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    after(first, early.unwrap_or_else(|| EVERY.saturating_mul(step)))
}
