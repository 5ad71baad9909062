//! What reporting holds in memory, measured on a process of its own: nothing else may run in it.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kubewhy::causes;
use kubewhy::clock::Clock;
use kubewhy::model::cause::EventType;
use kubewhy::model::diagnosis::{Arrival, Confidence, Diagnosis, Findings, Heading, Subject};
use kubewhy::model::ids::{PodId, PodUid};
use kubewhy::model::pull::Load;
use kubewhy::model::settings::Settings;
use kubewhy::model::stage::Stage;
use kubewhy::report::history::History;
use kubewhy::report::lines::Lines;
use kubewhy::report::memory::Memory;
use kubewhy::report::tally::{Kept, Tally, Written};
use kubewhy::report::{Reporter, Setup};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const STORIES: usize = 1_000;
const AT_MOST: usize = 2 << 20;
/// Two, so that only the node's own budget, one story in 10 s, holds them back.
const CAUSES: [&str; 2] = ["ImageNotFound", "ImageAccessDenied"];
const TURN: Duration = Duration::from_secs(10);
/// So many are heard of in one turn: what a turn itself holds is not what is measured.
const AT_ONCE: usize = 50;
/// Until the budget has let all of them through.
const TURNS: usize = 4 * STORIES;

/// A sentence as long as most are.
const SENTENCE: &str = "registry.example.com has no 2.14.1 of shop/cart (container main). It answered this node (404, not found), so \
    network and login are fine. App: check that CI pushed 2.14.1 and that the name is spelled right, or roll back. Once it exists \
    the pod starts by itself within 5 min.";

fn diagnosis(number: usize, now: jiff::Timestamp) -> Diagnosis {
    let name = format!("shop-cart-7d8f9c6b5-{number:05}");
    let uid = PodUid::new(&format!("3f6c1a52-7a1e-4d0c-9b8e-{number:012}"));
    Diagnosis {
        subject: Subject::Pod(PodId { uid, namespace: "shop".into(), name: name.into() }),
        topic: Stage::ImagePull.into(),
        cause: causes::by_id(CAUSES[number % CAUSES.len()]).unwrap(),
        confidence: Confidence::Observed,
        kind: EventType::Warning,
        sentence: SENTENCE.to_owned(),
        in_full: None,
        gist: String::new(),
        brief: false,
        field_path: Some("spec.containers{main}".into()),
        evidence: Vec::new(),
        since: now,
        affected: Vec::new(),
    }
}

/// How many Events wait.
#[derive(Default)]
struct Waiting(AtomicUsize);

impl Tally for Waiting {
    fn diagnoses(&self, _: &BTreeMap<Heading, i64>) {}
    fn report(&self, _: &'static str, _: &'static str) {}
    fn event(&self, _: Written) {}
    fn pending(&self, waiting: usize, _: usize) {
        self.0.store(waiting, Ordering::Relaxed);
    }
    fn kept(&self, _: Kept) {}
    fn arrived(&self, _: &Arrival) {}
    fn pulls(&self, _: &Load) {}
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// The API server is away all the time, so that each story waits with its Event. Without a journal: what its writing takes for
/// a moment is the allocator's to give back.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_thousand_stories_that_wait_take_two_mebibytes() {
    let closed = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let (clock, tally) = (Clock::start(), Arc::new(Waiting::default()));
    let (_keep, settings) = watch::channel(Arc::new(Settings::default()));
    let (findings, received) = mpsc::channel(1);
    let reporter = Reporter::new(Setup {
        node: "node-7".into(),
        instance: "kubewhy-x7k2p".into(),
        clock,
        client: Some(kube::Client::try_from(closed).unwrap()),
        settings,
        lines: Lines::log_only(),
        history: History::default(),
        tally: Arc::clone(&tally) as Arc<dyn Tally>,
        memory: Memory::default(),
    });
    tokio::spawn(reporter.run(received, CancellationToken::new()));
    let begun = clock.now();
    let all: Vec<_> = (0..STORIES).map(|number| diagnosis(number, begun)).collect();
    let told = |diagnoses: &[Diagnosis]| Findings { diagnoses: diagnoses.to_vec(), ..Findings::default() };
    findings.send((begun, told(&all[..1]))).await.unwrap();
    tokio::time::sleep(TURN).await;

    let before = resident();
    for turn in 0..TURNS {
        let first = turn * AT_ONCE % STORIES;
        findings.send((clock.now(), told(&all[first..first + AT_ONCE]))).await.unwrap();
        tokio::time::sleep(TURN).await;
    }
    let grown = resident().saturating_sub(before);
    let waiting = tally.0.load(Ordering::Relaxed);
    eprintln!("{STORIES} stories, {waiting} Events that wait for the API server: {} KiB", grown >> 10);
    assert!(waiting > STORIES * 9 / 10, "{waiting} wait");
    assert!(grown <= AT_MOST, "{grown} bytes");
}
