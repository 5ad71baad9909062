//! A pod that takes its time, through the crank: what is said when it is over, and counted, once.

use std::time::Duration;

use kubewhy::engine::Crank;
use kubewhy::model::Time;
use kubewhy::model::settings::Settings;
use kubewhy::observe::recorded::Recording;
use serde_json::{Value, json};

const BOUND: &str = "2026-11-21T03:00:00Z";
const READY: &str = "2026-11-21T03:00:02Z";
const RUNS: &str = "2026-11-21T03:09:40Z";

fn pod(phase: &str, sandbox_ready: &str, state: &Value) -> Value {
    json!({
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "creationTimestamp": BOUND},
        "spec": {"containers": [{"name": "web", "image": "r.example.com/shop/cart:2"}]},
        "status": {"phase": phase, "startTime": BOUND, "containerStatuses": [{"name": "web", "state": state}], "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": BOUND},
            {"type": "PodReadyToStartContainers", "status": sandbox_ready, "lastTransitionTime": READY}]},
    })
}

/// Everything that is announced, and how many starts are counted, while the pod starts and after.
fn told(slow_start: Option<u64>) -> (Vec<(&'static str, String)>, usize) {
    let waits = json!({"waiting": {"reason": "ContainerCreating"}});
    let lines = [
        json!({"broken": "", "runtime": "containerd 2.1", "expect": null}),
        json!({"at": BOUND, "pod": pod("Pending", "False", &waits)}),
        json!({"at": READY, "pod": pod("Pending", "True", &waits)}),
        json!({"at": "2026-11-21T03:09:41Z", "pod": pod("Running", "True", &json!({"running": {"startedAt": RUNS}}))}),
    ];
    let text = lines.map(|line| line.to_string()).join("\n");
    let recording = Recording::read(&text, tempfile::tempdir().unwrap().path()).unwrap();
    let mut settings = Settings::default();
    settings.report.slow_start = slow_start.map(Duration::from_secs);
    let mut crank = Crank::new("node-7", false);
    let (mut said, mut arrived) = (Vec::new(), 0);
    let end: Time = "2026-11-21T03:10:00Z".parse().unwrap();
    for observation in recording.observations {
        let at = observation.at;
        crank.take(observation);
        for now in [at, end] {
            let (findings, _) = crank.turn(&settings, now);
            said.extend(findings.announcements.into_iter().map(|told| (told.reason, told.sentence)));
            arrived += findings.arrivals.len();
        }
    }
    (said, arrived)
}

#[test]
fn a_slow_start_is_told_once_when_it_is_over_and_counted_in_any_case() {
    let sentence = "Started after 9 min 40 s: ImagePull 9 min 38 s, Sandbox 2 s.".to_owned();
    assert_eq!(told(Some(300)), (vec![("SlowStart", sentence)], 1));
    assert_eq!(told(Some(3_600)), (Vec::new(), 1));
    assert_eq!(told(None), (Vec::new(), 1), "off unless it was set");
}
