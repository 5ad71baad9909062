//! Whether the image of a pod is being pulled, which goes first: on containerd by the leases of others and whether anything
//! moves under them, elsewhere by whether a pod waits for an image. On both a pod that just came is made way for before its
//! pull begins. It asks only while something of ours is to be pulled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use self::expected::Expected;
use super::queue::{Gates, Queue};
use super::runner::Surroundings;
use crate::client::containerd::Containerd;
use crate::client::containerd::pulls::Pulls;
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::pull::{Mark, Pull};
use crate::model::runtime::FailureKind;
use crate::model::{Time, after, since};

mod expected;

/// What of ours is about, and so how often others are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ours {
    /// Nothing is to be pulled.
    #[default]
    Nothing,
    /// Something is due.
    Due,
    /// Something is being pulled.
    Pulling,
}

/// Whether the way is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// Nobody has looked yet.
    #[default]
    Unseen,
    /// No pod's pull moves; whether a pull of ours that is cut off goes on later from its bytes.
    Free {
        /// It does.
        resumable: bool,
    },
    /// A pod's pull goes first.
    Taken {
        /// Likewise.
        resumable: bool,
    },
}

impl Ours {
    /// By what is queued.
    pub(super) fn of(queue: &Queue, gates: Gates, now: Time) -> Self {
        match (queue.is_pulling(), queue.wants_to_pull(gates, now)) {
            (true, _) => Self::Pulling,
            (false, true) => Self::Due,
            (false, false) => Self::Nothing,
        }
    }
}

impl Way {
    /// What it means for our pulls. Until somebody has looked none begins, and none is cut off.
    pub(super) fn gates(self) -> Gates {
        let (pods, resumable) = match self {
            Self::Unseen => (true, false),
            Self::Free { resumable } => (false, resumable),
            Self::Taken { resumable } => (true, resumable),
        };
        Gates { pods, pressure: false, resumable }
    }
}

/// Between two looks while something of ours is being pulled: what a pod's pull loses before ours makes way.
const WATCHFUL: Duration = Duration::from_millis(250);
/// Between two looks otherwise.
const PATIENT: Duration = Duration::from_secs(1);
/// A pull of others in which nothing moves for this long holds nobody up.
const STILL: Duration = Duration::from_secs(15);
/// One that was already there when it was first seen: it is waited for so long that it would have been seen to move.
const FIRST_SEEN: Duration = Duration::from_secs(2);
/// After the last one it is waited for so long: a pod with several images has them pulled one after another.
const QUIET: Duration = Duration::from_secs(3);

/// Where the runtime shows no pulls, a pod that waits for an image is waited for this long: it may be stuck.
const WAITED: Duration = Duration::from_secs(5 * 60);

/// Looks at the pulls of others.
pub(super) struct Lookout {
    pulls: Pulls,
    clock: Clock,
    /// A pod waits for an image: all that can be known where the runtime shows no pulls.
    pods_wait: watch::Receiver<bool>,
    expected: Expected,
    others: Others,
    /// Since when a pod waits, where that is all there is to go by.
    waits_since: Option<Time>,
}

impl Lookout {
    /// One that knows what the agent knows of pods.
    pub(super) fn new(cri: Cri, clock: Clock, around: &Surroundings) -> Self {
        Self::knowing(cri, clock, around.pods_wait.clone(), around.expected.clone())
    }

    /// One that knows of no pods.
    pub(super) fn alone(cri: Cri, clock: Clock) -> Self {
        Self::knowing(cri, clock, watch::channel(false).1, watch::channel(Arc::default()).1)
    }

    fn knowing(
        cri: Cri,
        clock: Clock,
        pods_wait: watch::Receiver<bool>,
        expected: watch::Receiver<Arc<[Arc<str>]>>,
    ) -> Self {
        let pulls = Pulls::new(Containerd::new(&cri));
        let expected = Expected::new(cri, expected);
        Self { pulls, clock, pods_wait, expected, others: Others::default(), waits_since: None }
    }

    /// Looks for as long as something of ours is about, and tells what it sees; until nobody listens.
    pub(super) async fn run(mut self, mut ours: watch::Receiver<Ours>, out: watch::Sender<Way>) {
        while let Ok(about) = ours.wait_for(|ours| *ours != Ours::Nothing).await.map(|ours| *ours) {
            let way = self.look().await;
            out.send_if_modified(|known| std::mem::replace(known, way) != way);
            let rest = if about == Ours::Pulling { WATCHFUL } else { PATIENT };
            tokio::select! {
                () = sleep(rest) => {}
                () = self.expected.changed() => {}
                changed = ours.wait_for(|new| *new != about) => match changed.map(|new| *new) {
                    Ok(Ours::Nothing) => {
                        out.send_replace(Way::Unseen);
                    }
                    Ok(_) => {}
                    Err(_) => return,
                },
            }
        }
    }

    /// A runtime that does not answer pulls for nobody: the way is as it was thought to be of one that shows nothing.
    async fn look(&mut self) -> Way {
        let now = self.clock.now();
        match self.pulls.others().await {
            Ok(pulls) if self.others.take_the_way(&pulls, now) => Way::Taken { resumable: true },
            Ok(_) => self.way_for_those_who_come(true).await,
            Err(failure) => {
                let resumable = failure.kind != FailureKind::Unsupported;
                if self.pods_wait(now) {
                    Way::Taken { resumable }
                } else {
                    self.way_for_those_who_come(resumable).await
                }
            }
        }
    }

    async fn way_for_those_who_come(&mut self, resumable: bool) -> Way {
        if self.expected.is_missing().await { Way::Taken { resumable } } else { Way::Free { resumable } }
    }

    fn pods_wait(&mut self, now: Time) -> bool {
        self.waits_since = self.pods_wait.borrow_and_update().then(|| self.waits_since.unwrap_or(now));
        self.waits_since.is_some_and(|begun| since(begun, now) < WAITED)
    }
}

/// What is known of the pulls of others.
#[derive(Debug, Default)]
struct Others {
    /// By lease, where each was and since when.
    seen: HashMap<Arc<str>, (Mark, Time)>,
    /// When one last moved.
    moved: Option<Time>,
}

impl Others {
    /// Takes in a look; whether one of them goes first.
    fn take_the_way(&mut self, pulls: &[Pull], now: Time) -> bool {
        self.seen.retain(|lease, _| pulls.iter().any(|pull| pull.lease == *lease));
        let mut taken = false;
        for pull in pulls {
            let mark = pull.mark();
            let known = self.seen.entry(pull.lease.clone()).or_insert_with(|| (mark, began(pull, now)));
            if known.0 != mark {
                *known = (mark, now);
            }
            taken |= since(known.1, now) < STILL;
        }
        if taken {
            self.moved = Some(now);
        }
        self.moved.is_some_and(|moved| taken || since(moved, now) < QUIET)
    }
}

/// As if it had moved last when it began; an old one is given time to be seen moving.
fn began(pull: &Pull, now: Time) -> Time {
    let old = after(now, FIRST_SEEN).checked_sub(STILL).unwrap_or(now);
    pull.began.map_or(now, |began| began.min(now).max(old))
}

#[cfg(test)]
mod tests;
