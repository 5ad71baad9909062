//! The policy of `deploy/prepull-marks`: labels below one prefix and the end of taints, on the own Node, and nothing else.

use serde_json::{Value, json};

use super::super::cluster::{Server, finally};

const OURS: &str = "prepull.kubewhy.dev/base";
const STARTUP: &str = "example.com/images";

/// By what each rule of the policy is known.
const NODE: &str = "may not change node";
const LABEL: &str = "no label of a Node but those below";
const WORD: &str = "says that a set is complete";
const TAINT: &str = "neither adds nor changes one";
const KUBERNETES: &str = "no taint of Kubernetes itself";
const METADATA: &str = "nothing of a Node's metadata but its labels";
const FIELDS: &str = "nobody the owner of a Node's fields";
const SPEC: &str = "nothing of a Node's spec but its taints";

fn path(node: &str) -> String {
    format!("/api/v1/nodes/{node}")
}

/// A Node with something in what a patch of it can change.
fn node(name: &str) -> Value {
    let taint = |key: &str| json!({"key": key, "effect": "NoSchedule"});
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "labels": {"topology.kubernetes.io/zone": "a"}, "annotations": {"example.com/note": "a"},
            "finalizers": ["example.com/hold"],
        },
        "spec": {"providerID": "x", "taints": [taint(STARTUP), taint("node.kubernetes.io/hold"), taint("b")]},
    })
}

/// Patches of the own Node that do more than mark it, and what is said of each. The list of taints has no key that a strategic
/// merge would go by: it is replaced.
fn beyond_the_marks(taints: &[Value]) -> Vec<(&'static str, &'static str, Value)> {
    let metadata = |metadata: Value| json!({"metadata": metadata});
    let label = |key: &str, value: &str| metadata(json!({"labels": {key: value}}));
    let taint = |key: &str, effect: &str| vec![json!({"key": key, "effect": effect})];
    let without = |key: &str| -> Vec<Value> { taints.iter().filter(|taint| taint["key"] != key).cloned().collect() };
    let patch = |taints: Vec<Value>| json!({"spec": {"taints": taints}});
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"});
    let forged = json!({
        "manager": "another", "operation": "Apply", "apiVersion": "v1", "time": "2026-11-21T03:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:topology.kubernetes.io/zone": {}}}, "f:spec": {"f:taints": {}}},
    });
    vec![
        ("another label", LABEL, label("topology.kubernetes.io/zone", "b")),
        ("a new label", LABEL, label("node-role.kubernetes.io/control-plane", "")),
        ("a label of a like name", LABEL, label("prepull.kubewhy.devious/base", "complete")),
        ("labels gone", LABEL, metadata(json!({"labels": null}))),
        ("another word", WORD, label(OURS, "incomplete")),
        ("an annotation", METADATA, metadata(json!({"annotations": {"example.com/note": "b"}}))),
        ("a finalizer", METADATA, metadata(json!({"finalizers": ["example.com/more"]}))),
        ("an owner", METADATA, metadata(json!({"ownerReferences": [owner]}))),
        ("an owner of fields", FIELDS, metadata(json!({"managedFields": [forged]}))),
        ("cordoned", SPEC, json!({"spec": {"unschedulable": true}})),
        ("another pod network", SPEC, json!({"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]}})),
        ("a new taint", TAINT, patch([without(""), taint("c", "NoSchedule")].concat())),
        ("another effect", TAINT, patch([without("b"), taint("b", "NoExecute")].concat())),
        ("a taint of Kubernetes", KUBERNETES, patch(without("node.kubernetes.io/hold"))),
        ("all taints", KUBERNETES, patch(Vec::new())),
    ]
}

#[tokio::test]
async fn an_agent_marks_its_own_node_and_changes_nothing_else_of_it() {
    let Some(server) = Server::named("the admission policies").await else { return };
    let [own, other] = ["own", "other"].map(|which| format!("{}-m-{which}", server.name));
    let refusals = finally(marked(&server, &own, &other), async {
        for node in [&own, &other] {
            server.admin().send("PATCH", &path(node), &json!({"metadata": {"finalizers": null}})).await;
            server.admin().send("DELETE", &path(node), &Value::Null).await;
        }
        server.take_down("condition").await;
        server.take_down("prepull-marks").await;
    });
    for (what, rule, words) in refusals.await {
        println!("{what}: {words}");
        assert!(words.contains(rule), "{what} is not refused for what it is: {words:?}");
    }
}

/// What is refused, by which rule it should be, and with what words it was.
async fn marked(server: &Server, own: &str, other: &str) -> Vec<(&'static str, &'static str, String)> {
    for node in [own, other] {
        server.admin().allowed("POST", "/api/v1/nodes", &self::node(node)).await;
    }
    server.put_up("prepull-marks").await;
    server.put_up("condition").await;
    let agent = server.agent(Some(own));
    let label = |value: Value| json!({"metadata": {"labels": {OURS: value}}});
    let complete = label(json!("complete"));

    let foreign = agent.refused("PATCH", &path(other), &complete).await;
    let nobody = server.agent(None).refused("PATCH", &path(own), &complete).await;
    let mut refusals = vec![("another node", NODE, foreign), ("no node", NODE, nobody)];
    // The API server itself puts another on a new Node.
    let taints = server.admin().allowed("GET", &path(own), &Value::Null).await["spec"]["taints"].take();
    let taints = taints.as_array().unwrap();
    for (what, rule, patch) in beyond_the_marks(taints) {
        refusals.push((what, rule, agent.refused("PATCH", &path(own), &patch).await));
    }
    agent.allowed("PATCH", &path(own), &complete).await;
    agent.allowed("PATCH", &path(own), &label(Value::Null)).await;
    let left: Vec<_> = taints.iter().filter(|taint| taint["key"] != STARTUP).collect();
    agent.allowed("PATCH", &path(own), &json!({"spec": {"taints": left}})).await;
    refusals
}
