//! The metrics, in Prometheus' text form on one address. Labels take bounded sets of values: causes, outcomes, methods;
//! never a name that a cluster invents. The names of pre-pull
//! sets are the operator's own, and as few.

mod calls;
mod guard;
mod prepull;
mod process;
mod queues;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric as Registrable, Registry};
use tokio::sync::mpsc;

use crate::client::apiserver::Requests;
use crate::client::calls::CallCounts;
use crate::model::diagnosis::{Arrival, Heading};
use crate::model::pull::Load;
use crate::model::runtime::{CallOutcome, Method};
use crate::model::since;
use crate::model::stage::Stage;

use prepull::Prepulls;
use queues::Queues;

pub use guard::Guard;
pub use table::{Kind, METRICS, Metric};

/// From a call that is answered at once to one that hits the longest deadline.
const CALL_SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// From a start that nobody notices to one that somebody was called for.
const START_SECONDS: [f64; 12] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByHeading {
    cause: &'static str,
    subject: &'static str,
    r#type: &'static str,
}

impl From<&Heading> for ByHeading {
    fn from(heading: &Heading) -> Self {
        Self { cause: heading.cause, subject: heading.subject, r#type: heading.kind.as_str() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCauseAndOutcome {
    cause: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMethod {
    method: MethodName,
}

/// The name of a CRI method as a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct MethodName(Method);

impl EncodeLabelValue for MethodName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        write!(encoder, "{:?}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStage {
    stage: StageName,
}

/// The name of a stage as a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StageName(Stage);

impl EncodeLabelValue for StageName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        write!(encoder, "{}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPhase {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVersion {
    version: &'static str,
}

/// All that is counted. Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    diagnoses: Family<ByHeading, Gauge>,
    active: Arc<Mutex<Vec<Heading>>>,
    reports: Family<ByCauseAndOutcome, Counter>,
    events: Family<ByOutcome, Counter>,
    pending: Gauge,
    held: Gauge,
    journal_bytes: Gauge,
    journal_failing: Gauge,
    journal_damaged: Gauge,
    queues: Queues,
    starts: Histogram,
    stages: Family<ByStage, Histogram>,
    pulls: Family<ByPhase, Gauge>,
    pull_queue: Gauge,
    pull_bytes: Counter,
    runtime_calls: Family<ByMethod, Histogram>,
    runtime_failures: Family<ByMethod, Counter>,
    ready: Gauge,
    config_refused: Gauge,
    prepulls: Prepulls,
}

impl Metrics {
    /// All of them, at zero; calls of containerd's own API and requests to the API server are counted elsewhere.
    #[must_use]
    pub fn new(containerd_calls: CallCounts, requests: Requests) -> Self {
        let mut registry = Registry::default();
        let build = Family::<ByVersion, Gauge>::default();
        build.get_or_create(&ByVersion { version: env!("CARGO_PKG_VERSION") }).set(1);
        register(&mut registry, &table::BUILD, build);
        registry.register_collector(Box::new(process::Process));
        registry.register_collector(Box::new(calls::Calls(containerd_calls)));
        registry.register_collector(Box::new(calls::ApiRequests(requests)));
        let queues = Queues::default();
        registry.register_collector(Box::new(queues.clone()));
        Self {
            diagnoses: register(&mut registry, &table::DIAGNOSES, Family::default()),
            active: Arc::default(),
            reports: register(&mut registry, &table::REPORTS, Family::default()),
            events: register(&mut registry, &table::EVENTS, Family::default()),
            pending: register(&mut registry, &table::PENDING, Gauge::default()),
            held: register(&mut registry, &table::HELD, Gauge::default()),
            journal_bytes: register(&mut registry, &table::JOURNAL_BYTES, Gauge::default()),
            journal_failing: register(&mut registry, &table::JOURNAL_FAILING, Gauge::default()),
            journal_damaged: register(&mut registry, &table::JOURNAL_DAMAGED, Gauge::default()),
            queues,
            starts: register(&mut registry, &table::STARTS, Histogram::new(START_SECONDS)),
            stages: register(
                &mut registry,
                &table::STAGES,
                Family::new_with_constructor(|| Histogram::new(START_SECONDS)),
            ),
            pulls: register(&mut registry, &table::PULLS, Family::default()),
            pull_queue: register(&mut registry, &table::PULL_QUEUE, Gauge::default()),
            pull_bytes: register(&mut registry, &table::PULL_BYTES, Counter::default()),
            runtime_calls: register(
                &mut registry,
                &table::RUNTIME_CALLS,
                Family::new_with_constructor(|| Histogram::new(CALL_SECONDS)),
            ),
            runtime_failures: register(&mut registry, &table::RUNTIME_FAILURES, Family::default()),
            ready: register(&mut registry, &table::READY, Gauge::default()),
            config_refused: register(&mut registry, &table::CONFIG_REFUSED, Gauge::default()),
            prepulls: Prepulls::new(&mut registry),
            registry: Arc::new(registry),
        }
    }
}

impl Metrics {
    /// How many diagnoses hold now. What was named before and is not now counts zero.
    pub fn set_diagnoses(&self, now: &BTreeMap<Heading, i64>) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        for heading in active.iter().filter(|heading| !now.contains_key(*heading)) {
            self.diagnoses.get_or_create(&heading.into()).set(0);
        }
        for (heading, count) in now {
            self.diagnoses.get_or_create(&heading.into()).set(*count);
        }
        *active = now.keys().copied().collect();
    }

    /// One notice came up.
    pub fn count_report(&self, cause: &'static str, outcome: &'static str) {
        self.reports.get_or_create(&ByCauseAndOutcome { cause, outcome }).inc();
    }

    /// One Event was written, failed or was dropped.
    pub fn count_event(&self, outcome: &'static str) {
        self.events.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// How many Events wait, and how many more are held back.
    pub fn set_pending(&self, waiting: usize, held: usize) {
        self.pending.set(gauged(waiting));
        self.held.set(gauged(held));
    }

    /// How the journal stands: bytes written of its current file, whether the disk refuses, lines that were damaged.
    pub fn set_journal(&self, bytes: usize, failing: bool, damaged: usize) {
        self.journal_bytes.set(gauged(bytes));
        self.journal_failing.set(failing.into());
        self.journal_damaged.set(gauged(damaged));
    }

    /// Shows how much waits in this queue from now on.
    pub fn watch_queue<T: Send + 'static>(&self, name: &'static str, sender: &mpsc::Sender<T>) {
        self.queues.watch(name, sender);
    }

    /// A pod has arrived.
    pub fn observe_start(&self, arrival: &Arrival) {
        self.starts.observe(since(arrival.began, arrival.at).as_secs_f64());
        for (stage, length) in &arrival.stages {
            self.stages.get_or_create(&ByStage { stage: StageName(*stage) }).observe(length.as_secs_f64());
        }
    }

    /// What the node's pulls amount to now.
    pub fn set_pulls(&self, load: &Load) {
        let phases = [
            ("resolving", load.resolving),
            ("downloading", load.downloading),
            ("unpacking", load.unpacking),
            ("unseen", load.unseen),
        ];
        for (phase, count) in phases {
            self.pulls.get_or_create(&ByPhase { phase }).set(gauged(count));
        }
        self.pull_queue.set(gauged(load.queued));
        self.pull_bytes.inc_by(load.received.saturating_sub(self.pull_bytes.get()));
    }

    /// A call to the runtime ended, well or not.
    pub fn observe_runtime_call(&self, call: &CallOutcome) {
        if call.method == Method::PullImage && call.failure.is_none() {
            self.prepulls.pulled_in(call.took);
        }
        let method = ByMethod { method: MethodName(call.method) };
        self.runtime_calls.get_or_create(&method).observe(call.took.as_secs_f64());
        if call.failure.is_some() {
            self.runtime_failures.get_or_create(&method).inc();
        }
    }

    /// Whatever the agent needs has answered once.
    pub fn set_ready(&self) {
        self.ready.set(1);
    }

    /// The configuration file was accepted or refused.
    pub fn set_config_refused(&self, refused: bool) {
        self.config_refused.set(refused.into());
    }

    /// `/metrics`, for whom the guard lets in; for everybody, where there is none.
    pub fn router(self, guard: Option<Guard>) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state(Arc::new((self, guard)))
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn gauged(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Registers under the name that yields the table's: the encoder appends `_total` to counters itself.
fn register<M: Registrable + Clone>(registry: &mut Registry, metric: &Metric, value: M) -> M {
    registry.register(metric.name.trim_end_matches("_total"), metric.help, value.clone());
    value
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn scrape(State(door): State<Arc<(Metrics, Option<Guard>)>>, headers: HeaderMap) -> Response {
    let (metrics, guard) = &*door;
    if let Some(guard) = guard
        && let Err(refusal) = guard.admit(&headers).await
    {
        return ([(header::WWW_AUTHENTICATE, "Bearer")], refusal.answer()).into_response();
    }
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
