//! The course of one start: which stage it was at, from when to when, and what told it. A start has one course: what a
//! pod does after it has run once, restarts among it, is no start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::snapshot::Span;
use crate::model::stage::Stage;
use crate::model::{Time, since};

use super::landmark::{Landmark, Position};
use super::place::told_by::{NETWORK, POD_LOGS, PULLS};

/// At most so many spans are kept; of what came before only the length is. A pod in back-off for days is one of these.
const SPANS_AT_MOST: usize = 24;
/// The API server's times are whole seconds, cut off: one that lies so far before a finer one may be the same moment.
const COARSE: Duration = Duration::from_secs(1);

/// The course of one start.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    spans: VecDeque<Span>,
    at: Option<Position>,
    began: Option<Time>,
    folded: BTreeMap<Stage, Duration>,
    end: Option<End>,
}

/// How a start ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran; `watched` if it was seen on its way.
    Arrived {
        /// When.
        at: Time,
        /// It was seen before it ran.
        watched: bool,
    },
    /// The pod failed for good before it ever ran.
    Failed {
        /// When that was seen.
        at: Time,
    },
}

/// Where a pod stands now, for its course.
#[derive(Clone, Debug, PartialEq)]
pub struct Now {
    /// How far that is.
    pub position: Position,
    /// The container that holds it there.
    pub container: Option<Arc<str>>,
    /// What tells so.
    pub told_by: &'static str,
}

impl Timeline {
    /// The pod stands there, seen at `at`; `landmarks` is what API server and runtime tell of its way, in order.
    pub fn advance(&mut self, now: &Now, landmarks: &[Landmark], at: Time) {
        if self.end.is_some() || self.stands_at(now) {
            return;
        }
        let watched = self.at.is_some();
        if !self.was_mistaken(now) {
            self.pass(now, landmarks, at);
            self.begin(now, landmarks, at);
        }
        self.at = Some(now.position);
        if now.position.stage == Stage::Running {
            let at = self.since().unwrap_or(at);
            self.end = Some(End::Arrived { at, watched });
        }
    }

    /// A mark of this start became known late: what was taken for one stage was two.
    pub fn split(&mut self, mark: &Landmark) {
        let within = |span: &Span| span.from < mark.at && span.to.is_none_or(|to| mark.at < to);
        let found = self.spans.iter_mut().enumerate().find(|(_, span)| parts(span, mark) && within(span));
        let Some((index, span)) = found else { return };
        let stage = mark.position.stage;
        let evidence = mark.evidence.into();
        let later = Span { stage, container: span.container.clone(), from: mark.at, to: span.to, evidence };
        span.to = Some(mark.at);
        if span.stage == Stage::Sandbox {
            span.stage = Stage::Volumes;
        }
        self.spans.insert(index + 1, later);
        self.fold();
    }

    /// It had run before it was first seen: what it does now is no start.
    pub fn skip(&mut self, at: Time) {
        self.end = Some(End::Arrived { at, watched: false });
    }

    /// The pod failed for good, or is gone.
    pub fn fail(&mut self, at: Time) {
        if self.end.is_none() {
            self.close(at);
            self.end = Some(End::Failed { at });
        }
    }

    /// What tells its present stage is better known now.
    pub fn confirm(&mut self, stage: Stage, evidence: &'static str) {
        if let Some(last) = self.spans.back_mut().filter(|last| last.stage == stage) {
            last.evidence = evidence.into();
        }
    }

    /// When it began, as far as is known.
    #[must_use]
    pub fn began(&self) -> Option<Time> {
        self.began
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// At which stage it was seen last.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.at.map(|position| position.stage)
    }

    /// What tells its present stage.
    #[must_use]
    pub fn told_by(&self) -> Option<&str> {
        self.spans.back().map(|span| &*span.evidence)
    }

    /// Since when it has been where it is.
    #[must_use]
    pub fn since(&self) -> Option<Time> {
        self.spans.back().map(|span| span.from)
    }

