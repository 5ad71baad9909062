//! The whole of reporting against an API server that fails in every way it can, in virtual time.

mod faults;

use serde_json::{Value, json};

use super::super::fake_api::{FakeApi, Fault};
use super::super::samples::{NOT_FOUND, at, cleared, diagnosis, ill, node, pod, pod_in, well};
use super::*;
use crate::model::diagnosis::{Arrival, Diagnosis, Heading, Subject};
use crate::model::pull::Load;
use crate::model::settings::EventScope;

struct Rig {
    api: FakeApi,
    settings: watch::Sender<Arc<Settings>>,
    findings: mpsc::Sender<(Time, Findings)>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    clock: Clock,
}

fn settings(events: EventScope, spread: u64) -> Arc<Settings> {
    let mut settings = Settings::default();
    settings.report.events = events;
    settings.report.spread = Duration::from_secs(spread);
    Arc::new(settings)
}

impl Rig {
    fn start(events: EventScope, spread: u64) -> Self {
        Self::counting(events, spread, Arc::new(()))
    }

    fn counting(events: EventScope, spread: u64, tally: Arc<dyn Tally>) -> Self {
        let api = FakeApi::start(Clock::starting_at(at(0)));
        Self::against(api, events, spread, tally)
    }

    fn against(api: FakeApi, events: EventScope, spread: u64, tally: Arc<dyn Tally>) -> Self {
        let clock = Clock::starting_at(at(0));
        let (settings, seen) = watch::channel(settings(events, spread));
        let (findings, received) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let reporter = Reporter::new(Setup {
            node: "node-7".into(),
            instance: "kubewhy-x7k2p".into(),
            clock,
            client: Some(api.client()),
            settings: seen,
            lines: Lines::log_only(),
            history: History::default(),
            tally,
            memory: Memory::default(),
        });
        let task = tokio::spawn(reporter.run(received, stop.clone()));
        Self { api, settings, findings, stop, task, clock }
    }

    /// Says the same once a second for so many seconds.
    async fn say(&self, seconds: u64, findings: &Findings) {
        for _ in 0..seconds {
            self.findings.send((self.clock.now(), findings.clone())).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn sick(&self, seconds: u64) {
        self.say(seconds, &ill(cart())).await;
    }

    /// The pod is well from now on.
    async fn mends(&self, seconds: u64) {
        let since = self.clock.now();
        self.say(seconds, &well(cleared(pod("cart"), since))).await;
    }

    async fn end(self) -> FakeApi {
        self.stop.cancel();
        self.task.await.unwrap();
        self.api
    }
}

fn cart() -> Diagnosis {
    diagnosis(pod("cart"), &NOT_FOUND, at(0))
}

fn row(reason: &str, count: u64, first: i64, last: i64) -> (String, u64, i64, i64) {
    (reason.to_owned(), count, first, last)
}

fn status(reason: &str, causes: &Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "reason": reason, "message": reason, "details": {"causes": causes}})
}

#[tokio::test(start_paused = true)]
async fn a_story_is_written_refreshed_and_ended() {
    let rig = Rig::start(EventScope::All, 0);
    rig.sick(70).await;
    rig.mends(62).await;
    let api = rig.end().await;
    assert_eq!(api.told(), [row("ImageNotFound", 2, 0, 60), row("Resolved", 1, 130, 130)]);
    let methods: Vec<String> = api.asked().iter().map(|asked| asked.method.to_string()).collect();
    assert_eq!(methods, ["POST", "PATCH", "POST"]);
}

#[tokio::test(start_paused = true)]
async fn first_writes_are_spread() {
    let mut seconds = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let rig = Rig::start(EventScope::All, 10);
        rig.sick(11).await;
        let asked = rig.end().await.asked();
        assert_eq!(asked.len(), 1);
        seconds.insert(asked[0].at.as_second() - at(0).as_second());
    }
    assert!(seconds.iter().all(|second| (0..=10).contains(second)) && seconds.len() > 3, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_got_lost_doubles_nothing() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::DoesAndHangs);
    rig.sick(15).await;
    rig.api.mend();
    rig.sick(15).await;
    let api = rig.end().await;
    assert_eq!(api.told(), [row("ImageNotFound", 1, 0, 0)]);
    assert!(api.asked().len() >= 3, "created unheard, found there, patched");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::Says(429, Some(17), json!("too many requests")));
    rig.sick(5).await;
    rig.api.mend();
    rig.sick(15).await;
    let asked = rig.api.asked();
    assert!(asked.windows(2).all(|two| two[1].at.as_second() - two[0].at.as_second() >= 17), "{asked:?}");
    assert_eq!(rig.end().await.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_event_is_created_anew_with_its_true_first_time() {
    let rig = Rig::start(EventScope::All, 0);
    rig.sick(30).await;
    rig.api.expire();
    rig.sick(40).await;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 2, 0, 60)]);
}

