//! Images pulled once because somebody on the node asks for them, with how far each is. What is cut off goes on from its bytes
//! the next time, on containerd. It makes way for pods like the agent, keeps nothing pinned, and removes nothing.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::jobs::Jobs;
use super::leases::{Leases, Owner};
use super::plan::{Plan, PlannedSet};
use super::pull::{NameCause, Order, Puller};
use super::queue::{Job, Pace, Queue, Standing, Step};
use super::room::Disk;
use super::way::{Lookout, Ours, Way};
use crate::client::containerd::Containerd;
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::prepull::{PullFailure, Short};
use crate::model::pull::Pull;
use crate::model::settings::PrepullSet;

/// Between two views while something moves.
const VIEW: Duration = Duration::from_millis(250);

/// So often an image is tried, where a retry may help; somebody waits for the answer.
const TRIES: u32 = 3;

/// First and longest wait between these.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

/// What is to be pulled, and with what.
pub struct ByHand {
    /// The runtime.
    pub cri: Cri,
    /// Where the host's root is seen.
    pub host_root: PathBuf,
    /// Images, parallelism, floor and credentials.
    pub set: PrepullSet,
    /// Names the cause of a failed pull.
    pub cause: NameCause,
    /// The clock.
    pub clock: Clock,
}

/// One image, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The image.
    pub image: Arc<str>,
    /// What is done with it.
    pub phase: Phase,
    /// Bytes of its layers that are here.
    pub done: u64,
    /// Bytes of its layers in all, where they are known.
    pub total: Option<u64>,
}

/// What is done with an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Nothing yet.
    Waits,
    /// A try failed, and another is due soon.
    Again(PullFailure),
    /// An image of a pod is being pulled, and goes first.
    MakesWay,
    /// The registry is asked.
    Resolves,
    /// Bytes come.
    Downloads,
    /// All bytes are here.
    Unpacks,
    /// It was here before.
    Present,
    /// It was pulled: its size as the runtime counts it, in bytes.
    Pulled(u64),
    /// The disk has no room for it.
    Short(Short),
    /// It could not be pulled.
    Failed(PullFailure),
    /// The runtime does not answer.
    Unanswered,
}

impl Phase {
    /// Nothing more comes of it.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Present | Self::Pulled(_) | Self::Short(_) | Self::Failed(_) | Self::Unanswered)
    }
}

impl ByHand {
    /// Pulls until each image is here or can't be, and tells how far all are as it goes on and at the end. Ends at `stop` with
    /// what is then; bytes that are here stay for a day, on containerd.
    pub async fn run(self, views: watch::Sender<Vec<View>>, stop: CancellationToken) {
        let containerd = Containerd::new(&self.cri);
        let (ours, about) = watch::channel(Ours::Due);
        let (taken, way) = watch::channel(Way::default());
        let lookout = Lookout::alone(self.cri.clone(), self.clock);
        let (out, mut unheard) = mpsc::channel(16);
        let puller = Puller {
            cri: self.cri.clone(),
            leases: Leases::new(containerd.clone(), self.clock, Owner::Hand),
            containerd,
            disk: Disk::new(self.cri.clone(), &self.host_root),
            credentials: Credentials::new(self.clock),
            cause: self.cause,
            clock: self.clock,
            out,
            stop: stop.clone(),
        };
        let mut queue = Queue::new(Pace {
            fast: AGAIN,
            slow: AGAIN,
            patience: TRIES,
            patience_fresh: TRIES,
            room: AGAIN.1,
            ..Pace::default()
        });
        let planned = PlannedSet { set: self.set, delay: Duration::ZERO, refused: None };
        queue.follow(Plan { sets: vec![planned.clone()] }, self.clock.now());
        let crank = Crank {
            jobs: Jobs::new(puller),
            queue,
            set: planned.set,
            progress: HashMap::new(),
            way,
            ours,
            clock: self.clock,
            views,
        };
        let turning = async {
            tokio::select! {
                () = crank.turn() => {}
                () = lookout.run(about, taken) => {}
                () = async { while unheard.recv().await.is_some() {} } => {}
            }
        };
        let _ended = stop.run_until_cancelled(Box::pin(turning)).await;
    }
}

struct Crank {
    jobs: Jobs,
    queue: Queue,
    set: PrepullSet,
    progress: HashMap<Arc<str>, watch::Receiver<Option<Pull>>>,
    way: watch::Receiver<Way>,
    ours: watch::Sender<Ours>,
    clock: Clock,
    views: watch::Sender<Vec<View>>,
}

impl Crank {
    async fn turn(mut self) {
        let mut ticks = interval(VIEW);
        loop {
            let (now, way) = (self.clock.now(), *self.way.borrow_and_update());
            let gates = way.gates();
            self.give_up_what_ended();
            for key in self.queue.cut(gates, now) {
                self.jobs.call_off(&key);
            }
            for job in self.queue.start(gates, now) {
                self.start(job);
            }
            self.ours.send_if_modified(|ours| {
                let new = Ours::of(&self.queue, gates, now).max(Ours::Due);
                std::mem::replace(ours, new) != new
            });
            let views = self.view(way);
            let ended = views.iter().all(|view| view.phase.is_end());
            self.views.send_if_modified(|known| std::mem::replace(known, views.clone()) != views);
            if ended {
                return;
            }
            tokio::select! {
                (job, outcome) = self.jobs.ended() => self.queue.end(&job, outcome, self.clock.now()),
                Ok(()) = self.way.changed() => {}
                _ = ticks.tick() => {}
            }
        }
    }

