//! The one task that owns all state. Observations arrive by a bounded channel, findings and questions leave by others;
//! it opens no socket and no file.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::diagnose::{self, View};
use crate::model::Time;
use crate::model::diagnosis::Findings;
use crate::model::ids::{NodeId, PodId, PodUid};
use crate::model::observation::Observation;
use crate::model::runtime::Method;
use crate::model::settings::Settings;
use crate::model::snapshot::Snapshot;
use crate::model::stage::Topic;
use crate::model::volume::Mounting;
use crate::track::World;

/// How often a look is taken while something starts or goes wrong; it bounds what the engine adds to a diagnosis's delay.
const LOOK_BUSY: Duration = Duration::from_millis(500);
/// How often otherwise. Faults of a calm node change the state, and a changed state is looked at within [`LOOK_BUSY`].
const LOOK_CALM: Duration = Duration::from_secs(5);
/// What one observer's look brings comes within this time, and is looked at together.
const GATHER: Duration = Duration::from_millis(100);
/// Observations taken from the queue at once.
const BATCH: usize = 64;

/// What deserves attention now: the observers look more often, or look at pulls at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// Something starts or goes wrong.
    pub busy: bool,
    /// A pod waits for an image.
    pub pulls: bool,
    /// Which pods are here the API server has not told yet: any of them may wait for anything.
    pub unlisted: bool,
    /// The images of pods that just came: the kubelet is about to ask for them.
    pub expected: Arc<[Arc<str>]>,
    /// The images of which it matters whether the node has them.
    pub images: Arc<[Arc<str>]>,
    /// The pods on their way to running, in the order of their UIDs; those that are stuck for good among them, for which
    /// alone nothing is [`busy`](Self::busy).
    pub starting: Arc<[PodId]>,
    /// The pods whose sandbox may be in the making; none while nobody waits for one.
    pub sandboxes: Arc<[PodUid]>,
    /// A CNI plugin may be what holds a pod or the runtime.
    pub plugins: bool,
    /// The pods that wait for volumes or resource claims, and for which.
    pub mounting: Arc<[Mounting]>,
    /// The way to the API server is in doubt.
    pub way: bool,
    /// The pods whose mounts are in doubt.
    pub mounts: Arc<[PodUid]>,
    /// When the newest trouble of the node began.
    pub trouble: Option<Time>,
}

/// State and the look at it, without tasks, channels or clock: what the agent turns in real time and a replay in
/// virtual time.
#[derive(Debug)]
pub struct Crank {
    world: World,
    standalone: bool,
}

impl Crank {
    /// A crank for the node of that name. In standalone mode no API server will ever tell of pods.
    #[must_use]
    pub fn new(node_name: &str, standalone: bool) -> Self {
        Self { world: World::new(node_name), standalone }
    }

    /// Takes up what an agent before this one knew and told, before anything is seen.
    #[must_use]
    pub fn recalling(mut self, node: Option<NodeId>, stories: Vec<(Arc<str>, Topic)>) -> Self {
        self.world.recall(node, stories);
        self
    }

    /// Takes in one observation; whether it may have changed anything.
    pub fn take(&mut self, observation: Observation) -> bool {
        self.world.apply(observation)
    }

    /// Looks at the state.
    pub fn turn(&mut self, settings: &Settings, now: Time) -> (Findings, Vec<PodId>) {
        let view = View { world: &self.world, settings, standalone: self.standalone, now };
        let mut findings = diagnose::look(view);
        let questions = diagnose::questions(view, &findings);
        findings.gone = self.world.take_gone();
        self.world.remember(&findings, now);
        self.world.take_arrivals().into_iter().for_each(|arrival| diagnose::arrived(arrival, settings, &mut findings));
        for pod in &questions {
            self.world.asked(pod, now);
        }
        (findings, questions)
    }

    /// Where everything stands, with what the last look found.
    #[must_use]
    pub fn snapshot(&self, now: Time, findings: &Findings) -> Snapshot {
        self.world.snapshot(now, findings)
    }

    /// Something is starting or going wrong.
    #[must_use]
    pub fn busy(&self, now: Time) -> bool {
        self.world.busy(now)
    }

