//! The objects behind the volumes and claims of pods that wait for them, asked for one by one and on demand: a pod must
//! have waited for a while, is asked about ever more rarely, and the node has a budget.
//!
//! Each resource is a right of its own that need not be given: what is refused is unknown, and said once in the log.

mod convert;
mod question;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::events::{Budget, Limits};
use crate::clock::Clock;
use crate::model::ids::PodUid;
use crate::model::observation::{Observation, Seen};
use crate::model::settings::Timing;
use crate::model::volume::Mounting;
use crate::model::{Time, since};
use crate::observe::Outlet;

use question::Question;

/// Pods that are asked about in an hour, over all pods of the node.
const HOURLY: usize = 30;
/// How often it is checked whether a question is due.
const TICK: Duration = Duration::from_secs(1);

/// When to ask.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A pod must have waited for so long.
    pub dwell: Duration,
    /// Then it is asked about again after as long as it had waited by then, at least this.
    pub at_least: Duration,
    /// And at most this.
    pub at_most: Duration,
    /// Each question waits a random part of this, so that many nodes do not ask in the same second.
    pub spread: Duration,
}

impl Patience {
    /// Later than for Events, which may tell all: shortly before something is said, so that it is not of yesterday.
    #[must_use]
    pub fn new(timing: &Timing, spread: Duration) -> Self {
        Self { dwell: timing.ask_events * 2, at_least: timing.ask_again / 5, at_most: timing.ask_again, spread }
    }

    fn due(&self, mounting: &Mounting, asked: Option<&Time>, now: Time) -> bool {
        let pause = |asked: &Time| since(mounting.since, *asked).clamp(self.at_least, self.at_most);
        since(mounting.since, now) >= self.dwell && asked.is_none_or(|asked| since(*asked, now) >= pause(asked))
    }
}

/// Asks for the objects behind volumes. Needs no right: with `get` on persistentvolumeclaims, persistentvolumes,
/// volumeattachments, csinodes, csidrivers and resourceclaims it tells as much as each of them shows.
pub struct StorageObserver {
    /// The API server.
    pub client: Client,
    /// The node's name.
    pub node: Arc<str>,
    /// The pods that wait for volumes.
    pub waiting: watch::Receiver<Arc<[Mounting]>>,
    /// When to ask.
    pub patience: Patience,
    /// The agent's clock.
    pub clock: Clock,
}

impl StorageObserver {
    /// Runs until stopped. Sends one [`Seen::Storage`] for each question.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let asking = async {
            let mut question = Question::new(self.client.clone(), self.node.clone());
            let limits = Limits { again: Duration::ZERO, hourly: HOURLY, storm: usize::MAX };
            let mut budget = Budget::new(limits);
            let mut asked = BTreeMap::new();
            while let Some(mounting) = self.next(&mut asked).await {
                let pod = mounting.pod.uid.clone();
                asked.insert(pod.clone(), self.clock.now());
                if let Err(refusal) = budget.take(&pod, self.clock.now()) {
                    tracing::debug!(pod = %mounting.pod, %refusal, "volumes are not asked for");
                    continue;
                }
                tokio::time::sleep(self.patience.spread.mul_f64(fastrand::f64())).await;
                let storage = question.ask(&mounting).await;
                out.tell(Seen::Storage { pod, storage }).await;
            }
            std::future::pending::<()>().await; // nobody will wait any more
        };
        stop.run_until_cancelled(asking).await;
    }

    /// The next pod to ask about, once one is due; none once nobody says which pods wait.
    async fn next(&mut self, asked: &mut BTreeMap<PodUid, Time>) -> Option<Mounting> {
        loop {
            let waiting = self.waiting.wait_for(|waiting| !waiting.is_empty()).await.ok()?.clone();
            asked.retain(|pod, _| waiting.iter().any(|mounting| mounting.pod.uid == *pod));
            let now = self.clock.now();
            let due = waiting.iter().filter(|mounting| self.patience.due(mounting, asked.get(&mounting.pod.uid), now));
            if let Some(longest) = due.min_by_key(|mounting| mounting.since) {
                return Some(longest.clone());
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

#[cfg(test)]
mod tests;
