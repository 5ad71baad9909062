//! The queue of one set: its images, and what keeps them from being pulled now. Pure.

use std::sync::Arc;

use super::item::{self, Item, Next};
use super::{Gates, Key, Pace, Step};
use crate::model::prepull::{SetProgress, Waits};
use crate::model::pull::sum;
use crate::model::{Time, after};
use crate::prepull::plan::PlannedSet;
use crate::prepull::window;

/// The images of one set.
#[derive(Debug)]
pub(super) struct SetQueue {
    pub(super) planned: PlannedSet,
    pub(super) items: Vec<Item>,
}

/// Why a set may not pull now.
#[derive(Debug, PartialEq)]
pub(super) enum Closed {
    /// Its window is closed.
    Window { opens: Option<Time> },
    /// The disk is short of room.
    Pressure,
    /// The image of a pod is being pulled.
    Pods,
}

impl Closed {
    /// As the log says it.
    pub(super) fn why(&self) -> &'static str {
        match self {
            Self::Window { .. } => "its window is closed",
            Self::Pressure => "the disk is short of room",
            Self::Pods => "the image of a pod goes first",
        }
    }
}

impl SetQueue {
    /// A set that was not there before.
    pub(super) fn new(planned: PlannedSet, pace: &Pace, now: Time) -> Self {
        Self::of(planned, |image, from| Item::new(image, from, pace, now), now)
    }

    /// Each image as `item` has it, which is told from when it would be pulled were it new.
    fn of(planned: PlannedSet, mut item: impl FnMut(&Arc<str>, Time) -> Item, now: Time) -> Self {
        let images = if planned.refused.is_some() { &[][..] } else { &planned.set.images[..] };
        let from = after(now, planned.delay);
        let items = images.iter().map(|image| item(image, from)).collect();
        Self { planned, items }
    }

    /// As it is planned now, taking over what is known of images that stay. Those that come wait for their turn, as do all
    /// where its time changed: what runs goes on all the same. What waits for a try is tried anew.
    pub(super) fn edited(&mut self, planned: PlannedSet, pace: &Pace, now: Time) -> Self {
        let same_time = self.planned.delay == planned.delay && self.planned.set.window == planned.set.window;
        let known = |image: &Arc<str>, turn: Time| {
            let Some(at) = self.items.iter().position(|item| item.image == *image) else {
                return Item::new(image, turn, pace, now);
            };
            let item = self.items.swap_remove(at);
            let from = if same_time || item.is_pulling() { item.from } else { turn };
            item.edited(from, pace, now)
        };
        let mut next = Self::of(planned, known, now);
        let around = item::Around { pace, set: &next.planned.set, now };
        next.items.iter_mut().for_each(|item| item.replan(&around));
        next
    }

    pub(super) fn into_running(self) -> impl Iterator<Item = Key> {
        let running = self.items.into_iter().filter(Item::is_running);
        let name = self.planned.set.name;
        running.map(move |item| (name.clone(), item.image))
    }

    /// Beside the turn of each image.
    pub(super) fn closed(&self, gates: Gates, now: Time) -> Option<Closed> {
        if let Some(window::State::Closed { opens }) = self.planned.set.window.as_ref().map(|w| window::state(w, now)) {
            return Some(Closed::Window { opens });
        }
        let pressure = gates.pressure.then_some(Closed::Pressure);
        pressure.or(gates.pods.then_some(Closed::Pods))
    }

    /// When what it may do changes next.
    pub(super) fn turns(&self, now: Time) -> Option<Time> {
        let window = self.planned.set.window.as_ref().and_then(|window| match window::state(window, now) {
            window::State::Open { until } => (self.running() > 0).then_some(until),
            window::State::Closed { opens } => opens,
        });
        self.items.iter().map(|item| item.from).filter(|from| *from > now).chain(window).min()
    }

    /// How many looks and how many pulls may begin beside those under way. A look is not held up by pulls that take hours.
    pub(super) fn free(&self) -> (usize, usize) {
        let at_once = self.planned.set.parallel.max(1);
        let looks = self.items.iter().filter(|item| item.next == Next::Running(Step::Check)).count();
        (at_once.saturating_sub(looks), at_once.saturating_sub(self.running() - looks))
    }

    pub(super) fn running(&self) -> usize {
        self.items.iter().filter(|item| item.is_running()).count()
    }

    pub(super) fn progress(&self, gates: Gates, now: Time) -> SetProgress {
        let pulled = self.items.iter().filter_map(|item| item.here.and_then(|here| here.by_us));
        SetProgress {
            set: self.planned.set.name.clone(),
            images: self.planned.set.images.len(),
            present: self.items.iter().filter(|item| item.here.is_some_and(|here| here.by_us.is_none())).count(),
            pulled: pulled.clone().count(),
            bytes: sum(pulled),
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
        let mut missing = self.items.iter().filter(|item| item.here.is_none() && item.next.is_pull());
        let at = missing.clone().map(|item| item.from).min()?;
        if now < at {
            return Some(Waits::Turn { at });
        }
        match self.closed(gates, now) {
            Some(Closed::Window { opens }) => Some(Waits::Window { opens }),
            Some(Closed::Pressure) => Some(Waits::Pressure),
            Some(Closed::Pods) | None => missing.find_map(|item| item.short.clone()).map(Waits::Room),
        }
    }
}
