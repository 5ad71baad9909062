//! What is sent is what is read, whatever the node looks like; and no node makes it too large.

use prost::Message as _;

use super::*;
use crate::model::ids::PodUid;

fn at(second: i64) -> Time {
    Time::from_second(1_700_000_000 + second).unwrap()
}

fn pod_id(name: &str) -> PodId {
    PodId { uid: PodUid::new(&format!("{name}-uid")), namespace: "shop".into(), name: name.into() }
}

fn a_trouble(kind: EventType, confidence: Confidence) -> Trouble {
    let (gist, sentence) = ("no x".to_owned(), "r has no x. ".repeat(80));
    Trouble { cause: "ImageNotFound".into(), kind, confidence, gist, sentence, since: at(3) }
}

fn a_start(stage: Stage) -> Start {
    let span = |to| Span { stage, container: Some("main".into()), from: at(0), to, evidence: "sandbox list".into() };
    Start {
        pod: pod_id("cart"),
        began: at(0),
        arrived: None,
        stage,
        since: at(1),
        container: Some("main".into()),
        waits_for: "image r/x:1".to_owned(),
        trouble: Some(a_trouble(EventType::Warning, Confidence::Observed)),
        spans: vec![span(Some(at(1))), span(None)],
    }
}

fn a_pull(phase: PullPhase) -> PullState {
    PullState {
        image: Some("r/x:1".into()),
        own: false,
        pods: vec![pod_id("cart")],
        phase,
        done: 6,
        total: Some(15),
        layers: (1, 3),
        rate: Some(2),
        left: Some(Duration::from_millis(4_500)),
        began: at(-7),
        seen: at(3),
        still: Duration::from_millis(250),
    }
}

fn a_set(complete: bool) -> SetState {
    let holds = "r/x:1 failed: manifest unknown. ".repeat(10);
    SetState { set: "base".into(), images: 3, here: 2, failed: 1, complete, holds }
}

fn a_node() -> Snapshot {
    use PullPhase::{Asked, Downloading, Queued, Running, Unpacking};
    let mut starts: Vec<_> = STAGES.iter().map(|(stage, _)| a_start(*stage)).collect();
    starts.push(Start { arrived: Some(at(9)), container: None, trouble: None, ..a_start(Stage::Running) });
    let bare = PullState { image: None, total: None, rate: None, left: None, ..a_pull(PullPhase::Resolving) };
    Snapshot {
        at: Time::new(-1, -5).unwrap(),
        node: "node-7".into(),
        runtime: "containerd 2.1.4".to_owned(),
        node_troubles: [Confidence::Suspected, Confidence::Inferred].map(|c| a_trouble(EventType::Normal, c)).into(),
        starts,
        pulls: [Downloading, Unpacking, Queued, Running, Asked].map(a_pull).into_iter().chain([bare]).collect(),
        pulls_unseen: Some("not containerd".to_owned()),
        sets: vec![a_set(false), a_set(true)],
    }
}

#[test]
fn what_is_sent_is_what_is_read() {
    assert_eq!(read::state(state(&a_node())), Ok(a_node()));
}

#[test]
fn every_value_of_an_enum_is_known_on_both_sides() {
    for number in 1.. {
        let Ok(known) = wire::Stage::try_from(number) else { break };
        assert!(STAGES.iter().any(|(_, theirs)| *theirs == known), "{known:?}");
    }
    for (ours, theirs) in STAGES {
        assert_eq!(theirs.as_str_name().replace('_', "").to_lowercase(), format!("stage{ours}").to_lowercase());
    }
}

#[test]
fn a_value_of_another_version_is_refused_and_not_guessed() {
    let mut newer = state(&a_node());
    newer.starts[0].stage = 99;
    assert!(read::state(newer).unwrap_err().to_string().contains("a stage that is not known here"));
    let mut bare = state(&a_node());
    bare.at = None;
    assert!(read::state(bare).is_err());
}

#[test]
fn the_busiest_node_stays_below_what_a_client_takes() {
    let mut node = a_node();
    let start = Start { spans: vec![node.starts[0].spans[0].clone(); 1_000], ..a_start(Stage::ImagePull) };
    let pull = PullState { pods: vec![pod_id("cart"); 5_000], ..a_pull(PullPhase::Downloading) };
    node.starts = vec![start; 5_000];
    node.pulls = vec![pull; 5_000];
    node.sets = vec![a_set(false); 5_000];
    let sent = state(&node);
    assert_eq!((sent.starts.len(), sent.starts[0].spans.len()), (STARTS, SPANS));
    assert!(sent.encoded_len() < 4 << 20, "{}", sent.encoded_len());
}
