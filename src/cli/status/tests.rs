//! Pages of made-up nodes, to the last blank.

use std::time::Duration;

use super::timeline::{WhichPod, find};
use super::*;
use crate::cli::line;
use crate::model::cause::EventType;
use crate::model::diagnosis::Confidence;
use crate::model::ids::{PodId, PodUid};
use crate::model::snapshot::{PullPhase, PullState, SetState, Span, Start, Trouble};
use crate::model::stage::Stage;

fn at(second: i64) -> Time {
    Time::from_second(1_700_000_000 + second).unwrap()
}

fn pod(namespace: &str, name: &str) -> PodId {
    PodId { uid: PodUid::new(&format!("{namespace}-{name}")), namespace: namespace.into(), name: name.into() }
}

fn trouble(cause: &'static str, sentence: &str, since: i64) -> Trouble {
    Trouble {
        cause: cause.into(),
        kind: EventType::Warning,
        confidence: Confidence::Observed,
        gist: String::new(),
        sentence: sentence.to_owned(),
        since: at(since),
    }
}

fn span(stage: Stage, container: Option<&str>, from: i64, to: Option<i64>) -> Span {
    let container = container.map(Into::into);
    Span { stage, container, from: at(from), to: to.map(at), evidence: "pod status".into() }
}

fn told_by(evidence: &'static str, span: Span) -> Span {
    Span { evidence: evidence.into(), ..span }
}

fn start(id: PodId, stage: Stage, began: i64, since: i64) -> Start {
    Start {
        pod: id,
        began: at(began),
        arrived: None,
        stage,
        since: at(since),
        container: None,
        waits_for: String::new(),
        trouble: None,
        spans: Vec::new(),
    }
}

fn pull() -> PullState {
    PullState {
        image: Some("registry.example.com/shop/reports:0.8.2".into()),
        own: false,
        pods: vec![pod("shop", "reports")],
        phase: PullPhase::Downloading,
        done: 6_300_000,
        total: Some(15_000_000),
        layers: (1, 3),
        rate: Some(1_300_000),
        left: Some(Duration::from_secs(7)),
        began: at(20),
        seen: at(60),
        still: Duration::ZERO,
    }
}

fn calm() -> Snapshot {
    Snapshot {
        at: at(60),
        node: "node-7".into(),
        runtime: "containerd 2.1.4".to_owned(),
        node_troubles: Vec::new(),
        starts: Vec::new(),
        pulls: Vec::new(),
        pulls_unseen: None,
        sets: Vec::new(),
    }
}

/// `cart` has no image, `reports` is being pulled, `web` arrived.
fn busy() -> Snapshot {
    let mut cart = start(pod("shop", "cart"), Stage::ImagePull, 0, 48);
    cart.trouble =
        Some(trouble("ImageNotFound", "registry.example.com has no 2.14.1 of shop/cart. App: roll back.", 49));
    cart.container = Some("main".into());
    cart.spans = vec![
        told_by("condition PodScheduled", span(Stage::Admission, None, 0, Some(1))),
        told_by("status.startTime", span(Stage::Volumes, None, 1, Some(30))),
        told_by("the pod's log directory", span(Stage::Sandbox, None, 30, Some(48))),
        told_by("containerd's pulls", span(Stage::ImagePull, Some("main"), 48, None)),
    ];
    let mut reports = start(pod("shop", "reports"), Stage::ImagePull, 19, 20);
    reports.waits_for = "image registry.example.com/shop/reports:0.8.2".to_owned();
    let web = Start { arrived: Some(at(10)), ..start(pod("shop", "web"), Stage::Running, 0, 10) };
    Snapshot { starts: vec![cart, reports, web], pulls: vec![pull()], ..calm() }
}

fn told(lines: &[Line]) -> String {
    lines.iter().map(|line| line.render(false) + "\n").collect()
}

fn node_page(of: &Snapshot, width: usize) -> String {
    told(&page(of, None, at(60), width).unwrap())
}

fn pod_page(of: &Snapshot, name: &str, width: usize) -> String {
    told(&page(of, Some(name), at(60), width).unwrap())
}

#[test]
fn a_calm_node_is_said_to_be_calm() {
    assert_eq!(
        node_page(&calm(), 80),
        "node-7  containerd 2.1.4\n\nNo pod is starting.\n\nNo image is being pulled.\n"
    );
}

#[test]
fn a_table_of_what_starts_and_a_bar_for_what_is_pulled() {
    let expected = "\
node-7  containerd 2.1.4

POD           STAGE      FOR   AGE    WHAT HOLDS IT
shop/cart     ImagePull  12 s  1 min  ImageNotFound: registry.example.com has no 2.14.1 of shop/car…
shop/reports  ImagePull  40 s  41 s   image registry.example.com/shop/reports:0.8.2

registry.example.com/shop/reports:0.8.2  for shop/reports
  ████████████████░░░░░░░░░░░░░░░░░░░░░░░░   42 %  6.3 MB of 15 MB  1.3 MB/s  7 s left
";
    assert_eq!(node_page(&busy(), 100), expected);
}

