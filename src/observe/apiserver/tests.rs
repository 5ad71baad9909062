//! The observers of the API server against a scripted one, in virtual time.

mod faults;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fake::{Fake, Reply, list, object, refusal};
use super::{Budget, EventObserver, Limits, NodeObserver, PodObserver, Standing};
use crate::clock::Clock;
use crate::model::ids::{PodId, PodUid};
use crate::model::observation::{ApiState, Observation, Seen};

const HOUR: Duration = Duration::from_secs(3_600);

fn clock() -> Clock {
    Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap())
}

fn pods(fake: &Fake) -> mpsc::Receiver<Observation> {
    let (out, seen) = mpsc::channel(16);
    tokio::spawn(pods_spread_over(Duration::ZERO, fake).run(out, CancellationToken::new()));
    seen
}

fn pods_spread_over(spread: Duration, fake: &Fake) -> PodObserver {
    PodObserver { client: fake.client(), node: "n1".into(), standing: Standing::default(), spread, clock: clock() }
}

/// What is seen within an hour.
async fn hour(seen: &mut mpsc::Receiver<Observation>) -> Vec<String> {
    let mut all = Vec::new();
    let collect = async {
        while let Some(observation) = seen.recv().await {
            all.push(say(&observation.seen));
        }
    };
    let _over = tokio::time::timeout(HOUR, collect).await;
    all
}

