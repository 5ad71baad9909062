//! Turns the crank of pre-pulling: follows the settings and the node's state, starts and cuts off what the queue says, tells
//! how far each set is. Decides nothing itself.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::changes::Changes;
use super::chores::Chores;
use super::credentials::Credentials;
use super::jobs::Jobs;
use super::keep::Keeper;
use super::leases::{Leases, Owner};
use super::plan::plan;
use super::pull::{NameCause, Order, Puller};
use super::queue::{Gates, Job, Key, Outcome, Pace, Queue, Step};
use super::room::{Disk, Space};
use super::way::{Lookout, Ours, Way};
use super::wishes::Wishes;
use crate::client::containerd::Containerd;
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
    /// Where the host's root is seen.
    pub host_root: PathBuf,
    /// The settings; a change is followed at once.
    pub settings: watch::Receiver<PrepullSettings>,
    /// What of the node matters; a change is followed at once.
    pub around: Surroundings,
    /// How things are tried again.
    pub pace: Pace,
    /// Names the cause of a failed pull.
    pub cause: NameCause,
    /// The agent's clock.
    pub clock: Clock,
}

/// A node's labels.
type Labels = Vec<(Arc<str>, Arc<str>)>;

/// What of the node matters for pre-pulling.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The node's labels; empty until they are known.
    pub labels: watch::Receiver<Labels>,
    /// The kubelet says that the disk is short of room (condition `DiskPressure`).
    pub pressure: watch::Receiver<bool>,
    /// Whether the kubelet verifies credentials of images that are present.
    pub verification: watch::Receiver<Verification>,
    /// A pod waits for an image.
    pub pods_wait: watch::Receiver<bool>,
    /// The images of pods that just came and will ask for them.
    pub expected: watch::Receiver<Arc<[Arc<str>]>>,
    /// The pause image, where it is known.
    pub pause: watch::Receiver<Option<Arc<str>>>,
}

impl Prepull {
    /// Runs until stopped. Sends [`Seen::Prepull`] for each set at its start and on each change. Pulls that run when it is
    /// stopped are dropped at once; on containerd their bytes stay under their lease.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let containerd = Containerd::new(&self.cri);
        let (ours, about) = watch::channel(Ours::default());
        let (taken, way) = watch::channel(Way::default());
        let lookout = Lookout::new(self.cri.clone(), self.clock, &self.around);
        let disk = Disk::new(self.cri.clone(), &self.host_root);
        let leases = Leases::new(containerd.clone(), self.clock, Owner::Agent);
        let credentials = Credentials::new(self.clock);
        let crank = Crank {
            changes: Changes::new(credentials.clone(), self.clock),
            chores: Chores::new(
                leases.clone(),
                Keeper { cri: self.cri.clone(), containerd: containerd.clone(), disk: disk.clone() },
                disk.clone(),
                self.clock,
            ),
            jobs: Jobs::new(Puller {
                cri: self.cri.clone(),
                containerd,
                leases,
                disk,
                credentials,
                cause: self.cause,
                clock: self.clock,
                out: out.clone(),
                stop: stop.clone(),
            }),
            queue: Queue::new(Pace { watch_all: true, ..self.pace }),
            followed: (PrepullSettings::default(), Labels::new()),
            told: BTreeMap::new(),
            dropped: Vec::new(),
            ours,
            way,
            out,
            given: self,
        };
        let both = async { tokio::join!(crank.turn(), lookout.run(about, taken)) };
        let _ended = stop.run_until_cancelled(Box::pin(both)).await; // dropping the crank drops its jobs
    }
}

struct Crank {
    given: Prepull,
    queue: Queue,
    /// The settings and the labels that the queue's plan is made of.
    followed: (PrepullSettings, Labels),
    chores: Chores,
    changes: Changes,
    jobs: Jobs,
    told: BTreeMap<Arc<str>, SetProgress>,
    /// Sets that were told of and are planned no more.
    dropped: Vec<Arc<str>>,
    /// What of ours is about, for the lookout, and what that sees.
    ours: watch::Sender<Ours>,
    way: watch::Receiver<Way>,
    out: mpsc::Sender<Observation>,
}

