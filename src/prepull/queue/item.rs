//! One image of one set: whether it is here, what is done for it next and when, and how often that failed. Pure.

use std::sync::Arc;

use super::{Outcome, Pace, Standing, Step};
use crate::client::backoff::{Backoff, jittered};
use crate::model::prepull::{PullFailure, Short};
use crate::model::settings::PrepullSet;
use crate::model::{Time, after};
use crate::prepull::mend::Mend;

/// One image of one set.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) image: Arc<str>,
    /// Before this nothing is pulled of it.
    pub(super) from: Time,
    pub(super) here: Option<Here>,
    pub(super) next: Next,
    pub(super) failure: Option<PullFailure>,
    /// The disk had no room for it at the last try.
    pub(super) short: Option<Short>,
    /// It was looked for and not found, and has not come since.
    pub(super) missing: bool,
    /// It was here, somebody removed it, and it is not to be kept: it is not pulled again.
    pub(super) gone: bool,
    /// A pull of it was begun and cut off, and is to go on.
    pub(super) cut_off: bool,
    /// What its failure needs is somebody's edit.
    hopeless: bool,
    /// The runtime did not answer, so often in a row.
    unanswered: u32,
    /// When its tag is asked for again.
    refresh: Option<Time>,
    fast: Backoff,
    slow: Backoff,
    lost: Backoff,
}

/// It is on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Here {
    /// We pulled it, so many bytes.
    pub(super) by_us: Option<u64>,
}

/// What is done for it next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Due(Step, Time),
    Running(Step),
    Nothing,
}

impl Next {
    pub(super) fn is_pull(self) -> bool {
        matches!(self, Self::Due(Step::Pull | Step::Refresh, _) | Self::Running(Step::Pull | Step::Refresh))
    }
}

/// What the next step depends on beside the image.
pub(super) struct Around<'a> {
    pub(super) pace: &'a Pace,
    pub(super) set: &'a PrepullSet,
    pub(super) now: Time,
}

impl Around<'_> {
    fn next_look(&self) -> Time {
        after(self.now, jittered(self.pace.watch))
    }
}

impl Item {
    pub(super) fn new(image: &Arc<str>, from: Time, pace: &Pace, now: Time) -> Self {
        Self {
            image: image.clone(),
            from,
            here: None,
            next: Next::Due(Step::Check, now),
            failure: None,
            short: None,
            missing: false,
            gone: false,
            cut_off: false,
            hopeless: false,
            unanswered: 0,
            refresh: None,
            fast: Backoff::new(pace.fast.0, pace.fast.1),
            slow: Backoff::new(pace.slow.0, pace.slow.1),
            lost: Backoff::new(pace.lost.0, pace.lost.1),
        }
    }

    /// Of a set that was edited: what is not here and waits is tried anew.
    pub(super) fn edited(self, from: Time, pace: &Pace, now: Time) -> Self {
        match self.here.is_some() || self.is_running() {
            true => Self { from, ..self },
            false => Self { cut_off: self.cut_off, ..Self::new(&self.image, from, pace, now) },
        }
    }

    /// As the set has it now: what is here may be kept or refreshed otherwise.
    pub(super) fn replan(&mut self, around: &Around<'_>) {
        if self.here.is_some() && !self.is_running() && self.failure.is_none() {
            self.refresh = None;
            self.next = self.found(Step::Check, around);
        }
    }

    /// It is there or was, or its first try is over: a retry changes nothing of that until it succeeds.
    pub(super) fn settled(&self) -> bool {
        self.here.is_some() || self.gone || self.failure.is_some()
    }