fn say(seen: &Seen) -> String {
    match seen {
        Seen::PodsListed(pods) => format!("listed {}", pods.len()),
        Seen::PodChanged(pod) => format!("changed {}", pod.id),
        Seen::PodGone(uid) => format!("gone {uid}"),
        Seen::NodeChanged(node) => format!("node {}", node.id.name),
        Seen::NodeGone => "node gone".to_owned(),
        Seen::ApiServer(ApiState::Answers) => "answers".to_owned(),
        Seen::ApiServer(ApiState::Unreachable(text)) => format!("unreachable: {text}"),
        Seen::ApiServer(ApiState::Refused { verb, resource, text }) => format!("refused {verb} {resource}: {text}"),
        other => format!("{other:?}"),
    }
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

#[tokio::test(start_paused = true)]
async fn pods_are_listed_from_the_watch_cache_and_then_watched() {
    let watched = vec![event("MODIFIED", &object("a")), event("DELETED", &object("b"))];
    let fake = Fake::new([list(&["a", "b"]), Reply::Stays(watched)]);
    assert_eq!(hour(&mut pods(&fake)).await, ["answers", "listed 2", "changed shop/a", "gone b-uid"]);
    let asked = fake.asked();
    assert!(asked[0].contains("spec.nodeName=n1") && asked[0].contains("resourceVersion=0"), "{}", asked[0]);
    assert!(!asked[0].contains("limit="), "a limit reads from etcd: {}", asked[0]);
    assert!(asked[1].contains("watch=true") && asked[1].contains("resourceVersion=5"), "{}", asked[1]);
}

/// Five thousand agents that begin at once make four requests each.
#[tokio::test(start_paused = true)]
async fn those_who_begin_at_once_list_apart() {
    let began = tokio::time::Instant::now();
    let mut first = Vec::new();
    for _ in 0..200 {
        let (out, mut seen) = mpsc::channel(16);
        let fake = Fake::new([list(&[]), Reply::Stays(Vec::new())]);
        tokio::spawn(pods_spread_over(Duration::from_secs(10), &fake).run(out, CancellationToken::new()));
        first.push(async move { seen.recv().await.map(|_| began.elapsed()) });
    }
    let waited: Vec<_> = futures::future::join_all(first).await.into_iter().flatten().collect();
    let within = |from: u64, to: u64| waited.iter().filter(|at| (from..to).contains(&at.as_secs())).count();
    assert_eq!(within(0, 60), 200);
    assert!((0..6).all(|part| within(part * 10, part * 10 + 10) >= 15), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_once_however_often_it_is_tried_and_its_end_too() {
    let refusals = (0..20).map(|_| refusal(403));
    let fake = Fake::new(refusals.chain([list(&[]), Reply::Stays(Vec::new())]));
    assert_eq!(hour(&mut pods(&fake)).await, ["refused list pods: 403 no", "answers", "listed 0"]);
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_failures_makes_few_attempts() {
    let fake = Fake::new((0..1_000).map(|_| refusal(503)));
    assert_eq!(hour(&mut pods(&fake)).await, ["unreachable: 503 no"]);
    let attempts = fake.asked().len();
    assert!((40..200).contains(&attempts), "{attempts} attempts in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_opens_again_is_told_although_nothing_happens_in_it() {
    let fake = Fake::new([list(&[]), refusal(403), refusal(403), Reply::Stays(Vec::new())]);
    assert_eq!(hour(&mut pods(&fake)).await, ["answers", "listed 0", "refused watch pods: 403 no", "answers"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_where_it_stopped() {
    let fake = Fake::new([
        list(&[]),
        Reply::Ends(vec![event("ADDED", &object("a"))]),
        Reply::Stays(vec![event("ADDED", &object("b"))]),
    ]);
    assert_eq!(hour(&mut pods(&fake)).await, ["answers", "listed 0", "changed shop/a", "changed shop/b"]);
    assert!(fake.asked()[2].contains("resourceVersion=7"), "{:?}", fake.asked());
}

#[tokio::test(start_paused = true)]
async fn a_lost_version_leads_to_a_fresh_list_however_it_is_said() {
    let gone = json!({"kind": "Status", "code": 410, "message": "too old", "reason": "Expired"});
    let told = Fake::new([list(&[]), Reply::Stays(vec![event("ERROR", &gone)]), list(&["a"]), Reply::Stays(vec![])]);
    assert_eq!(hour(&mut pods(&told)).await, ["answers", "listed 0", "listed 1"]);
    let refused = Fake::new([list(&[]), refusal(410), list(&["a"]), Reply::Stays(vec![])]);
    let seen = hour(&mut pods(&refused)).await;
    assert_eq!(seen.last().map(String::as_str), Some("listed 1"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_there_is_gone() {
    let fake = Fake::new([list(&[]), Reply::Stays(vec![event("ADDED", &object("n1"))])]);
    let (out, mut seen) = mpsc::channel(16);
    let (standing, spread) = (Standing::default(), Duration::ZERO);
    let observer = NodeObserver { client: fake.client(), node: "n1".into(), standing, spread, clock: clock() };
    tokio::spawn(observer.run(out, CancellationToken::new()));
    assert_eq!(hour(&mut seen).await, ["answers", "node gone", "node n1"]);
    assert!(fake.asked()[0].contains("metadata.name=n1"));
}

#[tokio::test(start_paused = true)]
async fn every_question_is_answered_and_only_the_first_is_asked() {
    let fake = Fake::new([list(&["e"])]);
    let (ask, questions) = mpsc::channel(4);
    let (out, mut seen) = mpsc::channel(16);
    let observer = EventObserver {
        client: fake.client(),
        budget: Budget::new(Limits::new(Duration::from_secs(300))),
        spread: Duration::from_secs(5),
        clock: clock(),
    };
    tokio::spawn(observer.run(questions, out, CancellationToken::new()));
    let pod = PodId { uid: PodUid::new("u"), namespace: "shop".into(), name: "web-0".into() };
    for expected in [1, 0] {
        ask.send(pod.clone()).await.unwrap();
        let Some(Observation { seen: Seen::PodEvents { pod: of, events }, .. }) = seen.recv().await else {
            panic!("no answer");
        };
        assert_eq!((of, events.len()), (pod.uid.clone(), expected));
    }
    let [asked] = &fake.asked()[..] else { panic!("{:?}", fake.asked()) };
    assert!(asked.starts_with("/api/v1/namespaces/shop/events?"), "{asked}");
    assert!(asked.contains("involvedObject.name=web-0,involvedObject.namespace=shop,involvedObject.uid=u"), "{asked}");
    assert!(asked.contains("limit=100"), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn an_observer_ends_when_it_is_told_to() {
    let stop = CancellationToken::new();
    let (out, _seen) = mpsc::channel(16);
    let observer = pods_spread_over(Duration::ZERO, &Fake::new([]));
    let running = tokio::spawn(observer.run(out, stop.clone()));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), running).await.unwrap().unwrap();
}
