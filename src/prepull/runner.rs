//! Turns the crank of pre-pulling: follows the settings and the node's labels, starts what the queue yields, tells how far
//! each set is. Decides nothing itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::plan::plan;
use super::pull::Puller;
use super::queue::{Job, Outcome, Pace, Queue, Step};
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::Time;
use crate::model::observation::{Observation, Seen};
use crate::model::prepull::SetProgress;
use crate::model::settings::PrepullSettings;
use crate::model::verification::Verification;

/// Pre-pulls the configured images of one node.
pub struct Prepull {
    /// The runtime.
    pub cri: Cri,
    /// The node's name, by which starts are spread over the fleet.
    pub node: Arc<str>,
    /// The node's labels; empty until they are known.
    pub labels: watch::Receiver<Vec<(Arc<str>, Arc<str>)>>,
    /// Whether the kubelet verifies credentials of present images, which decides about sets with credentials.
    pub verification: watch::Receiver<Verification>,
    /// The settings; a change is followed at once.
    pub settings: watch::Receiver<PrepullSettings>,
    /// How failures are retried.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl Prepull {
    /// Runs until stopped. Sends [`Seen::Prepull`] for each set at its start and on each change. Pulls that run when it is
    /// stopped are dropped at once; on containerd their bytes stay under their lease.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let crank = Crank {
            puller: Puller::new(self.cri.clone(), self.clock, out.clone()),
            queue: Queue::new(self.pace),
            jobs: JoinSet::new(),
            running: HashMap::new(),
            sweep: JoinSet::new(),
            told: BTreeMap::new(),
            dropped: Vec::new(),
            stop: stop.clone(),
            out,
            given: self,
        };
        let _ended = stop.run_until_cancelled(crank.turn()).await; // dropping the crank drops its jobs
    }
}

struct Crank {
    given: Prepull,
    puller: Puller,
    queue: Queue,
    jobs: JoinSet<(Job, Outcome)>,
    /// Jobs by set and image.
    running: HashMap<(Arc<str>, Arc<str>), AbortHandle>,
    sweep: JoinSet<()>,
    told: BTreeMap<Arc<str>, SetProgress>,
    /// Sets that were told of and are planned no more.
    dropped: Vec<Arc<str>>,
    stop: CancellationToken,
    out: mpsc::Sender<Observation>,
}

impl Crank {
    async fn turn(mut self) {
        self.replan();
        self.sweep();
        loop {
            let now = self.given.clock.now();
            for job in self.queue.start(now) {
                self.start(job);
            }
            let due = self.queue.next_due(now); // by the same moment, or what falls due in between is forgotten
            if self.tell().await.is_err() {
                return;
            }
            tokio::select! {
                Some(ended) = self.jobs.join_next_with_id() => {
                    if let Ok((id, (job, outcome))) = ended { // else it was called off
                        self.end(id, &job, outcome);
                    }
                }
                () = sleep_until(&self.given.clock, due) => {}
                () = changed(&mut self.given.settings) => {
                    self.replan();
                    self.sweep();
                }
                () = changed(&mut self.given.labels) => self.replan(),
                () = changed(&mut self.given.verification) => self.replan(),
            }
        }
    }

    fn replan(&mut self) {
        let settings = self.given.settings.borrow_and_update().clone();
        let labels = self.given.labels.borrow_and_update().clone();
        let verification = self.given.verification.borrow_and_update().clone();
        let plan = plan(&settings, &self.given.node, &labels, &verification);
        let planned = |name: &Arc<str>| plan.sets.iter().any(|planned| planned.set.name == *name);
        self.dropped.extend(self.told.extract_if(.., |name, _| !planned(name)).map(|(name, _)| name));
        for key in self.queue.follow(plan, self.given.clock.now()) {
            if let Some(job) = self.running.remove(&key) {
                job.abort();
            }
        }
    }

    /// Whatever a selector says by now: the node's labels may not be known yet.
    fn sweep(&mut self) {
        let settings = self.given.settings.borrow();
        let wanted = settings.sets.iter().flat_map(|set| &set.images).cloned().collect();
        self.sweep = JoinSet::new(); // one that still runs is stopped
        self.sweep.spawn(self.puller.clone().sweep(wanted));
    }

    fn start(&mut self, job: Job) {
        if job.step == Step::Pull && self.queue.tries(&job) == 0 {
            tracing::info!(set = %job.set, image = %job.image, "pre-pull starts");
        }
        let credentials = self.queue.planned(&job.set).and_then(|planned| planned.set.credentials.as_ref());
        let credentials = credentials.map(|credentials| credentials.source.clone());
        let (puller, stop, key) = (self.puller.clone(), self.stop.clone(), (job.set.clone(), job.image.clone()));
        let handle = self.jobs.spawn(async move {
            let outcome = puller.work(job.step, &job.image, credentials, &stop).await;
            (job, outcome)
        });
        self.running.insert(key, handle);
    }

    fn end(&mut self, id: Id, job: &Job, outcome: Outcome) {
        let key = (job.set.clone(), job.image.clone());
        if self.running.get(&key).is_none_or(|handle| handle.id() != id) {
            return; // it ended just before it was called off
        }
        self.running.remove(&key);
        log(job, &outcome, self.queue.tries(job));
        self.queue.end(job, outcome, self.given.clock.now());
    }

    /// Sends what changed since it was last sent.
    async fn tell(&mut self) -> Result<(), mpsc::error::SendError<Observation>> {
        for name in std::mem::take(&mut self.dropped) {
            let seen = Seen::PrepullDropped(name);
            self.out.send(Observation { at: self.given.clock.now(), seen }).await?;
        }
        for progress in self.queue.progress() {
            if self.told.get(&progress.set) == Some(&progress) {
                continue;
            }
            let before = self.told.insert(progress.set.clone(), progress.clone());
            if progress.settled && before.is_none_or(|before| !before.settled) {
                log_settled(&progress);
            }
            self.out.send(Observation { at: self.given.clock.now(), seen: Seen::Prepull(progress) }).await?;
        }
        Ok(())
    }
}

/// A failure is worth a warning once, not on every retry.
fn log(job: &Job, outcome: &Outcome, tries: u32) {
    let (set, image) = (&*job.set, &*job.image);
    match outcome {
        Outcome::Pulled(bytes) => tracing::info!(%set, %image, bytes, "pre-pull is done"),
        Outcome::Failed { text, .. } if tries == 0 => {
            tracing::warn!(%set, %image, error = %text, "pre-pull failed and is tried again later");
        }
        Outcome::Failed { text, .. } => tracing::debug!(%set, %image, tries, error = %text, "pre-pull failed again"),
        Outcome::Present | Outcome::Absent | Outcome::Unanswered => {}
    }
}

fn log_settled(progress: &SetProgress) {
    let SetProgress { set, images, present, pulled, failed, refused, .. } = progress;
    match refused {
        Some(reason) => tracing::warn!(%set, reason, "pre-pull set is refused"),
        None => tracing::info!(%set, images, present, pulled, failed = failed.len(), "pre-pull set is through"),
    }
}

async fn sleep_until(clock: &Clock, due: Option<Time>) {
    match due {
        Some(due) => tokio::time::sleep(clock.until(due)).await,
        None => std::future::pending().await,
    }
}

/// A new value; never where nobody is left to send one.
async fn changed<T>(of: &mut watch::Receiver<T>) {
    if of.changed().await.is_err() {
        std::future::pending().await
    }
}