#[tokio::test(start_paused = true)]
async fn a_terminating_namespace_is_told_nothing_and_asked_once() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::Says(403, None, status("Forbidden", &json!([{"reason": "NamespaceTerminating"}]))));
    rig.sick(50).await;
    assert_eq!(rig.end().await.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_is_kept_and_stops_no_other() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail_in("shop", Fault::Says(403, None, status("Forbidden", &json!([]))));
    let other = diagnosis(pod_in("bank", "till"), &NOT_FOUND, at(0));
    let both = Findings { diagnoses: vec![cart(), other], ..Findings::default() };
    rig.say(120, &both).await;
    assert_eq!(rig.api.told(), [row("ImageNotFound", 2, 0, 60)]);
    assert!(rig.api.asked().iter().filter(|asked| asked.name.contains("/shop/")).count() < 12);
    rig.api.mend();
    rig.say(700, &both).await;
    assert_eq!(rig.end().await.events().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_api_server_is_told_later_with_true_times() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::Refused);
    rig.sick(100).await;
    rig.mends(3_500).await;
    let tries = rig.api.asked().len();
    // With full jitter below two minutes it is one a minute, give or take a few.
    assert!((40..=100).contains(&tries), "{tries} tries in an hour");
    rig.api.mend();
    rig.say(70, &Findings::default()).await;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 2, 0, 60), row("Resolved", 1, 160, 160)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_does_not_stop_the_looking() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::Hangs);
    rig.sick(300).await;
    assert_eq!(rig.clock.now(), at(300), "findings were taken without delay");
    rig.api.mend();
    rig.sick(80).await;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 4, 0, 300)]);
}

#[tokio::test(start_paused = true)]
async fn switching_off_and_on_neither_doubles_nor_loses() {
    let rig = Rig::start(EventScope::All, 0);
    rig.sick(10).await;
    rig.settings.send(settings(EventScope::Off, 0)).unwrap();
    rig.sick(60).await;
    rig.mends(70).await;
    assert_eq!(rig.api.told(), [row("ImageNotFound", 1, 0, 0)]);
    rig.settings.send(settings(EventScope::All, 0)).unwrap();
    rig.say(2, &Findings::default()).await;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 2, 0, 60), row("Resolved", 1, 130, 130)]);
}

#[tokio::test(start_paused = true)]
async fn a_story_that_began_while_off_is_told_when_on() {
    let rig = Rig::start(EventScope::Off, 0);
    rig.sick(70).await;
    assert!(rig.api.asked().is_empty());
    rig.settings.send(settings(EventScope::All, 0)).unwrap();
    rig.sick(5).await;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 2, 0, 60)]);
}

