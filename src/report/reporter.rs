//! The reporting task: the one owner of stories, storm and spool. Takes findings as they come, has at most one write
//! under way, and on the way out writes what must not be lost, within a deadline.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::apiserver::{ApiServer, Outcome};
use super::event::{self, Author};
use super::history::History;
use super::lines::Lines;
use super::memory::{Due, Keeper, Memory, Record};
use super::notice::{Notice, Telling};
use super::sink::Sink;
use super::spool::Entry;
use super::stories::{Stories, node_of};
use super::storm::Storm;
use super::tally::Tally;
use crate::clock::Clock;
use crate::model::Time;
use crate::model::diagnosis::Findings;
use crate::model::ids::NodeId;
use crate::model::settings::Settings;

/// One request to the API server, answer included.
const REQUEST: Duration = Duration::from_secs(10);
/// From the word to stop until the task ends, whatever the API server does.
pub const DRAIN: Duration = Duration::from_secs(3);

type Flight = Pin<Box<dyn Future<Output = (Entry, bool, Outcome)> + Send>>;

/// What reporting needs.
pub struct Setup {
    /// The node's name.
    pub node: Arc<str>,
    /// `reportingInstance`: the agent's pod, or the node's name.
    pub instance: Arc<str>,
    /// The agent's clock.
    pub clock: Clock,
    /// The way to the API server. `None` in standalone mode: then no Events are written. It must not retry by itself.
    pub client: Option<kube::Client>,
    /// The settings in force.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// JSON lines, or none.
    pub lines: Lines,
    /// What is kept of what was told, or nothing.
    pub history: History,
    /// Takes the counts.
    pub tally: Arc<dyn Tally>,
    /// What was kept by the agent that ran here before.
    pub memory: Memory,
}

/// The reporting task.
pub struct Reporter {
    clock: Clock,
    node: NodeId,
    author: Author,
    api: Option<ApiServer>,
    settings: watch::Receiver<Arc<Settings>>,
    lines: Lines,
    history: History,
    tally: Arc<dyn Tally>,
    stories: Stories,
    storm: Storm,
    sink: Sink,
    flight: Option<Flight>,
    keeper: Option<Keeper>,
    node_changed: bool,
}