    /// The newest spans, oldest first.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.spans.iter()
    }

    /// How long it was at each stage, up to its end or `now`.
    #[must_use]
    pub fn lengths(&self, now: Time) -> BTreeMap<Stage, Duration> {
        let mut lengths = self.folded.clone();
        for span in self.spans.iter().filter(|span| span.stage < Stage::Running) {
            *lengths.entry(span.stage).or_default() += since(span.from, span.to.unwrap_or(now));
        }
        lengths
    }

    fn stands_at(&self, now: &Now) -> bool {
        self.at == Some(now.position)
    }

    /// A pull that is found to wait has waited since the image's turn came, unless it was seen to run; and a pod that is
    /// found to wait for volumes had no sandbox in the making.
    fn was_mistaken(&mut self, now: &Now) -> bool {
        let mistaken = match now.position.stage {
            Stage::ImageQueue => Stage::ImagePull,
            Stage::Volumes => Stage::Sandbox,
            _ => return false,
        };
        let last = self.spans.back_mut().filter(|last| last.stage == mistaken && last.container == now.container);
        let last = last.filter(|last| ![PULLS, NETWORK, POD_LOGS].contains(&&*last.evidence));
        last.map(|last| (last.stage, last.evidence) = (now.position.stage, now.told_by.into())).is_some()
    }

    /// Adds the stages that were passed between two looks, as far as something tells when.
    fn pass(&mut self, now: &Now, landmarks: &[Landmark], at: Time) {
        for landmark in landmarks.iter().filter(|landmark| landmark.position < now.position) {
            let onward = self.at.is_none_or(|known| landmark.position > known);
            if let Some(from) = self.fits(landmark, at).filter(|_| onward) {
                self.at = Some(landmark.position);
                self.push(landmark.position.stage, landmark.container.clone(), from, landmark.evidence);
            }
        }
    }

    fn begin(&mut self, now: &Now, landmarks: &[Landmark], at: Time) {
        let told = landmarks.iter().filter(|landmark| landmark.position == now.position);
        let told = told.filter_map(|landmark| Some((self.fits(landmark, at)?, landmark.evidence))).next_back();
        let (from, evidence) = told.unwrap_or((at, now.told_by));
        self.push(now.position.stage, now.container.clone(), from, evidence);
    }

    /// When the landmark was passed, if that lies between the last thing known and the look.
    fn fits(&self, landmark: &Landmark, at: Time) -> Option<Time> {
        let Some(last) = self.since() else { return Some(landmark.at.min(at)) };
        (landmark.at <= at && since(landmark.at, last) <= COARSE).then(|| landmark.at.max(last))
    }

    fn push(&mut self, stage: Stage, container: Option<Arc<str>>, from: Time, evidence: &'static str) {
        self.close(from);
        self.began.get_or_insert(from);
        self.spans.push_back(Span { stage, container, from, to: None, evidence: evidence.into() });
        self.fold();
    }

    fn fold(&mut self) {
        if self.spans.len() > SPANS_AT_MOST
            && let Some(oldest) = self.spans.pop_front()
        {
            *self.folded.entry(oldest.stage).or_default() += since(oldest.from, oldest.to.unwrap_or(oldest.from));
        }
    }

    fn close(&mut self, at: Time) {
        if let Some(last) = self.spans.back_mut() {
            last.to = Some(at.max(last.from));
        }
    }
}

/// Whether the span is of two stages by that mark: volumes come before the pod's log directory, and creation after the
/// container's.
fn parts(span: &Span, mark: &Landmark) -> bool {
    span.container == mark.container
        && match (span.stage, mark.position.stage) {
            (Stage::Sandbox, Stage::Sandbox) => ![NETWORK, POD_LOGS].contains(&&*span.evidence),
            (Stage::ImageQueue | Stage::ImagePull, Stage::Create) => span.to.is_some(),
            _ => false,
        }
}

#[cfg(test)]
mod tests;
