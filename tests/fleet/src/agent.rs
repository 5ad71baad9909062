//! One agent: its real observers of the API server, its engine and its reporter, put together as `src/app.rs` of the agent does.
//! Without a state directory: what it remembers over a restart is another test's matter.

use std::sync::Arc;
use std::time::Duration;

use kubewhy::clock::Clock;
use kubewhy::engine::{self, Attention, Crank, Wires};
use kubewhy::model::diagnosis::Findings;
use kubewhy::model::observation::Observation;
use kubewhy::model::settings::Settings;
use kubewhy::observe::Outlet;
use kubewhy::observe::apiserver::{
    Budget, EventObserver, Limits, NodeObserver, Patience, PodObserver, Standing, StorageObserver,
};
use kubewhy::report::history::History;
use kubewhy::report::lines::Lines;
use kubewhy::report::memory::Memory;
use kubewhy::report::{Reporter, Setup};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cluster::Cluster;
use crate::{machine, wire};

/// As in the agent.
const OBSERVATIONS: usize = 256;
const FINDINGS: usize = 8;
const QUESTIONS: usize = 32;

/// A running agent. Ends when dropped.
#[derive(Debug)]
pub struct Agent {
    _running: DropGuard,
}

struct Parts<'a> {
    node: Arc<str>,
    cluster: &'a Cluster,
    clock: Clock,
    client: kube::Client,
    seen: mpsc::Sender<Observation>,
    stop: CancellationToken,
}

impl Agent {
    /// Starts it on a node of the cluster.
    #[must_use]
    pub fn start(cluster: &Cluster, node: Arc<str>) -> Self {
        let clock = Clock::starting_at(cluster.now());
        let (seen, observations) = mpsc::channel(OBSERVATIONS);
        let client = wire::client(cluster.way(), cluster.refused.clone(), clock, seen.clone());
        let stop = CancellationToken::new();
        Parts { node, cluster, clock, client, seen, stop: stop.clone() }.start(observations);
        Self { _running: stop.drop_guard() }
    }
}

impl Parts<'_> {
    fn start(self, observations: mpsc::Receiver<Observation>) {
        let (keep, settings) = watch::channel(Arc::new(Settings::default()));
        let (questions, to_answer) = mpsc::channel(QUESTIONS);
        let (attention, attends) = watch::channel(Attention { busy: true, ..Attention::default() });
        let (findings, to_report) = mpsc::channel(FINDINGS);
        let crank = Crank::new(&self.node, false);
        let snapshot = watch::channel(Arc::new(crank.snapshot(self.clock.now(), &Findings::default()))).0;
        let heartbeat = watch::channel(self.clock.now()).0;
        let wires =
            Wires { observations, findings, questions, attention, snapshot, heartbeat, settings: settings.clone() };
        tokio::spawn(engine::run(crank, wires, self.clock, self.stop.clone()));
        self.observe(&settings.borrow(), to_answer, &attends);
        self.see_the_node(attends);
        let reporter = Reporter::new(self.reporting(settings));
        tokio::spawn(async move {
            reporter.run(to_report, CancellationToken::new()).await;
            drop(keep);
        });
    }

    fn observe(
        &self,
        settings: &Settings,
        questions: mpsc::Receiver<kubewhy::model::ids::PodId>,
        attends: &watch::Receiver<Attention>,
    ) {
        let (client, node, clock, standing) = (&self.client, &self.node, self.clock, Standing::default());
        let (spread, timing) = (settings.report.spread, &settings.timing);
        let pods =
            PodObserver { client: client.clone(), node: node.clone(), standing: standing.clone(), spread, clock };
        tokio::spawn(pods.run(self.seen.clone(), self.stop.clone()));
        let own_node = NodeObserver { client: client.clone(), node: node.clone(), standing, spread, clock };
        tokio::spawn(own_node.run(self.seen.clone(), self.stop.clone()));
        let budget = Budget::new(Limits::new(timing.ask_again));
        let events = EventObserver { client: client.clone(), budget, spread, clock };
        tokio::spawn(events.run(questions, self.seen.clone(), self.stop.clone()));
        let patience = Patience::new(timing, spread);
        let waiting = self.projected(attends, |attention| attention.mounting.clone());
        let storage = StorageObserver { client: client.clone(), node: node.clone(), waiting, patience, clock };
        tokio::spawn(storage.run(self.seen.clone(), self.stop.clone()));
    }

    fn see_the_node(&self, attends: watch::Receiver<Attention>) {
        let out = Outlet::new(self.seen.clone(), self.clock);
        let in_doubt = self.projected(&attends, |attention| attention.way);
        let (way, refused) = (self.cluster.way(), self.cluster.refused.clone());
        let probe = machine::probe_the_way(way, refused, self.clock, in_doubt, out.clone());
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(probe).await });
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(machine::be_well(out)).await });
    }

    fn reporting(&self, settings: watch::Receiver<Arc<Settings>>) -> Setup {
        Setup {
            node: self.node.clone(),
            instance: self.node.clone(),
            clock: self.clock,
            client: Some(self.client.clone()),
            settings,
            lines: Lines::log_only(),
            history: History::default(),
            tally: Arc::new(()),
            memory: Memory::default(),
        }
    }

    /// A part of what deserves attention, followed.
    fn projected<T>(&self, attends: &watch::Receiver<Attention>, part: fn(&Attention) -> T) -> watch::Receiver<T>
    where
        T: PartialEq + Send + Sync + 'static,
    {
        let mut attends = attends.clone();
        let (out, projected) = watch::channel(part(&attends.borrow_and_update()));
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let following = async {
                while attends.changed().await.is_ok() {
                    let new = part(&attends.borrow_and_update());
                    out.send_if_modified(|known| {
                        let changed = *known != new;
                        *known = new;
                        changed
                    });
                }
            };
            stop.run_until_cancelled(following).await;
        });
        projected
    }
}

/// How long an agent that was stopped takes to end, at most.
pub const ENDS_WITHIN: Duration = kubewhy::report::reporter::DRAIN;
