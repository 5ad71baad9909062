//! Runs the probes of the node, each at its own pace, on the blocking pool and with a deadline. One that hangs delays no
//! other, and is not run again while it hangs: its answer is that there is none. On a calm node each keeps to its part of
//! the processor time that all of them may use; when something is found wrong, each looks again soon.

mod cost;
mod heard;
mod ledger;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::KubeletPlaces;
use super::asking::Asking;
use crate::client::backoff::jittered;
use crate::clock::Clock;
use crate::host::{Mounts, Pids};
use crate::model::ids::PodUid;
use crate::model::observation::{Observation, Seen};
use crate::model::reading::{Missing, Reading, Verdict};
use crate::model::{Time, since};
use crate::observe::{self, Outlet};
use crate::probe::apiserver::Service;
use crate::probe::mount::Left;
use crate::probe::{ALL, Asked, Node, Probe};

use super::CniDirs;
use cost::Costed;
pub use heard::Heard;
use ledger::Ledger;

/// A probe answers within this time, or not at all.
const DEADLINE: Duration = Duration::from_secs(10);
/// One that finds something broken, or what it did not find before, looks again after this part of the period.
const TROUBLED: u32 = 5;
/// A probe that finds something broken may use so much more than its part.
const TROUBLED_SHARE: u32 = 10;
/// What many nodes would ask at once, and go on to be in doubt of, is asked seldom in the end: so many periods apart.
const SELDOM: u32 = 5;
const SELDOM_AT_MOST: Duration = Duration::from_secs(300);
/// So many look at once: each look takes a thread.
const AT_ONCE: usize = 3;
/// The table of mounts is read again when it is older.
const MOUNTS_AGE: Duration = Duration::from_secs(5);

/// What is in doubt, so that it is worth asking what is not asked on a calm node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// The way to the API server.
    pub way: bool,
    /// The mounts of these pods.
    pub mounts: Arc<[PodUid]>,
    /// The node itself, since then: what is told of it waits a few seconds, so that what lies at its root is seen by then.
    pub trouble: Option<Time>,
}

impl Doubts {
    fn concern(&self, asked: Asked) -> bool {
        match asked {
            Asked::Always => true,
            Asked::WayInDoubt => self.way,
            Asked::MountsInDoubt => !self.mounts.is_empty(),
        }
    }
}

/// Looks at the node itself.
#[derive(Debug)]
pub struct Prober {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Where the kubelet keeps what it has.
    pub kubelet: KubeletPlaces,
    /// Where CNI lives, as the runtime tells it by now.
    pub dirs: watch::Receiver<CniDirs>,
    /// What the runtime told that probes need.
    pub heard: watch::Receiver<Heard>,
    /// What is in doubt.
    pub doubts: watch::Receiver<Doubts>,
    /// The API server as a Service.
    pub service: Option<Service>,
    /// Between two looks of one probe that find the same.
    pub period: Duration,
    /// The agent's clock.
    pub clock: Clock,
}

impl Prober {
    /// Runs until stopped. Sends [`Seen::Readings`] after every look of every probe.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        self.run_all(ALL, out, stop).await;
    }

    async fn run_all(self, probes: &'static [Probe], out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let ledger = Ledger::new(probes.len());
        let (pids, left) = (Arc::default(), Arc::default());
        let host = Arc::new(Host { prober: self, ledger, pids, left, mounts: Mutex::default() });
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for numbered in probes.iter().enumerate() {
            let out = Outlet::new(out.clone(), host.prober.clock);
            running.spawn(repeat(numbered, host.clone(), turns.clone(), out));
        }
        stop.run_until_cancelled(async { while running.join_next().await.is_some() {} }).await;
    }
}