    /// It was looked for once.
    pub(super) fn is_known(&self) -> bool {
        self.missing || self.settled()
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.next, Next::Running(_))
    }

    pub(super) fn is_pulling(&self) -> bool {
        self.is_running() && self.next.is_pull()
    }

    /// It was looked for, and nothing is pulled or to be pulled of it.
    pub(super) fn is_idle(&self) -> bool {
        self.is_known() && !self.next.is_pull()
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.next, self.here, &self.failure, &self.short) {
            (Next::Running(_), ..) => Standing::Runs,
            (_, Some(here), ..) => Standing::Here { by_us: here.by_us },
            (.., Some(short)) => Standing::Short(short.clone()),
            (.., Some(failure), _) => Standing::Failed { failure: failure.clone(), hopeless: self.hopeless },
            _ if self.unanswered > 0 => Standing::Unanswered { tries: self.unanswered },
            _ => Standing::Waits,
        }
    }

    pub(super) fn retry(&mut self, now: Time) {
        if let (Some(_), Next::Due(step, _)) = (&self.failure, self.next) {
            self.next = Next::Due(step, now);
        }
    }

    pub(super) fn end(&mut self, step: Step, outcome: Outcome, around: &Around<'_>) {
        let now = around.now;
        self.cut_off = match &outcome {
            Outcome::Short(short) => short.needs > 0, // else it was not begun
            Outcome::Absent | Outcome::Unanswered => self.cut_off,
            Outcome::Present | Outcome::Pulled(_) | Outcome::Failed { .. } => false,
        };
        if !matches!(outcome, Outcome::Short(_)) {
            self.short = None;
        }
        self.unanswered = if outcome == Outcome::Unanswered { self.unanswered.saturating_add(1) } else { 0 };
        self.next = match outcome {
            Outcome::Present => self.found(step, around),
            Outcome::Pulled(bytes) => {
                self.here = Some(Here { by_us: Some(bytes) });
                self.found(step, around)
            }
            Outcome::Absent => self.not_found(around),
            Outcome::Unanswered => Next::Due(step, after(now, self.fast.wait())),
            Outcome::Short(short) => {
                self.short = Some(short);
                Next::Due(step, after(now, jittered(around.pace.room)))
            }
            Outcome::Failed { text, cause, mend } => {
                let tries = self.failure.as_ref().map_or(0, |failure| failure.tries) + 1;
                self.hopeless = mend == Mend::Edit;
                self.failure = Some(PullFailure { image: self.image.clone(), text, cause, tries });
                let wait = self.wait(mend, tries, around.pace);
                Next::Due(if step == Step::Check { Step::Pull } else { step }, after(now, wait))
            }
        };
    }

    fn wait(&mut self, mend: Mend, tries: u32, pace: &Pace) -> std::time::Duration {
        let quick = match mend {
            Mend::Edit => false,
            Mend::Fresh => tries < pace.patience_fresh,
            Mend::Retry | Mend::After(_) => tries < pace.patience,
        };
        let wait = if quick { self.fast.wait() } else { self.slow.wait() };
        match mend {
            Mend::After(least) => jittered(least).max(wait),
            _ => wait,
        }
    }

    /// It is here, and was asked for at the registry where it was pulled.
    fn found(&mut self, step: Step, around: &Around<'_>) -> Next {
        (self.missing, self.gone) = (false, false);
        self.here = self.here.or(Some(Here { by_us: None }));
        // A look at the node alone mends no refresh that failed.
        if step != Step::Check || self.refresh.is_none() {
            self.failure = None;
            self.fast.reset();
            self.slow.reset();
            let may_move = around.set.refresh.filter(|_| !self.image.contains('@'));
            self.refresh = may_move.map(|every| after(around.now, jittered(every)));
        }
        self.rest(around)
    }

    /// It is to be pulled. One that was here only where it is to be kept, and not at once: whoever took it away, be it for room
    /// on the disk, may do so again.
    fn not_found(&mut self, around: &Around<'_>) -> Next {
        self.missing = true;
        let due = around.now.max(self.from);
        let was_here = self.here.take().is_some() || self.gone;
        self.gone = was_here && !around.set.keep;
        match was_here {
            false => Next::Due(Step::Pull, due),
            true if self.gone => Next::Due(Step::Check, around.next_look()),
            true => Next::Due(Step::Pull, after(due, self.lost.wait())),
        }
    }

    fn rest(&self, around: &Around<'_>) -> Next {
        let watched = around.set.keep || around.pace.watch_all;
        let watch = watched.then(|| (around.next_look(), Step::Check));
        let refresh = self.refresh.map(|at| (at, Step::Refresh));
        let next = watch.into_iter().chain(refresh).min();
        next.map_or(Next::Nothing, |(at, step)| Next::Due(step, at))
    }
}