#[test]
fn a_pod_that_waits_its_turn_shows_behind_whom_in_the_narrowest_terminal_and_is_not_red() {
    let mut node = busy();
    let sentence = "This pod's image waits its turn (31 s): the node pulls one at a time, now that of pod bank/ledger";
    let gist = "behind bank/ledger, 56 % of 1.0 GB, 10 MB/s".to_owned();
    let queued = Trouble { kind: EventType::Normal, gist, ..trouble("ImagePullQueued", sentence, 29) };
    node.starts[0].trouble = Some(queued.clone());
    assert!(
        node_page(&node, 80).contains("  ImagePullQueued: behind bank/ledger, 56 %…\n"),
        "{}",
        node_page(&node, 80)
    );
    assert!(node_page(&node, 100).contains("  ImagePullQueued: behind bank/ledger, 56 % of 1.0 GB, 10 MB/s\n"));
    let page: String = page(&node, None, at(60), 80).unwrap().iter().map(ToString::to_string).collect();
    let (slow, bad) = (line::SLOW, line::BAD);
    assert!(page.contains(&format!("{slow}ImagePullQueued{slow:#}")) && !page.contains(&bad.to_string()), "{page}");
    assert!(pod_page(&node, "cart", 200).contains(sentence), "in full");
}

#[test]
fn what_is_wrong_with_the_node_stands_on_top_in_full() {
    let sentence = "containerd does not answer: ListPodSandbox hangs. Platform: look at its log.";
    let node = Snapshot { node_troubles: vec![trouble("RuntimeDown", sentence, 15)], ..calm() };
    let page = node_page(&node, 50);
    let top = "\
node-7  containerd 2.1.4

RuntimeDown for 45 s
  containerd does not answer: ListPodSandbox
  hangs. Platform: look at its log.
";
    assert!(page.starts_with(top), "{page}");
}

#[test]
fn an_agent_that_looks_no_more_is_told_of() {
    let page = told(&page(&busy(), None, at(105), 100).unwrap());
    assert!(page.contains("the agent's last look was 45 s ago"), "{page}");
}

#[test]
fn a_pull_says_what_is_known_of_it_and_no_more() {
    let line = |pull: PullState| {
        let page = node_page(&Snapshot { pulls: vec![pull], ..calm() }, 100);
        page.lines().last().unwrap().to_owned()
    };
    for (phase, words) in [
        (PullPhase::Queued, "waits for its turn, 40 s so far"),
        (PullPhase::Running, "runs for 40 s; the runtime shows no more of it"),
        (PullPhase::Asked, "asked for 40 s ago; whether it runs the runtime does not show"),
    ] {
        assert_eq!(line(PullState { phase, ..pull() }).trim_start(), words);
    }
    let unknown = PullState { phase: PullPhase::Resolving, total: None, rate: None, left: None, ..pull() };
    assert_eq!(line(unknown), "  asks the registry, no answer in 40 s so far");
    let partly = PullState { total: None, left: None, ..pull() };
    assert_eq!(line(partly), "  6.3 MB so far, 1 of 3 layers are here  1.3 MB/s");
    let still = PullState { still: Duration::from_secs(12), ..pull() };
    assert!(line(still.clone()).ends_with("42 %  6.3 MB of 15 MB  no byte for 12 s"), "{}", line(still));
    let unpacks = PullState { phase: PullPhase::Unpacking, done: 15_000_000, ..pull() };
    assert!(line(unpacks.clone()).ends_with("█  100 %  15 MB, all here; unpacking"), "{}", line(unpacks));
}

#[test]
fn whose_pull_it_is_is_told() {
    let title = |pull: PullState| {
        let page = node_page(&Snapshot { pulls: vec![pull], ..calm() }, 100);
        page.lines().rev().nth(1).unwrap().to_owned()
    };
    assert!(title(PullState { own: true, pods: Vec::new(), ..pull() }).ends_with("  pre-pull"));
    let three = vec![pod("a", "x"), pod("a", "y"), pod("b", "z")];
    assert!(title(PullState { pods: three, ..pull() }).ends_with("  for a/x and 2 more"));
    assert_eq!(title(PullState { image: None, pods: Vec::new(), ..pull() }), "an image that is not known yet");
}

#[test]
fn where_pulls_cannot_be_seen_the_reason_is_told() {
    let node = Snapshot { pulls_unseen: Some("CRI-O does not tell of them".to_owned()), ..calm() };
    assert!(node_page(&node, 80).ends_with("\nPulls can't be seen: CRI-O does not tell of them\n"));
}

