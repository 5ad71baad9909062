//! The edges that look at the world. Each observer is a value with
//! `async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken)`: it looks at its own pace, turns what it
//! sees into the model's nouns, and hands them on with the time. A look that fails is an observation too. Observers
//! decide nothing, change nothing in the world, and know nothing of each other.

pub mod apiserver;
pub mod containerd;
pub mod cri;
pub mod host;
pub mod recorded;

use std::future::pending;

use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::settings::Timing;

/// How often an observer looks: as the engine says whether something is under way.
#[derive(Clone, Debug)]
pub struct Pace {
    is_busy: watch::Receiver<bool>,
    busy: Duration,
    calm: Duration,
    clock: Clock,
}

impl Pace {
    /// The periods of `timing`, chosen by what `is_busy` says.
    #[must_use]
    pub fn new(is_busy: watch::Receiver<bool>, timing: &Timing, clock: Clock) -> Self {
        Self { is_busy, busy: timing.busy, calm: timing.calm.max(timing.busy), clock }
    }

    /// Whether something is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        *self.is_busy.borrow()
    }

    /// The shorter of the periods.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// Waits until the next look is due. A calm wait ends when it gets busy, though never before a busy one would.
    pub async fn rest(&mut self) {
        let soonest = Instant::now() + self.busy;
        let mut calm = self.calm;
        if self.is_busy() {
            sleep_until(soonest).await; // it may be over by then
            calm = calm.saturating_sub(self.busy);
        }
        unless_woken(self.clock.together(calm), soonest, &mut self.is_busy, |busy| *busy).await;
    }
}

/// Waits for so long, and once the watched value is as wanted, no longer than until `soonest`.
async fn unless_woken<T>(
    long: Duration,
    soonest: Instant,
    watched: &mut watch::Receiver<T>,
    wanted: impl FnMut(&T) -> bool,
) {
    let woken = async {
        if watched.wait_for(wanted).await.is_err() {
            pending::<()>().await; // nobody will wake it
        }
        sleep_until(soonest).await;
    };
    drop(timeout(long, woken).await); // whichever it is, it has rested
}

/// Where an observer puts what it saw. The queue behind it has a bound: an observer that is faster than the engine waits.
#[derive(Clone, Debug)]
pub struct Outlet {
    queue: mpsc::Sender<Observation>,
    clock: Clock,
}

impl Outlet {
    /// An outlet into that queue.
    #[must_use]
    pub fn new(queue: mpsc::Sender<Observation>, clock: Clock) -> Self {
        Self { queue, clock }
    }

    /// Hands on what was seen just now. Once nobody listens any more it is lost, and the observer will be stopped.
    pub async fn tell(&self, seen: Seen) {
        let at = self.clock.now();
        if self.queue.send(Observation { at, seen }).await.is_err() {
            tracing::debug!("an observation came after the end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock() -> Clock {
        Clock::starting_at(crate::model::Time::UNIX_EPOCH)
    }

    async fn rested(pace: &mut Pace) -> Duration {
        let began = Instant::now();
        pace.rest().await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_period_follows_what_is_under_way() {
        let (engine, is_busy) = watch::channel(false);
        let mut pace = Pace::new(is_busy, &Timing::default(), clock());
        assert_eq!(rested(&mut pace).await.as_secs(), 10);
        engine.send_replace(true);
        assert_eq!(rested(&mut pace).await.as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_calm_wait_ends_when_it_gets_busy() {
        let (engine, is_busy) = watch::channel(false);
        let mut pace = Pace::new(is_busy, &Timing::default(), clock());
        let later = async {
            sleep(4 * SECOND).await;
            engine.send_replace(true);
        };
        let (waited, ()) = tokio::join!(rested(&mut pace), later);
        assert_eq!(waited.as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_engine_it_stays_calm() {
        let (engine, is_busy) = watch::channel(false);
        drop(engine);
        assert_eq!(rested(&mut Pace::new(is_busy, &Timing::default(), clock())).await.as_secs(), 10);
    }
}
