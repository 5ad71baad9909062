//! What is done beside the pulls, one thing at a time: leases are ended or renewed, pins set or taken off, and the disk is
//! looked at for as long as there are sets. What could not be done is done again a minute later.

use std::time::Duration;

use tokio::task::JoinSet;

use super::keep::Keeper;
use super::leases::Leases;
use super::room::{Disk, Space};
use super::wishes::Wishes;
use crate::client::backoff::jittered;
use crate::clock::Clock;
use crate::model::runtime::FailureKind;
use crate::model::{Time, after};

/// Between two looks at a disk on which we hold something.
const LOOK: Duration = Duration::from_secs(15);
/// All is looked after anew in this time: leases end, and others change pins.
const ANEW: Duration = Duration::from_secs(3_600);
/// What could not be done is done again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Does them.
pub(super) struct Chores {
    leases: Leases,
    keeper: Keeper,
    disk: Disk,
    clock: Clock,
    under_way: JoinSet<Done>,
    /// What was asked for last.
    wishes: Option<Wishes>,
    holding_due: Time,
    look_due: Option<Time>,
    floor: Option<u8>,
    low: bool,
}

enum Done {
    Held(bool),
    Seen(Option<Space>),
}

impl Chores {
    pub(super) fn new(leases: Leases, keeper: Keeper, disk: Disk, clock: Clock) -> Self {
        let now = clock.now();
        Self {
            leases,
            keeper,
            disk,
            clock,
            under_way: JoinSet::new(),
            wishes: None,
            holding_due: now,
            look_due: None,
            floor: None,
            low: false,
        }
    }

    /// Less of the disk is free than every set leaves free.
    pub(super) fn is_low(&self) -> bool {
        self.low
    }

    /// Begins what is due, unless something is under way.
    pub(super) fn do_what_is_due(&mut self, wishes: Wishes, now: Time) {
        if self.wishes.as_ref() != Some(&wishes) {
            self.floor = wishes.min_free.or(self.floor);
            self.look_due = self.floor.map(|_| self.look_due.unwrap_or(now));
            self.wishes = Some(wishes);
            self.holding_due = now;
        }
        if !self.under_way.is_empty() {
            return;
        }
        if self.holding_due <= now {
            self.holding_due = after(now, jittered(ANEW));
            let (leases, keeper) = (self.leases.clone(), self.keeper.clone());
            let wishes = self.wishes.clone().unwrap_or_default();
            self.under_way.spawn(async move { Done::Held(hold(&leases, &keeper, &wishes).await) });
        } else if self.look_due.is_some_and(|due| due <= now) {
            self.look_due = Some(after(now, LOOK));
            let disk = self.disk.clone();
            self.under_way.spawn(async move { Done::Seen(disk.space().await) });
        }
    }

    /// When the next falls due; none while one is under way.
    pub(super) fn next_due(&self, now: Time) -> Option<Time> {
        let due = self.look_due.into_iter().chain([self.holding_due]).min();
        due.filter(|_| self.under_way.is_empty()).map(|due| due.max(now))
    }

    /// Waits until what is under way is done; never where nothing is. Returns how full the disk is, where it was looked at,
    /// once pulls under way have what they take.
    pub(super) async fn done(&mut self) -> Option<Space> {
        match self.under_way.join_next().await {
            Some(Ok(Done::Held(true)) | Err(_)) => None,
            Some(Ok(Done::Held(false))) => {
                // At once where other things are to be held by now.
                self.holding_due = self.holding_due.min(after(self.clock.now(), jittered(AGAIN)));
                None
            }
            Some(Ok(Done::Seen(space))) => {
                let floor = self.floor.unwrap_or_default();
                self.low = space.is_some_and(|space| space.above(floor) == 0);
                space.map(|space| self.disk.beside_claims(space))
            }
            None => std::future::pending().await,
        }
    }
}

/// Whether all was done that can be done with this runtime.
async fn hold(leases: &Leases, keeper: &Keeper, wishes: &Wishes) -> bool {
    let swept = match leases.sweep(|image| wishes.leased.contains(image)).await {
        Ok(()) => leases.keep().await,
        failed => failed,
    };
    let kept = keeper.keep(&wishes.kept, wishes.keep_at_most, &wishes.spared).await;
    [swept, kept].into_iter().all(|done| match done {
        Ok(()) => true,
        Err(failure) if failure.kind == FailureKind::Unsupported => true,
        Err(failure) => {
            tracing::debug!(error = %failure.text, "leases and pins are left as they are for now");
            false
        }
    })
}