#[test]
fn each_pre_pull_set_has_a_line() {
    let set = |set: &str, here, failed, holds: &str| SetState {
        set: set.into(),
        images: 5,
        here,
        failed,
        complete: here == 5,
        holds: holds.to_owned(),
    };
    let sets = vec![set("base", 5, 0, ""), set("pool", 3, 1, "r.example.com/a:2 failed: manifest unknown")];
    let page = node_page(&Snapshot { sets, ..calm() }, 100);
    let expected = "
pre-pull set base  complete, 5 of 5 images here
pre-pull set pool  3 of 5 images here; r.example.com/a:2 failed: manifest unknown
";
    assert!(page.ends_with(expected), "{page}");
    assert!(!node_page(&calm(), 100).contains("pre-pull"));
}

#[test]
fn a_pods_stages_are_bars_on_one_axis() {
    let expected = "\
shop/cart on node-7: on its way for 1 min

Admission         █                       1.0 s               condition PodScheduled
Volumes           ███████████             29 s                status.startTime
Sandbox                      ██████       18 s                the pod's log directory
ImagePull (main)                   █████  12 s so far         containerd's pulls
                  0                1 min

ImageNotFound for 11 s
  registry.example.com has no 2.14.1 of shop/cart. App: roll back.
";
    assert_eq!(pod_page(&busy(), "cart", 85), expected);
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../../../README.md");
    assert!(readme.contains(&node_page(&busy(), 100)));
    assert!(readme.contains(&pod_page(&busy(), "cart", 85)));
}

#[test]
fn a_chart_fits_the_terminal_whatever_its_width() {
    for width in 40..200 {
        for line in pod_page(&busy(), "shop/cart", width).lines().chain(node_page(&busy(), width).lines()) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
    assert!(!pod_page(&busy(), "cart", 60).contains("containerd's pulls"), "there is no room for it");
}

#[test]
fn a_pod_that_runs_says_how_long_it_took() {
    let mut node = busy();
    node.starts[2].spans = vec![span(Stage::Sandbox, None, 0, Some(10)), span(Stage::Running, None, 10, None)];
    let page = pod_page(&node, "web", 80);
    assert!(page.starts_with("shop/web on node-7: runs, after 10 s\n\nSandbox  ███"), "{page}");
    assert!(!page.contains("so far") && !page.contains("Running"), "{page}");
}

#[test]
fn a_pod_that_only_waits_says_for_what_and_shows_its_pull() {
    let page = pod_page(&busy(), "reports", 100);
    assert!(
        page.contains("It waits for image registry.example.com/shop/reports:0.8.2. Nothing is known to be wrong.\n")
    );
    assert!(page.contains("42 %") && !pod_page(&busy(), "cart", 100).contains("42 %"), "{page}");
}

#[test]
fn a_name_that_is_not_enough_is_said_to_be_ambiguous() {
    let mut node = busy();
    node.starts.push(start(pod("test", "cart"), Stage::Volumes, 5, 5));
    let refused = find(&node, "cart").unwrap_err();
    assert_eq!(refused.to_string(), "cart is ambiguous: shop/cart, test/cart; give NAMESPACE/NAME");
    assert_eq!(find(&node, "test/cart").unwrap().stage, Stage::Volumes);
    assert_eq!(find(&node, "carrt"), Err(WhichPod::None("carrt".to_owned())));
}

#[test]
fn of_two_pods_of_one_name_the_newer_is_meant() {
    let mut node = busy();
    node.starts.push(start(pod("shop", "cart"), Stage::Sandbox, 50, 55));
    assert_eq!(find(&node, "cart").unwrap().stage, Stage::Sandbox);
}

#[test]
fn programs_get_the_whole_state_or_one_start() {
    let node = busy();
    let whole = serde_json::to_value(Document::of(&node, None, at(60)).unwrap()).unwrap();
    assert_eq!((&whole["node"], &whole["starts"][0]["trouble"]["cause"]), (&"node-7".into(), &"ImageNotFound".into()));
    assert_eq!((&whole["now"], &whole["pulls"][0]["left_seconds"]), (&"2023-11-14T22:14:20Z".into(), &7.0.into()));
    assert_eq!(
        (&whole["pulls"][0]["bytes_done"], &whole["pulls"][0]["layers"]["total"]),
        (&6_300_000.into(), &3.into())
    );
    let one = serde_json::to_value(Document::of(&node, Some("cart"), at(60)).unwrap()).unwrap();
    assert_eq!(
        (&one["start"]["stage"], &one["start"]["spans"][0]["stage"]),
        (&"ImagePull".into(), &"Admission".into())
    );
    let none = serde_json::to_value(Document::so_far(&node, Some("carrt"), at(60))).unwrap();
    assert_eq!(none["start"], serde_json::Value::Null);
}