    fn start(&mut self, job: Job) {
        let (progress, seen) = watch::channel(None);
        if job.step != Step::Check {
            self.progress.insert(job.image.clone(), seen);
        }
        let order = Order { progress, ..Order::of(&job.image, &self.set) };
        self.jobs.start(job, order);
    }

    /// What can't be pulled is not tried again for as long as another one takes.
    fn give_up_what_ended(&mut self) {
        let ended = |(image, standing)| phase(standing, Progress::None, Way::Unseen).is_end().then_some(image);
        let ended: Vec<Arc<str>> = self.queue.standings().filter_map(ended).collect();
        ended.iter().for_each(|image| self.queue.give_up(image));
    }

    fn view(&self, way: Way) -> Vec<View> {
        let view = |(image, standing): (Arc<str>, Standing)| {
            let seen = self.progress.get(&image).map(|seen| seen.borrow().clone());
            let (done, total) =
                seen.as_ref().and_then(Option::as_ref).map_or((0, None), |pull| (pull.done(), pull.total()));
            let progress = match &seen {
                Some(Some(pull)) => Progress::Seen(pull),
                Some(None) => Progress::Begun,
                None => Progress::None,
            };
            let phase = phase(standing, progress, way);
            // The last look at a pull is a little older than its end.
            let done = if matches!(phase, Phase::Pulled(_)) { total.unwrap_or(done) } else { done };
            View { image, phase, done, total }
        };
        self.queue.standings().map(view).collect()
    }
}

/// How far a pull of ours is.
#[derive(Clone, Copy)]
enum Progress<'a> {
    /// None was begun: the runtime is asked whether the image is here.
    None,
    /// Nothing is seen of it yet.
    Begun,
    /// It looks so.
    Seen(&'a Pull),
}

fn phase(standing: Standing, progress: Progress<'_>, way: Way) -> Phase {
    match standing {
        Standing::Here { by_us: Some(bytes) } => Phase::Pulled(bytes),
        Standing::Here { by_us: None } => Phase::Present,
        Standing::Failed { failure, hopeless } if hopeless || failure.tries >= TRIES => Phase::Failed(failure),
        Standing::Unanswered { tries } if tries >= TRIES => Phase::Unanswered,
        Standing::Short(short) => Phase::Short(short),
        Standing::Waits if matches!(way, Way::Taken { .. }) => Phase::MakesWay,
        Standing::Failed { failure, .. } => Phase::Again(failure),
        Standing::Unanswered { .. } | Standing::Waits => Phase::Waits,
        Standing::Runs => match progress {
            Progress::None => Phase::Waits,
            Progress::Seen(pull) if pull.total().is_some_and(|total| pull.done() >= total) => Phase::Unpacks,
            Progress::Seen(pull) if !pull.layers.is_empty() => Phase::Downloads,
            Progress::Begun | Progress::Seen(_) => Phase::Resolves,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::after;
    use crate::prepull::mend::Mend;
    use crate::prepull::queue::{Gates, Outcome};

    #[test]
    fn what_is_given_up_is_not_tried_again_and_stands_as_it_did() {
        let now = "2026-11-21T03:00:00Z".parse().unwrap();
        let set = PrepullSet::new("by-hand", vec!["a:1".into()]);
        let mut queue = Queue::new(Pace::default());
        queue.follow(Plan { sets: vec![PlannedSet { set, delay: Duration::ZERO, refused: None }] }, now);
        for outcome in [Outcome::Absent, Outcome::Failed { text: "no".into(), cause: None, mend: Mend::Retry }] {
            queue.start(Gates::default(), now).iter().for_each(|job| queue.end(job, outcome.clone(), now));
        }
        queue.give_up("a:1");
        assert!(queue.start(Gates::default(), after(now, Duration::from_secs(86_400))).is_empty());
        assert!(matches!(queue.standings().next(), Some((_, Standing::Failed { .. }))));
    }

    #[test]
    fn a_phase_says_what_is_done_and_no_more() {
        let failure = PullFailure { image: "a:1".into(), text: "x".into(), cause: None, tries: 1 };
        let failed = |tries, hopeless| Standing::Failed { failure: PullFailure { tries, ..failure.clone() }, hopeless };
        let taken = Way::Taken { resumable: true };
        for (standing, progress, way, expected) in [
            (Standing::Waits, Progress::None, Way::Unseen, Phase::Waits),
            (Standing::Waits, Progress::None, taken, Phase::MakesWay),
            (Standing::Runs, Progress::None, Way::Unseen, Phase::Waits),
            (Standing::Runs, Progress::Begun, Way::Unseen, Phase::Resolves),
            (failed(1, false), Progress::Begun, Way::Unseen, Phase::Again(failure.clone())),
            (failed(1, true), Progress::Begun, Way::Unseen, Phase::Failed(failure.clone())),
            (Standing::Unanswered { tries: 1 }, Progress::None, Way::Unseen, Phase::Waits),
            (Standing::Unanswered { tries: TRIES }, Progress::None, Way::Unseen, Phase::Unanswered),
        ] {
            assert_eq!(phase(standing, progress, way), expected);
        }
    }
}
