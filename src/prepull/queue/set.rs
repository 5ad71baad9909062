//! The queue of one set: its images, and what keeps them from being pulled now. Pure.

use std::sync::Arc;

use super::item::{self, Item, Next};
use super::{Gates, Key, Pace, Step};
use crate::model::Time;
use crate::model::prepull::{SetProgress, Waits};
use crate::prepull::plan::PlannedSet;
use crate::prepull::window;

/// The images of one set.
#[derive(Debug)]
pub(super) struct SetQueue {
    pub(super) planned: PlannedSet,
    /// Before this nothing is pulled.
    pub(super) from: Time,
    pub(super) items: Vec<Item>,
}

/// Why a set may not pull now.
#[derive(Debug, PartialEq)]
pub(super) enum Closed {
    Waits(Waits),
    Pods,
}

impl SetQueue {
    pub(super) fn new(planned: PlannedSet, from: Time, mut known: Vec<Item>, pace: &Pace, now: Time) -> Self {
        let images = if planned.refused.is_some() { &[][..] } else { &planned.set.images[..] };
        let item = |image: &Arc<str>| match known.iter().position(|item| item.image == *image) {
            Some(at) => known.swap_remove(at),
            None => Item::new(image, pace, now),
        };
        let items = images.iter().map(item).collect();
        Self { planned, from, items }
    }

    /// What is here may be kept or refreshed otherwise than before.
    pub(super) fn replan(&mut self, pace: &Pace, now: Time) {
        let around = item::Around { pace, set: &self.planned.set, from: self.from, now };
        self.items.iter_mut().for_each(|item| item.replan(&around));
    }

    /// Hands over what the next plan keeps. What waits starts anew where the set changed.
    pub(super) fn take(&mut self, next: &PlannedSet, unchanged: bool) -> Vec<Item> {
        let stays = |item: &mut Item| next.refused.is_none() && next.set.images.contains(&item.image);
        let mut kept: Vec<_> = self.items.extract_if(.., stays).collect();
        kept.retain(|item| unchanged || item.here.is_some() || matches!(item.next, Next::Running(_)));
        kept
    }

    pub(super) fn into_running(self) -> impl Iterator<Item = Key> {
        let running = self.items.into_iter().filter(|item| matches!(item.next, Next::Running(_)));
        let name = self.planned.set.name;
        running.map(move |item| (name.clone(), item.image))
    }

    pub(super) fn closed(&self, gates: Gates, now: Time) -> Option<Closed> {
        if now < self.from {
            return Some(Closed::Waits(Waits::Turn { at: self.from }));
        }
        if let Some(window::State::Closed { opens }) = self.planned.set.window.as_ref().map(|w| window::state(w, now)) {
            return Some(Closed::Waits(Waits::Window { opens }));
        }
        let pressure = gates.pressure.then_some(Closed::Waits(Waits::Pressure));
        pressure.or(gates.pods.then_some(Closed::Pods))
    }

    /// When what it may do changes next.
    pub(super) fn turns(&self, now: Time) -> Option<Time> {
        if now < self.from {
            return Some(self.from);
        }
        match window::state(self.planned.set.window.as_ref()?, now) {
            window::State::Open { until } => (self.running() > 0).then_some(until),
            window::State::Closed { opens } => opens,
        }
    }

    /// How many looks and how many pulls may begin beside those under way. A look is not held up by pulls that take hours.
    pub(super) fn free(&self) -> (usize, usize) {
        let at_once = self.planned.set.parallel.max(1);
        let looks = self.items.iter().filter(|item| item.next == Next::Running(Step::Check)).count();
        (at_once.saturating_sub(looks), at_once.saturating_sub(self.running() - looks))
    }

    pub(super) fn running(&self) -> usize {
        self.items.iter().filter(|item| matches!(item.next, Next::Running(_))).count()
    }

    pub(super) fn progress(&self, gates: Gates, now: Time) -> SetProgress {
        let pulled = self.items.iter().filter_map(|item| item.here.and_then(|here| here.by_us));
        SetProgress {
            set: self.planned.set.name.clone(),
            images: self.planned.set.images.len(),
            present: self.items.iter().filter(|item| item.here.is_some_and(|here| here.by_us.is_none())).count(),
            pulled: pulled.clone().count(),
            bytes: pulled.sum(),
            here: self.names(|item| item.here.is_some()),
            missing: self.names(|item| item.missing),
            gone: self.items.iter().filter(|item| item.gone).count(),
            failed: self.items.iter().filter_map(|item| item.failure.clone()).collect(),
            settled: self.items.iter().all(Item::settled),
            refused: self.planned.refused.clone(),
            waits: self.waits(gates, now),
        }
    }

    fn names(&self, which: impl Fn(&Item) -> bool) -> Arc<[Arc<str>]> {
        self.items.iter().filter(|item| which(item)).map(|item| item.image.clone()).collect()
    }

    fn waits(&self, gates: Gates, now: Time) -> Option<Waits> {
        let mut missing = self.items.iter().filter(|item| item.here.is_none() && item.next.is_pull()).peekable();
        missing.peek()?;
        match self.closed(gates, now) {
            Some(Closed::Waits(waits)) => Some(waits),
            Some(Closed::Pods) | None => missing.find_map(|item| item.short.clone()).map(Waits::Room),
        }
    }
}