impl Reporter {
    /// Ready to run.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { node, instance, clock, client, mut settings, lines, history, tally, memory } = setup;
        tally.kept(memory.kept());
        let (records, keeper) = memory.into_parts();
        let report = settings.borrow_and_update().report.clone();
        let mut reporter = Self {
            clock,
            node: NodeId { name: Arc::clone(&node), uid: "".into() },
            author: Author { node, instance, runbook_url: report.runbook_url.clone() },
            api: client.map(|client| ApiServer::new(client, REQUEST)),
            settings,
            lines,
            history,
            stories: Stories::default(),
            storm: Storm::calm(clock.now()),
            sink: Sink::new(report, Arc::clone(&tally)),
            tally,
            flight: None,
            keeper,
            node_changed: false,
        };
        records.into_iter().for_each(|record| reporter.recall(record));
        reporter
    }

    fn recall(&mut self, record: Record) {
        let now = self.clock.now();
        match record {
            Record::Node(node) if node.name == self.node.name => self.node = node,
            Record::Node(_) => {}
            Record::Story { of, is } => self.stories.recall(of, is, now),
            Record::Event { of, is } => self.sink.recall(of, is.map(|notice| *notice), now),
            Record::Spent(spent) => self.storm.recall_spent(spent),
            Record::Announced { of, is } => self.stories.recall_announced(of, is, now),
            Record::Held { of, is } => self.storm.recall_held(of, is),
        }
    }

    /// Runs until `stop`, or until nobody sends findings any more; then drains for at most [`DRAIN`].
    pub async fn run(mut self, mut findings: mpsc::Receiver<(Time, Findings)>, stop: CancellationToken) {
        loop {
            self.keep().await;
            self.take_off();
            let wake = self.sink.wake_at().filter(|_| self.flight.is_none() && self.api.is_some());
            let (clock, settings) = (self.clock, &mut self.settings);
            tokio::select! {
                () = stop.cancelled() => break,
                next = findings.recv() => match next {
                    Some((at, findings)) => self.turn(at, &findings).await,
                    None => break,
                },
                Ok(()) = settings.changed() => self.configure(),
                landed = landing(&mut self.flight) => self.land(landed),
                () = sleep_until(clock, wake) => {}
            }
        }
        let rest = async {
            while let Ok((at, last)) = findings.try_recv() {
                self.turn(at, &last).await;
            }
            self.drain().await;
        };
        if tokio::time::timeout(DRAIN, rest).await.is_err() {
            tracing::warn!(pending = self.sink.pending(), "the agent ends before all Events were written");
        }
    }

    async fn turn(&mut self, at: Time, findings: &Findings) {
        if let Some(node) = node_of(findings).filter(|node| **node != self.node) {
            self.node = node.clone();
            self.node_changed = true;
        }
        self.count(findings);
        self.storm.forget(&findings.gone);
        let settings = Arc::clone(&self.settings.borrow());
        let mut notices = self.stories.turn(at, findings, &settings.timing);
        if let Some(storm) = self.storm.announce(&self.node, at) {
            notices.extend(self.stories.announce(at, &storm));
        }
        self.lines.tell(&notices).await;
        self.history.tell(&notices, at).await;
        self.sink.learn(at, node_of(findings), &findings.gone);
        for notice in notices {
            if self.passes(&notice, at) && self.api.is_some() {
                self.sink.accept(self.clock.now(), notice);
            }
        }
        self.tally.pending(self.sink.pending(), self.sink.held());
    }

    fn passes(&mut self, notice: &Notice, at: Time) -> bool {
        let passes = self.storm.lets_pass(notice, at, self.sink.admits(&notice.subject));
        let outcome = if passes { notice.telling.as_str() } else { "folded" };
        self.tally.report(notice.counted_as(), outcome);
        passes
    }

    fn count(&self, findings: &Findings) {
        findings.arrivals.iter().for_each(|arrival| self.tally.arrived(arrival));
        self.tally.pulls(&findings.pulls);
        let mut active = BTreeMap::new();
        for diagnosis in &findings.diagnoses {
            *active.entry(diagnosis.heading()).or_default() += 1;
        }
        self.tally.diagnoses(&active);
    }

    fn configure(&mut self) {
        let report = self.settings.borrow_and_update().report.clone();
        self.author.runbook_url.clone_from(&report.runbook_url);
        self.sink.configure(self.clock.now(), report);
    }

    /// Keeps what changed, before any Event tells of it.
    async fn keep(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let mut kept = false;
        while !kept {
            let now = self.clock.now();
            match keeper.due(now) {
                Due::Nothing => break,
                Due::Changes => {}
                Due::All => self.mark_all(),
            }
            let changes = self.take_changes();
            kept = changes.is_empty() || keeper.keep(changes, now).await;
        }
        self.tally.kept(keeper.kept());
        self.keeper = Some(keeper);
    }

    fn mark_all(&mut self) {
        self.stories.mark_all();
        self.storm.mark_all();
        self.sink.mark_all();
        self.node_changed = true;
    }

    fn take_changes(&mut self) -> Vec<Record> {
        let node = std::mem::take(&mut self.node_changed).then(|| Record::Node(self.node.clone()));
        let (stories, storm, waiting) =
            (self.stories.take_changes(), self.storm.take_changes(), self.sink.take_changes());
        node.into_iter().chain(stories).chain(storm).chain(waiting).collect()
    }

    /// Starts the next write if none is under way and one is due.
    fn take_off(&mut self) {
        let Some(api) = self.api.clone().filter(|_| self.flight.is_none()) else { return };
        let Some(entry) = self.sink.next(self.clock.now()) else { return };
        let event = event::render(&entry.notice, &self.author);
        let anew = entry.notice.telling != Telling::Refresh;
        self.flight = Some(Box::pin(async move {
            let outcome = api.write(&event, anew).await;
            (entry, anew, outcome)
        }));
    }

    fn land(&mut self, (entry, anew, outcome): (Entry, bool, Outcome)) {
        self.flight = None;
        self.sink.settle(self.clock.now(), entry, anew, outcome);
        self.tally.pending(self.sink.pending(), self.sink.held());
    }

    /// Writes what must not be lost; gives up at the first failure, for there is no time to wait for another try.
    async fn drain(&mut self) {
        self.sink.hurry(self.clock.now());
        loop {
            self.take_off();
            if self.flight.is_none() {
                return;
            }
            let landed = landing(&mut self.flight).await;
            let lost = matches!(landed.2, Outcome::Away { .. });
            self.land(landed);
            if lost {
                return;
            }
        }
    }
}

/// The end of the write under way; never, if there is none.
async fn landing(flight: &mut Option<Flight>) -> (Entry, bool, Outcome) {
    match flight {
        Some(flight) => flight.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(clock: Clock, wake: Option<Time>) {
    match wake {
        Some(wake) => tokio::time::sleep(clock.until(wake)).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