impl Crank {
    async fn turn(mut self) {
        self.replan();
        loop {
            let (now, gates) = (self.given.clock.now(), self.gates());
            for key in self.queue.cut(gates, now) {
                self.jobs.call_off(&key);
                self.log_cut(&key, gates, now);
            }
            for job in self.queue.start(gates, now) {
                self.start(job);
            }
            self.look_out(gates, now);
            self.chores.do_what_is_due(self.wishes(gates), now);
            self.changes.look_at(self.queue.failing(), now);
            let due = self.queue.next_due(now); // by the same moment, or what falls due in between is forgotten
            let due = due.into_iter().chain(self.chores.next_due(now)).chain(self.changes.next_due()).min();
            if self.tell(gates, now).await.is_err() {
                return;
            }
            tokio::select! {
                (job, outcome) = self.jobs.ended() => self.end(&job, outcome),
                space = self.chores.done() => self.make_room(space),
                set = self.changes.changed() => self.queue.retry(&set, self.given.clock.now()),
                () = sleep_until(&self.given.clock, due) => {}
                () = changed(&mut self.given.settings) => self.replan(),
                () = changed(&mut self.given.around.labels) => self.replan(),
                () = changed(&mut self.given.around.verification) => self.replan(),
                () = changed(&mut self.given.around.pressure) => {}
                () = changed(&mut self.way) => {}
            }
        }
    }

    fn gates(&self) -> Gates {
        let pressure = *self.given.around.pressure.borrow() || self.chores.is_low();
        Gates { pressure, ..self.way.borrow().gates() }
    }

    fn look_out(&self, gates: Gates, now: Time) {
        let ours = Ours::of(&self.queue, gates, now);
        self.ours.send_if_modified(|known| std::mem::replace(known, ours) != ours);
    }

    fn replan(&mut self) {
        let settings = self.given.settings.borrow_and_update().clone();
        let labels = self.given.around.labels.borrow_and_update().clone();
        let verification = self.given.around.verification.borrow_and_update().clone();
        let plan = plan(&settings, &self.given.node, &labels, &verification);
        self.followed = (settings, labels);
        let planned = |name: &Arc<str>| plan.sets.iter().any(|planned| planned.set.name == *name);
        self.dropped.extend(self.told.extract_if(.., |name, _| !planned(name)).map(|(name, _)| name));
        for key in self.queue.follow(plan, self.given.clock.now()) {
            self.jobs.call_off(&key);
        }
    }

    /// What is to be held.
    fn wishes(&self, gates: Gates) -> Wishes {
        let pause = self.given.around.pause.borrow().clone();
        let (settings, labels) = &self.followed;
        let wishes = if gates.pressure { Wishes::default() } else { Wishes::of(settings, labels, &self.queue) };
        wishes.sparing(pause)
    }

    fn start(&mut self, job: Job) {
        if self.queue.goes_on(&job) {
            tracing::info!(set = %job.set, image = %job.image, "pre-pull goes on");
        } else if job.step == Step::Pull && self.queue.tries(&job) == 0 {
            tracing::info!(set = %job.set, image = %job.image, "pre-pull starts");
        }
        let Some(planned) = self.queue.planned(&job.set) else { return };
        let order = Order::of(&job.image, &planned.set);
        self.jobs.start(job, order);
    }

    fn log_cut(&self, (set, image): &Key, gates: Gates, now: Time) {
        let why = self.queue.why_closed(set, gates, now).unwrap_or_default();
        tracing::info!(%set, %image, why, "pre-pull is cut off and goes on later");
    }

    fn make_room(&mut self, space: Option<Space>) {
        if let Some(space) = space {
            self.queue.make_room(space, self.given.clock.now());
        }
    }

    fn end(&mut self, job: &Job, outcome: Outcome) {
        log(job, &outcome, self.queue.tries(job));
        self.queue.end(job, outcome, self.given.clock.now());
    }

    /// Sends what changed since it was last sent.
    async fn tell(&mut self, gates: Gates, now: Time) -> Result<(), mpsc::error::SendError<Observation>> {
        for name in std::mem::take(&mut self.dropped) {
            let seen = Seen::PrepullDropped(name);
            self.out.send(Observation { at: self.given.clock.now(), seen }).await?;
        }
        for progress in self.queue.progress(gates, now) {
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
        Outcome::Short(short) => {
            tracing::warn!(%set, %image, needs = short.needs, room = short.room, "pre-pull waits for room on the disk");
        }
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
        None => pending().await,
    }
}

/// A new value; never where nobody is left to send one.
async fn changed<T>(of: &mut watch::Receiver<T>) {
    if of.changed().await.is_err() {
        pending().await
    }
}