    /// Something was found broken lately.
    #[must_use]
    pub fn settling(&self, now: Time) -> bool {
        self.world.settling(now)
    }

    /// What deserves attention.
    #[must_use]
    pub fn attention(&self, now: Time) -> Attention {
        let starting = self.world.starting().map(|track| track.id.clone()).collect();
        let sandboxes = self.world.sandboxes_awaited();
        let plugins = !sandboxes.is_empty() || self.world.runtime.hangs(Method::Status).is_some();
        let (busy, pulls) = (self.world.busy(now), self.world.awaits_image(now));
        let mounting = self.world.mounting().collect();
        let (images, expected) = (diagnose::images(&self.world), self.world.images_expected(now));
        let (way, mounts) = (self.world.way_in_doubt(now), self.world.mounts_in_doubt(now));
        let trouble = self.world.troubled_since(now);
        let unlisted = !self.standalone && !self.world.listed;
        Attention {
            busy,
            pulls,
            unlisted,
            expected,
            images,
            starting,
            sandboxes,
            plugins,
            mounting,
            way,
            mounts,
            trouble,
        }
    }
}

/// The engine's channels. When one that it writes to is full, it waits: observers then wait too, and nothing is lost.
#[derive(Debug)]
pub struct Wires {
    /// What was seen.
    pub observations: mpsc::Receiver<Observation>,
    /// What holds, after every look.
    pub findings: mpsc::Sender<(Time, Findings)>,
    /// Pods whose Events could tell more. A question that finds the queue full is dropped: it is asked again later.
    pub questions: mpsc::Sender<PodId>,
    /// What deserves attention.
    pub attention: watch::Sender<Attention>,
    /// Where every start and every pull stands, after every look. Not made while nobody watches.
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    /// The moment of the last look, by which others see that the engine is alive.
    pub heartbeat: watch::Sender<Time>,
    /// The knobs.
    pub settings: watch::Receiver<Arc<Settings>>,
}

/// Runs until `stop` or until nobody observes any more. What is queued by then is still taken in and looked at.
pub async fn run(mut crank: Crank, mut wires: Wires, clock: Clock, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut looked = Instant::now();
    let mut due = looked + LOOK_CALM;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            taken = wires.observations.recv_many(&mut batch, BATCH) => {
                if taken == 0 { break }
                let mut changed = false;
                batch.drain(..).for_each(|observation| changed |= crank.take(observation));
                if changed {
                    due = due.min((looked + LOOK_BUSY).max(Instant::now() + GATHER));
                }
            }
            () = sleep_until(due) => {
                let now = clock.now();
                if !look(&mut crank, &wires, now).await { break }
                wires.heartbeat.send_replace(now);
                looked = Instant::now();
                due = looked + if crank.busy(now) || crank.settling(now) { LOOK_BUSY } else { LOOK_CALM };
            }
        }
    }
    while let Ok(observation) = wires.observations.try_recv() {
        crank.take(observation);
    }
    look(&mut crank, &wires, clock.now()).await;
}

