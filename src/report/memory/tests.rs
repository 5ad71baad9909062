//! An agent that is killed, and the one that runs after it: nothing is said twice, nothing is forgotten.

mod versions;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::fake_api::{FakeApi, Fault};
use super::super::history::History;
use super::super::journal::CAPACITY;
use super::super::lines::Lines;
use super::super::samples::{NOT_FOUND, SLOW, at, cleared, diagnosis, ill, node, pod, well};
use super::super::stories::Stories;
use super::super::{Reporter, Setup};
use super::*;
use crate::clock::Clock;
use crate::model::Time;
use crate::model::diagnosis::{Diagnosis, Findings, Subject};
use crate::model::settings::{Settings, Timing};

/// A node whose agents come and go.
struct Node {
    dir: tempfile::TempDir,
    api: FakeApi,
    clock: Clock,
}

/// One of its agents.
struct Agent {
    findings: mpsc::Sender<(Time, Findings)>,
    task: tokio::task::JoinHandle<()>,
    clock: Clock,
    _settings: watch::Sender<Arc<Settings>>,
}

impl Node {
    fn new() -> Self {
        let clock = Clock::starting_at(at(0));
        Self { dir: tempfile::tempdir().unwrap(), api: FakeApi::start(clock), clock }
    }

    fn agent(&self) -> Agent {
        self.agent_with(Memory::open(self.dir.path()))
    }

    fn agent_with(&self, memory: Memory) -> Agent {
        let mut settings = Settings::default();
        settings.report.spread = Duration::ZERO;
        let (keep, settings) = watch::channel(Arc::new(settings));
        let (findings, received) = mpsc::channel(8);
        let reporter = Reporter::new(Setup {
            node: "node-7".into(),
            instance: "kubewhy-x7k2p".into(),
            clock: self.clock,
            client: Some(self.api.client()),
            settings,
            lines: Lines::log_only(),
            history: History::default(),
            tally: Arc::new(()),
            memory,
        });
        let task = tokio::spawn(reporter.run(received, CancellationToken::new()));
        Agent { findings, task, clock: self.clock, _settings: keep }
    }

    fn told(&self) -> Vec<(String, u64, i64, i64)> {
        self.api.told()
    }

    fn files(&self) -> [PathBuf; 2] {
        ["stories.0", "stories.1"].map(|name| self.dir.path().join(name))
    }
}

