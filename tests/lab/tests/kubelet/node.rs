//! The node's conditions and Events, and what its pods say when it is broken.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::Line;
use crate::lab::{Lab, NODE, recorded_list, recording};
use crate::runtime::Script;
use crate::shape;

const PATIENCE: Duration = Duration::from_secs(30);

/// The Ready condition as a kubelet says it, without its times.
fn ready(node: &Value) -> [Value; 3] {
    let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
    ["status", "reason", "message"].map(|field| ready[field].clone())
}

fn recorded_ready(case: &str) -> Option<[Value; 3]> {
    Some(ready(&serde_json::from_str(&recording(&format!("node/{case}/node.json"))?).unwrap()))
}

async fn until_ready_is(lab: &Lab, expected: &[Value; 3]) -> Vec<Line> {
    let said = |tape: &[Line]| tape.last().is_some_and(|line| ready(&line.object) == *expected);
    timeout(PATIENCE, lab.api.wait_for("nodes", said)).await.unwrap_or_else(|_| panic!("{:#?}", lab.api.tape("nodes")))
}

/// The recorded pod of a broken node as it was bound.
fn pod(case: &str) -> Value {
    let mut pod: Value = serde_json::from_str(&recording(&format!("node/{case}/pod.json")).unwrap()).unwrap();
    pod["status"] = json!({ "phase": "Pending", "qosClass": "BestEffort" });
    pod
}

async fn pod_says_what_was_recorded(lab: &Lab, case: &str) {
    let expected = shape::events(&recorded_list(&format!("node/{case}/pod-events.json")).unwrap());
    lab.run(&pod(case));
    let of_pod = |tape: &[Line]| -> Vec<String> {
        let lines = tape.iter().filter(|line| line.object["involvedObject"]["kind"] == "Pod");
        shape::events(&lines.cloned().collect::<Vec<_>>()).iter().map(|event| unsocketed(event)).collect()
    };
    let expected: Vec<String> = expected.iter().map(|event| unsocketed(event)).collect();
    let said = timeout(PATIENCE, lab.api.wait_for("events", |tape| !of_pod(tape).is_empty())).await.unwrap();
    assert_eq!(of_pod(&said), expected);
}

/// The text without the path of the CRI socket.
fn unsocketed(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains(".sock") { "SOCKET:" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_node_without_cni_configuration_reads_as_recorded() {
    let Some(expected) = recorded_ready("cni-config-missing") else { return };
    let network = "Network plugin returns error: cni plugin not initialized".to_owned();
    let lab = Lab::start(Script { network: Some(network), ..Script::default() }).await;
    until_ready_is(&lab, &expected).await;
    pod_says_what_was_recorded(&lab, "cni-config-missing").await;
}

#[tokio::test]
async fn a_node_with_a_missing_cni_plugin_stays_ready_and_its_pods_read_as_recorded() {
    let Some(expected) = recorded_ready("cni-plugin-missing") else { return };
    let error = "failed to setup network for sandbox \"ID\": plugin type=\"flanneld-x\" failed (add): failed to find \
                 plugin \"flanneld-x\" in path [/opt/cni/bin]";
    let lab = Lab::start(Script { sandbox: Some(error.to_owned()), ..Script::default() }).await;
    until_ready_is(&lab, &expected).await;
    pod_says_what_was_recorded(&lab, "cni-plugin-missing").await;
}

#[tokio::test]
async fn a_node_whose_runtime_stopped_reads_as_recorded() {
    let (Some(healthy), Some(expected)) = (recorded_ready("cni-plugin-missing"), recorded_ready("runtime-down")) else {
        return;
    };
    let mut lab = Lab::with(Script::default(), |options| options.runtime_down_after = Duration::from_secs(8)).await;
    until_ready_is(&lab, &healthy).await;
    lab.runtime.stop();
    pod_says_what_was_recorded(&lab, "runtime-down").await;
    until_ready_is(&lab, &expected).await;
}

#[tokio::test]
async fn the_node_is_registered_with_its_conditions_lease_and_events() {
    let lab = Lab::start(Script::default()).await;
    let message = "kubelet is posting ready status";
    until_ready_is(&lab, &[json!("True"), json!("KubeletReady"), json!(message)]).await;
    let lease = timeout(PATIENCE, lab.api.wait_for("leases", |tape| !tape.is_empty())).await.unwrap();
    assert_eq!(lease[0].object["spec"]["holderIdentity"], NODE);
    let said = |tape: &[Line]| tape.iter().any(|line| line.object["reason"] == "NodeHasSufficientPID");
    let events = timeout(PATIENCE, lab.api.wait_for("events", said)).await.unwrap();
    let about = &events[0].object["involvedObject"];
    assert_eq!(*about, json!({ "apiVersion": "v1", "kind": "Node", "name": NODE }));
    assert_eq!(events[0].object["metadata"]["namespace"], "default");
}
