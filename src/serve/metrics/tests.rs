//! What is scraped is what was counted, under the names of the table.

use std::time::Duration;

use super::*;
use crate::client::apiserver::Asked;
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::ids::{PodId, PodUid};
use crate::model::prepull::SetProgress;
use crate::model::runtime::{CallFailure, FailureKind};

const RUNTIME_DOWN: Heading = Heading { cause: "RuntimeDown", subject: "node", kind: EventType::Warning };
const NOT_FOUND: Heading = Heading { cause: "ImageNotFound", subject: "pod", kind: EventType::Normal };

pub(super) fn counted() -> Metrics {
    let calls = CallCounts::default();
    calls.count("Leases.List");
    let requests = Requests::default();
    requests.count(Asked { verb: "create", resource: "events", code: Some(201) });
    requests.count(Asked { verb: "create", resource: "events", code: None });
    let metrics = Metrics::new(calls, requests);
    metrics.set_journal(80, false, 2);
    metrics.set_diagnoses(&BTreeMap::from([(RUNTIME_DOWN, 1), (NOT_FOUND, 3)]));
    metrics.count_report("ImageNotFound", "first");
    metrics.count_event("written");
    metrics.set_pending(2, 1);
    metrics.observe_start(&arrival());
    metrics.set_pulls(&Load { downloading: 1, queued: 3, received: 500, ..Load::default() });
    metrics.observe_prepull(&set(), |_| "Unclassified");
    metrics.observe_runtime_call(&CallOutcome {
        method: Method::Status,
        took: Duration::from_millis(3),
        failure: None,
    });
    let failure = Some(CallFailure { kind: FailureKind::NobodyListens, socket: "/s".into(), text: String::new() });
    metrics.observe_runtime_call(&CallOutcome { method: Method::Connect, took: Duration::ZERO, failure });
    metrics
}

fn set() -> SetProgress {
    let here: Arc<[Arc<str>]> = vec!["a:1".into()].into();
    let (present, pulled, bytes, failed, refused) = (1, 0, 0, Vec::new(), None);
    let missing = Vec::new().into();
    SetProgress {
        set: "pool".into(),
        images: 1,
        present,
        pulled,
        bytes,
        here,
        missing,
        gone: 0,
        failed,
        settled: true,
        refused,
        waits: None,
    }
}

fn arrival() -> Arrival {
    Arrival {
        pod: PodId { uid: PodUid::new("u"), namespace: "shop".into(), name: "cart".into() },
        began: Time::UNIX_EPOCH,
        at: Time::from_second(9).unwrap(),
        stages: [(Stage::Sandbox, Duration::from_secs(2)), (Stage::ImagePull, Duration::from_secs(7))].into(),
        told: false,
        ahead: None,
    }
}

#[test]
fn a_start_is_counted_whole_and_by_stage_and_bytes_only_grow() {
    let metrics = counted();
    metrics.set_pulls(&Load { received: 700, ..Load::default() });
    metrics.set_pulls(&Load { received: 700, ..Load::default() });
    let text = metrics.text().unwrap();
    for line in [
        "kubewhy_pod_start_seconds_sum 9.0",
        "kubewhy_pod_start_stage_seconds_bucket{le=\"2.0\",stage=\"Sandbox\"} 1",
        "kubewhy_pod_start_stage_seconds_sum{stage=\"ImagePull\"} 7.0",
        "kubewhy_pulls{phase=\"downloading\"} 0",
        "kubewhy_pull_queue_pods 0",
        "kubewhy_pull_received_bytes_total 700",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
}

#[test]
fn what_is_scraped_is_what_the_table_says() {
    let metrics = counted();
    let (sender, _receiver) = mpsc::channel::<()>(2);
    metrics.watch_queue("findings", &sender);
    let text = metrics.text().unwrap();
    for metric in METRICS {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let typed = format!("# TYPE {} {kind}\n", metric.name.trim_end_matches("_total"));
        assert!(text.contains(&typed), "{typed}\n{text}");
        for label in metric.labels {
            assert!(text.contains(&format!("{label}=\"")), "{} {label}", metric.name);
        }
        if metric.kind != Kind::Histogram {
            assert!(text.lines().any(|l| l.starts_with(metric.name)), "{} has no value\n{text}", metric.name);
        }
    }
    assert_eq!(text.matches("# TYPE").count(), METRICS.len());
}

#[test]
fn a_queue_shows_what_waits_in_it_and_is_kept_open_by_nobody_who_looks() {
    let metrics = counted();
    let (sender, mut receiver) = mpsc::channel(2);
    metrics.watch_queue("findings", &sender);
    sender.try_send(()).unwrap();
    assert!(metrics.text().unwrap().contains("kubewhy_queue_length{queue=\"findings\"} 1\n"));
    drop(sender);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(()), Err(mpsc::error::TryRecvError::Disconnected)));
    assert!(metrics.text().unwrap().contains("kubewhy_queue_length{queue=\"findings\"} 0\n"));
}

#[test]
fn a_request_that_was_not_answered_counts_too() {
    let text = counted().text().unwrap();
    for code in ["201", "none"] {
        let line =
            format!("kubewhy_apiserver_requests_total{{verb=\"create\",resource=\"events\",code=\"{code}\"}} 1\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn a_cause_that_went_away_counts_zero() {
    let metrics = counted();
    let grown = Heading { kind: EventType::Warning, ..NOT_FOUND };
    metrics.set_diagnoses(&BTreeMap::from([(RUNTIME_DOWN, 1), (grown, 2)]));
    let text = metrics.text().unwrap();
    for (labels, count) in [
        ("cause=\"ImageNotFound\",subject=\"pod\",type=\"Normal\"", 0),
        ("cause=\"ImageNotFound\",subject=\"pod\",type=\"Warning\"", 2),
        ("cause=\"RuntimeDown\",subject=\"node\",type=\"Warning\"", 1),
    ] {
        assert!(text.contains(&format!("kubewhy_diagnoses{{{labels}}} {count}\n")), "{text}");
    }
}
