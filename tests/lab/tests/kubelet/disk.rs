//! What lies on the node's disk while a pod is on its way, and that nothing is left of a pod that was deleted.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::Line;
use crate::lab::{Lab, NODE};
use crate::runtime::Script;

const PATIENCE: Duration = Duration::from_secs(30);

fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "default", "uid": format!("uid-of-{name}") },
        "spec": { "nodeName": NODE, "containers": [{ "name": "app", "image": image }] },
        "status": { "phase": "Pending" },
    })
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_pull_that_hangs_holds_its_intent_and_every_other_pull() {
    let lab = Lab::start(Script { hanging: Some("slow:v1".to_owned()), ..Script::default() }).await;
    let pulling = |name: &str, tape: &[Line]| {
        tape.iter().any(|line| line.object["reason"] == "Pulling" && line.object["involvedObject"]["name"] == name)
    };
    lab.run(&pod("first", "slow:v1"));
    timeout(PATIENCE, lab.api.wait_for("events", |tape| pulling("first", tape))).await.unwrap();
    lab.run(&pod("second", "quick:v1"));
    let events = timeout(PATIENCE, lab.api.wait_for("events", |tape| pulling("second", tape))).await.unwrap();
    assert!(events.iter().all(|line| line.object["reason"] != "Pulled"));
    assert_eq!(entries(&lab.root.path().join("kubelet/image_manager/pulling")), 2);
    assert!(lab.root.path().join("logs/default_first_uid-of-first").is_dir());
    assert!(lab.root.path().join("kubelet/pods/uid-of-first").is_dir());
}

#[tokio::test]
async fn a_deleted_pod_leaves_nothing_behind() {
    let lab = Lab::start(Script::default()).await;
    lab.run(&pod("app", "app:v1"));
    let running = |tape: &[Line]| tape.last().is_some_and(|line| line.object["status"]["phase"] == "Running");
    let seen = timeout(PATIENCE, lab.api.wait_for("pods", running)).await.unwrap();
    let mut leaving = seen.last().unwrap().object.clone();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-21T03:00:00Z");
    lab.run(&leaving);
    let gone = |tape: &[Line]| tape.last().is_some_and(|line| line.r#type == "DELETED");
    timeout(PATIENCE, lab.api.wait_for("pods", gone)).await.unwrap();
    assert_eq!(lab.runtime.sandboxes(), 0);
    assert_eq!(entries(&lab.root.path().join("kubelet/pods")) + entries(&lab.root.path().join("logs")), 0);
    assert!(lab.api.tape("events").iter().any(|line| line.object["message"] == "Stopping container app"));
}
