//! The agent's own reporting, over the client that the agent makes, told what to say at times that are arguments; and the moment
//! at which each Event was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kubewhy::causes;
use kubewhy::client::apiserver::{Access, Dates, Heeded, Requests};
use kubewhy::client::renewal;
use kubewhy::clock::Clock;
use kubewhy::model::Time;
use kubewhy::model::cause::EventType;
use kubewhy::model::diagnosis::{Arrival, Cleared, Confidence, Diagnosis, Findings, Heading, Subject};
use kubewhy::model::pull::Load;
use kubewhy::model::settings::Settings;
use kubewhy::report::history::History;
use kubewhy::report::lines::Lines;
use kubewhy::report::memory::Memory;
use kubewhy::report::tally::{Kept, Tally, Written};
use kubewhy::report::{Reporter, Setup};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::server::Server;

/// A reporting task that runs.
pub(super) struct Reporting {
    findings: mpsc::Sender<(Time, Findings)>,
    written: mpsc::Receiver<(Written, Instant)>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _settings: watch::Sender<Arc<Settings>>,
}

impl Reporting {
    /// Starts one that remembers this.
    pub(super) async fn start(server: &Server, memory: Memory) -> Self {
        let (clock, stop) = (Clock::start(), CancellationToken::new());
        let heeded = Heeded { dates: Dates::new(mpsc::channel(1).0, clock), requests: Requests::default() };
        let client = renewal::connect(&Access::Kubeconfig(server.kubeconfig.clone()), heeded, clock).await.unwrap();
        let mut settings = Settings::default();
        settings.report.spread = std::time::Duration::ZERO;
        let (_settings, seen) = watch::channel(Arc::new(settings));
        let ((findings, told), (writes, written)) = (mpsc::channel(8), mpsc::channel(64));
        let reporter = Reporter::new(Setup {
            node: server.node.as_str().into(),
            instance: "kubewhy-x7k2p".into(),
            clock,
            client: Some(client),
            settings: seen,
            lines: Lines::log_only(),
            history: History::default(),
            tally: Arc::new(Writes(writes)),
            memory,
        });
        let task = tokio::spawn(reporter.run(told, stop.clone()));
        Self { findings, written, stop, task, _settings }
    }

    /// Takes what was found at that time, from which one Event follows, and returns when that was written.
    pub(super) async fn tell(&mut self, at: Time, findings: Findings) -> Instant {
        self.findings.send((at, findings)).await.unwrap();
        let (outcome, when) = self.written.recv().await.unwrap();
        assert_eq!(outcome, Written::Written);
        when
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// So many minutes and a half before `now`: a test that takes some seconds finds the same age, in whole minutes.
pub(super) fn ago(now: Timestamp, minutes: i64) -> Time {
    now - SignedDuration::from_secs(minutes * 60 + 30)
}

/// This trouble holds.
pub(super) fn ill(subject: &Subject, cause: &str, kind: EventType, since: Time) -> Findings {
    let cause = causes::by_id(cause).unwrap();
    let diagnosis = Diagnosis {
        subject: subject.clone(),
        topic: cause.stage.into(),
        cause,
        confidence: Confidence::Observed,
        kind,
        sentence: cause.summary.to_owned(),
        in_full: None,
        gist: String::new(),
        brief: false,
        field_path: matches!(subject, Subject::Pod(_)).then(|| "spec.containers{web}".into()),
        evidence: Vec::new(),
        since,
        affected: Vec::new(),
    };
    Findings { diagnoses: vec![diagnosis], ..Findings::default() }
}

/// It is over.
pub(super) fn well(subject: &Subject, cause: &str, since: Time) -> Findings {
    let topic = causes::by_id(cause).unwrap().stage.into();
    let cleared = Cleared { subject: subject.clone(), topic, since, how: "Started".to_owned() };
    Findings { cleared: vec![cleared], ..Findings::default() }
}

/// Takes the moment of each write.
struct Writes(mpsc::Sender<(Written, Instant)>);

impl Tally for Writes {
    fn event(&self, outcome: Written) {
        self.0.try_send((outcome, Instant::now())).unwrap();
    }

    fn diagnoses(&self, _: &BTreeMap<Heading, i64>) {}
    fn report(&self, _: &'static str, _: &'static str) {}
    fn pending(&self, _: usize, _: usize) {}
    fn kept(&self, _: Kept) {}
    fn arrived(&self, _: &Arrival) {}
    fn pulls(&self, _: &Load) {}
}
