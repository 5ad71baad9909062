//! A real kubectl, where there is one, reads the double as it reads a cluster, and `describe` says what kubectl says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test may stop where it stands"
)]

use std::process::Stdio;

use jiff::{SignedDuration, Timestamp};
use kubewhy_lab::apiserver::resources::EVENTS;
use kubewhy_lab::apiserver::{ApiServer, Options, rfc3339};
use kubewhy_lab::describe;
use serde_json::{Value, json};

/// What kubectl says; `None` where there is none.
async fn kubectl(server: &ApiServer, arguments: &[&str]) -> Option<String> {
    let cache = tempfile::tempdir().unwrap();
    let output = tokio::process::Command::new("kubectl")
        .arg(format!("--server={}", server.url()))
        .arg(format!("--cache-dir={}", cache.path().display()))
        .args(arguments)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn ago(seconds: i64) -> String {
    rfc3339(Timestamp::now() - SignedDuration::from_secs(seconds))
}

fn event(name: &str, on: Value, seen: (i64, i64, u32), reason: &str, message: &str) -> Value {
    let namespace = on["namespace"].as_str().unwrap_or("default").to_owned();
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
        "involvedObject": on, "type": "Warning", "reason": reason, "message": message,
        "firstTimestamp": ago(seen.0), "lastTimestamp": ago(seen.1), "count": seen.2,
        "source": {"component": "kubewhy", "host": "node-7"}, "reportingComponent": "kubewhy",
    })
}

/// A node and a pod with Events. The ages are such that a few seconds do not change how they are told.
async fn broken_node() -> ApiServer {
    let server = ApiServer::start(Options::default()).await.unwrap();
    let node = json!({"apiVersion": "v1", "kind": "Node", "name": "node-7", "uid": "node-uid"});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web", "uid": "pod-uid"});
    let mut container = pod.clone();
    container["fieldPath"] = json!("spec.containers{app}");
    let waiting = json!({"name": "app", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}}});
    let objects = [
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-7", "uid": "node-uid"},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "shop", "name": "web", "uid": "pod-uid"},
            "spec": {"nodeName": "node-7", "containers": [{"name": "app", "image": "i"}]},
            "status": {"phase": "Pending", "containerStatuses": [waiting]}}),
        event("node-7.1", node, (9030, 4230, 2), "CniConfigMissing", "No CNI configuration."),
        event("web.1", container, (1230, 630, 3), "ImagePullStalled", "No byte for 90 s.\nPlatform: look at it. "),
        event("web.2", pod, (930, 930, 1), "Sleepy", "Came later, older in the table."),
    ];
    for object in objects {
        server.store().put(object).unwrap();
    }
    server
}

/// The Events table, without the field paths that kubectl 1.36 puts before a message and 1.32 does not.
fn events_part(text: &str) -> String {
    text[text.find("Events:").unwrap()..].replace("spec.containers{app}: ", "")
}

#[tokio::test]
async fn kubectl_describe_shows_the_events_that_describe_shows() {
    let server = broken_node().await;
    let events: Vec<Value> = server.store().list(&EVENTS, None).iter().map(|event| Value::clone(event)).collect();
    let store = server.store();
    let pod = store.get(&kubewhy_lab::apiserver::resources::PODS, "shop", "web").unwrap();
    let node = store.get(&kubewhy_lab::apiserver::resources::NODES, "", "node-7").unwrap();
    let Some(shown) = kubectl(&server, &["describe", "pod", "web", "-n", "shop"]).await else { return };
    assert_eq!(events_part(&describe::pod(&pod, &events, Timestamp::now())), events_part(&shown));
    let shown = kubectl(&server, &["describe", "node", "node-7"]).await.unwrap();
    assert_eq!(events_part(&describe::node(&node, &events, Timestamp::now())), events_part(&shown));
}

#[tokio::test]
async fn kubectl_lists_creates_and_deletes() {
    let server = broken_node().await;
    let Some(events) = kubectl(&server, &["events", "--for", "pod/web", "-n", "shop"]).await else { return };
    assert!(events.contains("ImagePullStalled") && !events.contains("CniConfigMissing"), "{events}");
    assert!(kubectl(&server, &["get", "events", "-A"]).await.unwrap().contains("node/node-7"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}});
    std::fs::write(file.path(), settings.to_string()).unwrap();
    server.store().ensure_namespace("made");
    kubectl(&server, &["-n", "made", "create", "--validate=false", "-f", file.path().to_str().unwrap()]).await;
    let got = kubectl(&server, &["-n", "made", "get", "configmap", "settings", "-o", "jsonpath={.data.a}"]).await;
    assert_eq!(got.unwrap(), "b");
    kubectl(&server, &["delete", "pod", "web", "-n", "shop", "--wait=false"]).await;
    kubectl(&server, &["delete", "namespace", "made", "--timeout=20s"]).await;
}
