//! The least rights, on the real API server that `KUBECONFIG` names: with a token of its own pod, with the ClusterRole of
//! `deploy/base` and under its policy, a real agent is refused nothing and uses every right. (`tests/e2e/rights.rs` holds the same
//! against the double, for every ClusterRole of `deploy`.)

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::agent::Agent;
use super::cluster::{Server, finally};

/// Verb and resource.
type Right = (String, String);

/// What the role grants.
fn granted(server: &Server) -> BTreeSet<Right> {
    let role = server.object("base/clusterrole.yaml");
    let texts = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for resource in texts(&rule["resources"]) {
            rights.extend(texts(&rule["verbs"]).into_iter().map(|verb| (verb, resource.clone())));
        }
    }
    rights
}

/// What it has asked for by now, by its own metrics, and what the answers were.
async fn asked(agent: &Agent) -> Vec<(Right, String)> {
    let (_, page) = agent.metrics(None).await.unwrap_or_default();
    let lines = page.lines().filter_map(|line| line.strip_prefix("kubewhy_apiserver_requests_total{"));
    let label = |line: &str, name: &str| {
        let value = line.split_once(&format!("{name}=\"")).unwrap().1;
        value.split('"').next().unwrap().to_owned()
    };
    lines.map(|line| ((label(line, "verb"), label(line, "resource")), label(line, "code"))).collect()
}

/// A pod whose image is not there, by what the kubelet says of it.
fn not_found() -> Value {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let words = "rpc error: code = NotFound desc = failed to pull and unpack image: r.example.com/a:1: not found";
    json!({"status": {
        "startTime": now,
        "conditions": [condition("PodScheduled"), condition("PodReadyToStartContainers")],
        "containerStatuses": [{
            "name": "main", "image": "r.example.com/a:1", "imageID": "", "ready": false, "started": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": words}},
        }],
    }})
}

/// The node of that name, its agent's pod and two that do not start: one of which the status tells why, and a silent one.
async fn set_the_scene(server: &Server) -> Value {
    let (admin, name) = (server.admin(), &server.name);
    let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady"});
    let node =
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": [ready]}});
    admin.allowed("POST", "/api/v1/nodes", &node).await;
    server.token("kubewhy", None).await;
    let pods = format!("/api/v1/namespaces/{name}/pods");
    let [own, cart, silent] = ["kubewhy", "cart", "silent"].map(|pod| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod},
            "spec": {"nodeName": name, "containers": [{"name": "main", "image": "r.example.com/a:1"}],
                "serviceAccountName": "kubewhy", "automountServiceAccountToken": false},
        })
    });
    let own = admin.allowed("POST", &pods, &own).await;
    for (pod, status) in [(cart, not_found()), (silent, json!({"status": {"startTime": Timestamp::now().to_string()}}))]
    {
        admin.allowed("POST", &pods, &pod).await;
        let place = format!("{pods}/{}/status", pod["metadata"]["name"].as_str().unwrap());
        admin.allowed("PATCH", &place, &status).await;
    }
    own
}

/// Runs an agent until it has used these rights. Nothing that it asks may be refused.
async fn work(node: &str, kubeconfig: &Path, rights: &BTreeSet<Right>) {
    let agent = Agent::start(node, kubeconfig, &[]);
    agent
        .until(&format!("{rights:?} are used"), async || {
            let asked = asked(&agent).await;
            let accepted = asked.into_iter().filter(|(_, code)| code.starts_with('2')).map(|(right, _)| right);
            rights.is_subset(&accepted.collect()).then_some(())
        })
        .await;
    let refused: Vec<_> = asked(&agent).await.into_iter().filter(|(_, code)| code == "401" || code == "403").collect();
    assert!(refused.is_empty(), "a right is missing: {refused:?}\n{}", agent.log());
    agent.stop().await;
}

/// It takes a minute: then what was told of first is told again, and patched.
#[tokio::test]
async fn a_real_api_server_refuses_an_agent_nothing_and_every_right_is_used() {
    let Some(server) = Server::named("the least rights").await else { return };
    server.open().await;
    let test = async {
        server.put_up("base").await;
        let own = set_the_scene(&server).await;
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = server.kubeconfig(&server.token("kubewhy", Some(&own)).await, dir.path());
        work(&server.name, &kubeconfig, &granted(&server)).await;
        let events =
            server.admin().allowed("GET", &format!("/api/v1/namespaces/{}/events", server.name), &Value::Null).await;
        let told = events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "ImageNotFound");
        assert_eq!(told.count(), 1, "{events}");
    };
    finally(test, async {
        server.take_down("base").await;
        server.close().await;
        server.admin().send("DELETE", &format!("/api/v1/nodes/{}", server.name), &Value::Null).await;
    })
    .await;
}