impl Agent {
    async fn say(&self, seconds: u64, findings: &Findings) {
        for _ in 0..seconds {
            self.findings.send((self.clock.now(), findings.clone())).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Ends at once, between two instructions.
    async fn dies(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

fn cart() -> Diagnosis {
    diagnosis(pod("cart"), &NOT_FOUND, at(0))
}

fn row(reason: &str, count: u64, first: i64, last: i64) -> (String, u64, i64, i64) {
    (reason.to_owned(), count, first, last)
}

#[tokio::test(start_paused = true)]
async fn a_story_goes_on_under_the_next_agent_and_ends_once() {
    let node = Node::new();
    let first = node.agent();
    first.say(30, &ill(cart())).await;
    first.dies().await;
    let second = node.agent();
    second.say(40, &ill(cart())).await;
    second.dies().await;
    let third = node.agent();
    third.say(62, &well(cleared(pod("cart"), at(70)))).await;
    third.dies().await;
    let fourth = node.agent();
    fourth.say(70, &well(cleared(pod("cart"), at(70)))).await;
    assert_eq!(node.told(), [row("ImageNotFound", 2, 0, 60), row("Resolved", 1, 130, 130)]);
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_the_api_server_is_written_by_the_next_agent_with_its_own_time() {
    let node = Node::new();
    node.api.fail(Fault::Refused);
    let first = node.agent();
    first.say(10, &ill(cart())).await;
    first.say(70, &well(cleared(pod("cart"), at(10)))).await;
    first.dies().await;
    node.api.mend();
    let second = node.agent();
    second.say(10, &Findings::default()).await;
    assert_eq!(node.told(), [row("ImageNotFound", 1, 0, 0), row("Resolved", 1, 70, 70)]);
    second.dies().await;
    let asked = node.api.asked().len();
    node.agent().say(10, &Findings::default()).await;
    assert_eq!(node.api.asked().len(), asked, "what is written is written");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_answer_nobody_waited_for_is_not_written_twice() {
    let node = Node::new();
    node.api.fail(Fault::DoesAndHangs);
    let first = node.agent();
    first.say(5, &ill(cart())).await;
    first.dies().await;
    node.api.mend();
    node.agent().say(20, &ill(cart())).await;
    assert_eq!(node.told(), [row("ImageNotFound", 1, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_forgotten_and_what_was_over_is_another_story() {
    let node = Node::new();
    let first = node.agent();
    first.say(5, &ill(cart())).await;
    first.say(70, &well(cleared(pod("cart"), at(5)))).await;
    first.dies().await;
    let memory = Memory::open(node.dir.path());
    assert!(memory.open_stories().is_empty(), "it has ended");
    let second = node.agent_with(memory);
    second.say(5, &Findings { gone: vec!["uid-of-cart".into()], ..Findings::default() }).await;
    second.dies().await;
    let records = Memory::open(node.dir.path()).records;
    let last = records.iter().rev().find(|record| matches!(record, Record::Story { .. }));
    assert!(matches!(last, Some(Record::Story { is: None, .. })), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_agent_knows_the_node_and_what_was_told_of_whom() {
    let of_node = Node::new();
    let agent = of_node.agent();
    let both = Findings { diagnoses: vec![cart(), diagnosis(node("uid-7"), &SLOW, at(0))], ..Findings::default() };
    agent.say(2, &both).await;
    agent.dies().await;
    let memory = Memory::open(of_node.dir.path());
    assert_eq!(memory.node().map(|node| node.uid), Some("uid-7".into()));
    let uids: Vec<_> = memory.open_stories().into_iter().map(|(uid, _)| uid).collect();
    assert_eq!(uids, ["uid-7".into(), Arc::<str>::from("uid-of-cart")]);
}

#[tokio::test(start_paused = true)]
async fn a_state_directory_that_can_not_be_used_costs_only_the_memory() {
    let node = Node::new();
    std::fs::create_dir(&node.files()[0]).unwrap();
    assert!(Memory::open(node.dir.path()).kept().failing);
    node.agent().say(5, &ill(cart())).await;
    assert_eq!(node.told(), [row("ImageNotFound", 1, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_journal_loses_its_damage_and_no_more() {
    let node = Node::new();
    let first = node.agent();
    let other = diagnosis(pod("till"), &NOT_FOUND, at(0));
    first.say(5, &Findings { diagnoses: vec![cart(), other.clone()], ..Findings::default() }).await;
    first.dies().await;
    for file in node.files() {
        let text = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
        std::fs::write(&file, text.replace("uid-of-cart", "uid-of-dart")).unwrap();
    }
    let memory = Memory::open(node.dir.path());
    let uids: Vec<_> = memory.open_stories().into_iter().map(|(uid, _)| uid).collect();
    assert_eq!(uids, ["uid-of-till".into()]);
    let kept = memory.kept();
    assert!(kept.damaged > 0 && !kept.failing, "{kept:?}");
    node.agent_with(memory).say(5, &ill(other)).await;
    assert_eq!(node.told().len(), 2, "that story goes on");
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (_, keeper) = Memory::open(dir.path()).into_parts();
    let mut keeper = keeper.unwrap();
    assert_eq!(keeper.kept(), Kept::default());
    let node = || vec![Record::Node(NodeId { name: "node-7".into(), uid: "u".into() })];
    keeper.keep(node(), at(0)).await;
    let first = keeper.kept().bytes;
    keeper.keep(node(), at(1)).await;
    assert!(0 < first && first < keeper.kept().bytes && keeper.kept().bytes < CAPACITY, "{first} {:?}", keeper.kept());
}

#[test]
fn what_another_version_said_is_left_out() {
    let lines = [
        r#"{"Node":{"name":"node-7","uid":"u"}}"#,
        r#"{"Held":{"of":["u","s"],"is":true}}"#,
        r#"{"Moon":{"phase":"full"}}"#,
        r#"{"Event":{"of":1,"is":{"reason":"CauseOfTheFuture"}}}"#,
    ];
    let (records, damaged) = understood(&Found { lines: lines.map(str::to_owned).into(), damaged: 1 });
    assert_eq!(damaged, 3);
    assert!(matches!(records.as_slice(), [Record::Node(_), Record::Held { is: true, .. }]), "{records:?}");
}

/// A thousand stories, each with a first report that waits, are more than a node of 500 pods brings.
#[test]
fn of_a_thousand_stories_that_wait_those_are_kept_whose_first_report_is() {
    let subject = |n: u32| pod(&format!("shop-cart-7d8f9c6b5-{n:05}-of-a-longer-name"));
    let mut stories = Stories::default();
    let diagnoses = (0..1_000).map(|n| diagnosis(subject(n), &NOT_FOUND, at(0))).collect();
    let notices = stories.turn(at(0), &Findings { diagnoses, ..Findings::default() }, &Timing::default());
    let waiting = (1..).zip(notices).map(|(of, notice)| Record::Event { of, is: Some(Box::new(notice)) });
    let records: Vec<Record> = waiting.chain(stories.take_changes()).collect();
    let (lines, left_out) = lines(records);
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(of("{\"Story\""), of("{\"Event\""), "a story whose first report is left out is not told yet");
    assert_eq!(of("{\"Story\"") + of("{\"Event\"") + left_out, 2_000);
    assert!(of("{\"Story\"") > 400, "{left_out}");
    assert!(lines.iter().map(String::len).sum::<usize>() < CAPACITY);
    let (recalled, _) = understood(&Found { lines, damaged: 0 });
    assert_eq!(recalled.len() + left_out, 2_000);
    assert!(matches!(subject(1), Subject::Pod(_)));
}