#[tokio::test(start_paused = true)]
async fn what_the_brake_releases_is_spread_like_first_writes() {
    let rig = Rig::start(EventScope::Off, 0);
    let all = (0..20).map(|n| diagnosis(pod(&format!("cart-{n}")), &NOT_FOUND, at(0))).collect();
    let all = Findings { diagnoses: all, ..Findings::default() };
    rig.say(5, &all).await;
    rig.settings.send(settings(EventScope::All, 10)).unwrap();
    rig.say(11, &all).await;
    let seconds: std::collections::BTreeSet<_> = rig.api.asked().iter().map(|asked| asked.at.as_second()).collect();
    assert_eq!(rig.end().await.events().len(), 20);
    assert!(seconds.len() > 3, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_story_that_came_and_went_while_off_is_never_told() {
    let rig = Rig::start(EventScope::Node, 0);
    rig.sick(10).await;
    rig.mends(70).await;
    rig.settings.send(settings(EventScope::All, 0)).unwrap();
    rig.say(5, &Findings::default()).await;
    assert!(rig.end().await.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_node_event_waits_for_the_uid() {
    let rig = Rig::start(EventScope::Node, 0);
    let of = |uid| ill(diagnosis(node(uid), &NOT_FOUND, at(0)));
    rig.say(20, &of("")).await;
    assert!(rig.api.asked().is_empty());
    rig.say(5, &of("n-1")).await;
    let api = rig.end().await;
    assert_eq!(api.told(), [row("ImageNotFound", 1, 0, 0)]);
    assert_eq!(api.events()[0]["involvedObject"]["uid"], "n-1");
}

#[tokio::test(start_paused = true)]
async fn a_storm_becomes_an_event_on_the_node() {
    let rig = Rig::start(EventScope::All, 0);
    let subjects = (0..100).map(|n| pod(&format!("cart-{n}"))).chain([node("n-1")]);
    let all = subjects.map(|subject: Subject| diagnosis(subject, &NOT_FOUND, at(0))).collect();
    rig.say(15, &Findings { diagnoses: all, ..Findings::default() }).await;
    let events = rig.end().await.events();
    assert_eq!(events.len(), 27, "25 pods, the node's own, and the count");
    let count = events.iter().find(|event| event["reason"] == "PodReportsHeldBack").unwrap();
    assert_eq!(count["involvedObject"]["kind"], "Node");
    assert!(count["message"].as_str().unwrap().starts_with("75 more reports"));
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_lost_is_written_on_the_way_out() {
    let rig = Rig::start(EventScope::All, 3_600);
    rig.sick(5).await;
    let before = rig.clock.now();
    let clock = rig.clock;
    assert_eq!(rig.end().await.told(), [row("ImageNotFound", 1, 0, 0)]);
    assert_eq!(clock.now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_server_does_not_hold_the_agent() {
    let rig = Rig::start(EventScope::All, 0);
    rig.api.fail(Fault::Hangs);
    rig.sick(5).await;
    let (clock, before) = (rig.clock, rig.clock.now());
    rig.end().await;
    assert!(crate::model::since(before, clock.now()) < Duration::from_secs(4), "SIGTERM to end: 5 s for all");
}

#[tokio::test(start_paused = true)]
async fn standalone_speaks_in_json_lines() {
    let (mut read, write) = tokio::io::duplex(10_000);
    let clock = Clock::starting_at(at(0));
    let (_settings, seen) = watch::channel(settings(EventScope::All, 0));
    let (findings, received) = mpsc::channel(8);
    let reporter = Reporter::new(Setup {
        node: "node-7".into(),
        instance: "node-7".into(),
        clock,
        client: None,
        settings: seen,
        lines: Lines::json(Box::new(write)),
        history: History::default(),
        tally: Arc::new(()),
        memory: Memory::default(),
    });
    findings.send((at(0), ill(diagnosis(node(""), &NOT_FOUND, at(0))))).await.unwrap();
    drop(findings);
    reporter.run(received, CancellationToken::new()).await;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut read, &mut text).await.unwrap();
    let expected = json!({
        "at": "2026-11-21T03:00:00Z", "kind": "first", "type": "Warning", "cause": "ImageNotFound",
        "subject": {"kind": "Node", "name": "node-7", "uid": ""}, "sentence": "ImageNotFound is what it is.",
        "first": "2026-11-21T03:00:00Z", "count": 1, "evidence": [],
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

/// Counts as metrics would.
#[derive(Default)]
struct Counts(std::sync::Mutex<BTreeMap<String, u64>>);

impl Counts {
    fn add(&self, what: String) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

impl Tally for Counts {
    fn diagnoses(&self, active: &BTreeMap<Heading, i64>) {
        let said = |Heading { cause, subject, kind }: &Heading| format!("active {cause} {subject} {}", kind.as_str());
        self.0.lock().unwrap().extend(active.iter().map(|(heading, n)| (said(heading), n.unsigned_abs())));
    }

    fn report(&self, cause: &'static str, outcome: &'static str) {
        self.add(format!("{cause} {outcome}"));
    }

    fn event(&self, outcome: super::super::tally::Written) {
        self.add(outcome.as_str().to_owned());
    }

    fn pending(&self, waiting: usize, held: usize) {
        self.0.lock().unwrap().extend([("pending".to_owned(), waiting as u64), ("held".to_owned(), held as u64)]);
    }

    fn kept(&self, _: super::super::tally::Kept) {}

    fn arrived(&self, arrival: &Arrival) {
        self.add(format!("{} arrived", arrival.pod.name));
    }

    fn pulls(&self, load: &Load) {
        self.0.lock().unwrap().insert("queued".to_owned(), load.queued as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_counted_once() {
    let counts = Arc::new(Counts::default());
    let rig = Rig::counting(EventScope::All, 0, Arc::clone(&counts) as Arc<dyn Tally>);
    let all = (0..30).map(|n| diagnosis(pod(&format!("cart-{n}")), &NOT_FOUND, at(0))).collect();
    let Subject::Pod(id) = pod("log") else { unreachable!() };
    let arrivals =
        vec![Arrival { pod: id, began: at(0), at: at(9), stages: BTreeMap::new(), told: false, ahead: None }];
    let pulls = Load { queued: 3, ..Load::default() };
    rig.say(15, &Findings { diagnoses: all, arrivals, pulls, ..Findings::default() }).await;
    rig.end().await;
    let expected = [
        ("ImageNotFound first", 25),
        ("ImageNotFound folded", 5),
        ("PodReportsHeldBack announced", 1),
        ("active ImageNotFound pod Warning", 30),
        ("held", 0),
        ("log arrived", 15),
        ("pending", 1),
        ("queued", 3),
        ("written", 25),
    ];
    let counted = counts.0.lock().unwrap().clone();
    assert_eq!(counted, expected.map(|(what, n)| (what.to_owned(), n)).into());
}

#[tokio::test(start_paused = true)]
async fn a_restarted_agent_says_nothing_twice() {
    let rig = Rig::start(EventScope::All, 0);
    rig.sick(5).await;
    let next = Rig::against(rig.end().await, EventScope::All, 0, Arc::new(()));
    next.sick(5).await;
    assert_eq!(next.end().await.told().len(), 1);
}