/// One look; false when nobody listens to findings any more.
async fn look(crank: &mut Crank, wires: &Wires, now: Time) -> bool {
    let settings = wires.settings.borrow().clone();
    let (findings, questions) = crank.turn(&settings, now);
    for pod in questions {
        if wires.questions.try_send(pod).is_err() {
            tracing::debug!("question dropped: the queue is full");
        }
    }
    wires.attention.send_if_modified(|attention| {
        let new = crank.attention(now);
        let changed = *attention != new;
        *attention = new;
        changed
    });
    if !wires.snapshot.is_closed() {
        wires.snapshot.send_replace(Arc::new(crank.snapshot(now, &findings)));
    }
    wires.findings.send((now, findings)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::model::observation::{ApiState, Seen};
    use crate::model::reading::Reading;

    struct Rig {
        observations: mpsc::Sender<Observation>,
        findings: mpsc::Receiver<(Time, Findings)>,
        heartbeat: watch::Receiver<Time>,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        stop: CancellationToken,
        clock: Clock,
        _others: (mpsc::Receiver<PodId>, watch::Receiver<Attention>, watch::Sender<Arc<Settings>>),
    }

    fn start() -> Rig {
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        let (observations, from_observers) = mpsc::channel(8);
        let (to_reporter, findings) = mpsc::channel(1);
        let (questions, asked) = mpsc::channel(1);
        let (attention, attends) = watch::channel(Attention::default());
        let (beat, heartbeat) = watch::channel(clock.now());
        let crank = Crank::new("node-7", false);
        let (picture, snapshot) = watch::channel(Arc::new(crank.snapshot(clock.now(), &Findings::default())));
        let (keep, settings) = watch::channel(Arc::new(Settings::default()));
        let wires = Wires {
            observations: from_observers,
            findings: to_reporter,
            questions,
            attention,
            snapshot: picture,
            heartbeat: beat,
            settings,
        };
        let stop = CancellationToken::new();
        tokio::spawn(run(crank, wires, clock, stop.clone()));
        Rig { observations, findings, heartbeat, snapshot, stop, clock, _others: (asked, attends, keep) }
    }

    impl Rig {
        /// How long until the next look.
        async fn next_look(&mut self) -> Duration {
            let from = self.clock.now();
            let (at, _) = timeout(Duration::from_secs(60), self.findings.recv()).await.unwrap().unwrap();
            crate::model::since(from, at)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_is_looked_at_within_half_a_second() {
        let mut rig = start();
        assert_eq!(rig.next_look().await, LOOK_CALM, "nothing was seen");
        let seen = Seen::ApiServer(ApiState::Answers);
        rig.observations.send(Observation { at: rig.clock.now(), seen }).await.unwrap();
        assert!(rig.next_look().await <= LOOK_BUSY);
        assert_eq!(rig.next_look().await, LOOK_CALM, "and then it is calm again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_probe_finds_again_is_no_reason_to_look() {
        let mut rig = start();
        rig.next_look().await;
        for n in 0..3 {
            let readings = vec![Reading::fine("swap", "", "off")];
            let seen = Seen::Readings { probe: "swap", readings };
            rig.observations.send(Observation { at: rig.clock.now(), seen }).await.unwrap();
            assert_eq!(rig.next_look().await <= LOOK_BUSY, n == 0, "look {n}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_heart_beats_with_each_look() {
        let mut rig = start();
        for _ in 0..3 {
            rig.next_look().await;
            timeout(LOOK_BUSY, rig.heartbeat.changed()).await.unwrap().unwrap();
            assert_eq!(*rig.heartbeat.borrow(), rig.clock.now());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_watches_sees_where_everything_stands_after_each_look() {
        let mut rig = start();
        rig.next_look().await;
        assert_eq!(rig.snapshot.borrow_and_update().at, rig.clock.now());
        let seen = Seen::PullsUnseen("another runtime".to_owned());
        rig.observations.send(Observation { at: rig.clock.now(), seen }).await.unwrap();
        rig.next_look().await;
        let picture = rig.snapshot.borrow_and_update().clone();
        assert_eq!((&*picture.node, picture.pulls_unseen.as_deref()), ("node-7", Some("another runtime")));
    }

    #[test]
    fn until_the_api_server_has_told_the_pods_any_of_them_may_wait_but_without_one_nobody_waits_for_that() {
        let unlisted = |crank: &Crank| crank.attention(Time::UNIX_EPOCH).unlisted;
        let mut crank = Crank::new("node-7", false);
        assert!(unlisted(&crank));
        crank.take(Observation { at: Time::UNIX_EPOCH, seen: Seen::PodsListed(Vec::new()) });
        assert!(!unlisted(&crank) && !unlisted(&Crank::new("node-7", true)));
    }

    #[tokio::test(start_paused = true)]
    async fn told_to_stop_it_looks_once_more_and_ends() {
        let mut rig = start();
        rig.next_look().await;
        rig.stop.cancel();
        assert_eq!(rig.next_look().await, Duration::ZERO);
        assert!(rig.findings.recv().await.is_none());
    }
}
