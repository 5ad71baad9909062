//! The course of one start: which stage it was at, from when to when, and what told it. A start has one course: what a
//! pod does after it has run once, restarts among it, is no start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::snapshot::Span;
use crate::model::stage::Stage;
use crate::model::{Time, since};

use super::landmark::{Landmark, Position};

/// At most so many spans are kept; of what came before only the length is. A pod in back-off for days is one of these.
const SPANS_AT_MOST: usize = 24;
/// The API server's times are whole seconds, cut off: one that lies so far before a finer one may be the same moment.
const COARSE: Duration = Duration::from_secs(1);

/// What told the stage where nothing tells since when: a look at the pod.
pub const LOOKED: &str = "a look at the pod";
/// What tells a pull that waits from one that runs.
pub const PULLS: &str = "containerd's pulls";
/// What tells a wait for volumes from the making of a sandbox.
const EVENTS: &str = "the kubelet's Events";

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
        let (mistaken, evidence) = match now.position.stage {
            Stage::ImageQueue => (Stage::ImagePull, PULLS),
            Stage::Volumes => (Stage::Sandbox, EVENTS),
            _ => return false,
        };
        let last = self.spans.back_mut().filter(|last| last.stage == mistaken && last.container == now.container);
        let last = last.filter(|last| last.evidence != PULLS);
        last.map(|last| (last.stage, last.evidence) = (now.position.stage, evidence.into())).is_some()
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
        let (from, evidence) = told.unwrap_or((at, LOOKED));
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
        if self.spans.len() > SPANS_AT_MOST
            && let Some(oldest) = self.spans.pop_front()
        {
            *self.folded.entry(oldest.stage).or_default() += since(oldest.from, oldest.to.unwrap_or(from));
        }
    }

    fn close(&mut self, at: Time) {
        if let Some(last) = self.spans.back_mut() {
            last.to = Some(at.max(last.from));
        }
    }
}

#[cfg(test)]
mod tests;