async fn repeat((number, probe): (usize, &'static Probe), host: Arc<Host>, turns: Arc<Semaphore>, out: Outlet) {
    let mut asking = Asking::within(DEADLINE);
    let mut doubts = host.prober.doubts.clone();
    let (mut before, mut looks) = (Vec::new(), 0);
    loop {
        if !doubts.borrow().concern(probe.asked) {
            looks = 0;
        }
        if doubts.wait_for(|doubts| doubts.concern(probe.asked)).await.is_err() {
            break;
        }
        looks += 1;
        // One that hangs has a thread already, and takes nobody's turn.
        let turn = if asking.waits() { None } else { turns.acquire().await.ok() };
        let (asked, looked) = (host.clone(), host.prober.clock.now());
        let answer = asking.ask(move || cost::of(|| asked.look(probe))).await;
        drop(turn);
        let Costed { of: readings, cost } = answer.unwrap_or_else(|none| {
            let why = format!("{none} in {} s: a mount that hangs?", DEADLINE.as_secs());
            Costed { of: vec![Reading::unknown(probe.id, "", Missing::Answer, why)], cost: Duration::ZERO }
        });
        let period = match probe.asked {
            Asked::WayInDoubt => period_in_doubt(host.prober.period, looks),
            Asked::Always | Asked::MountsInDoubt => host.prober.period,
        };
        let calm = host.ledger.rest(number, cost, period);
        let long = rest(probe, period, calm, is_troubled(&before, &readings));
        let soonest = Instant::now() + jittered(rest(probe, period, calm, true).min(long));
        let long = match probe.asked {
            Asked::WayInDoubt => jittered(long),
            Asked::Always | Asked::MountsInDoubt => host.prober.clock.together(long),
        };
        before.clone_from(&readings);
        out.tell(Seen::Readings { probe: probe.id, readings }).await;
        observe::unless_woken(long, soonest, &mut doubts, |doubts| doubts.trouble > Some(looked)).await;
    }
    std::future::pending::<()>().await; // nobody will say what is in doubt
}

/// Of looks at what many nodes would ask at once: the one that this look begins, of so many since it came in doubt.
#[must_use]
pub fn period_in_doubt(period: Duration, looks: u32) -> Duration {
    let seldom = SELDOM.min(2_u32.saturating_pow(looks.saturating_sub(1)));
    (period * seldom).min(SELDOM_AT_MOST).max(period)
}

/// Something is broken, or is not what it was.
fn is_troubled(before: &[Reading], now: &[Reading]) -> bool {
    let stands = |readings: &[Reading]| readings.iter().map(|one| (one.of.clone(), one.verdict)).collect::<Vec<_>>();
    let broken = now.iter().any(|one| one.verdict == Verdict::Broken);
    broken || (!before.is_empty() && stands(before) != stands(now))
}

/// The rest of one that rests for so long while all is calm.
fn rest(probe: &Probe, period: Duration, calm: Duration, troubled: bool) -> Duration {
    // Whom many nodes would ask at once is not asked the more the less it answers.
    let soonest = if probe.asked == Asked::WayInDoubt { period } else { period / TROUBLED };
    if troubled { (calm / TROUBLED_SHARE).clamp(soonest, period) } else { calm }
}

/// What looks share.
#[derive(Debug)]
struct Host {
    prober: Prober,
    ledger: Ledger,
    pids: Arc<Pids>,
    left: Arc<Left>,
    mounts: Mutex<Option<(Time, Arc<Mounts>)>>,
}

impl Host {
    fn look(&self, probe: &Probe) -> Vec<Reading> {
        match self.mounts() {
            Ok(mounts) => (probe.look)(&self.node(mounts)),
            Err(error) => {
                let why = format!("what is mounted below {} cannot be told: {error}", self.prober.root.display());
                vec![Reading::unknown(probe.id, "", Missing::Access, why)]
            }
        }
    }

    /// A node may have thousands of mounts, and twenty probes that ask for them.
    fn mounts(&self) -> std::io::Result<Arc<Mounts>> {
        let mut known = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.prober.clock.now();
        if let Some((_, mounts)) = known.as_ref().filter(|(at, _)| since(*at, now) < MOUNTS_AGE) {
            return Ok(mounts.clone());
        }
        let mounts = Arc::new(Mounts::at(&self.prober.root)?);
        *known = Some((now, mounts.clone()));
        Ok(mounts)
    }

    fn node(&self, mounts: Arc<Mounts>) -> Node {
        let heard = self.prober.heard.borrow().clone();
        Node {
            mounts,
            now: self.prober.clock.now(),
            kubelet_root: self.prober.kubelet.root.clone(),
            pod_logs: self.prober.kubelet.pod_logs.clone(),
            runtime_root: heard.root,
            runtime_socket: heard.socket,
            runtime_cgroup: heard.cgroup,
            pids: self.pids.clone(),
            left: self.left.clone(),
            cni: self.prober.dirs.borrow().clone(),
            sandboxes: heard.sandboxes,
            service: self.prober.service.clone(),
            suspects: Some(self.prober.doubts.borrow().mounts.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
