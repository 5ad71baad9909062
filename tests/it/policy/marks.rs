//! The policy of `deploy/prepull-marks`: labels below one prefix and the end of taints, on the own Node, and nothing else.

use serde_json::{Value, json};

use super::super::cluster::Server;

const OURS: &str = "prepull.kubewhy.dev/base";

/// A Node with something in what a patch of it can change.
fn node(name: &str) -> Value {
    let taint = |key: &str| json!({"key": key, "effect": "NoSchedule"});
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "labels": {"topology.kubernetes.io/zone": "a"}, "annotations": {"example.com/note": "a"},
            "finalizers": ["example.com/hold"],
        },
        "spec": {"providerID": "x", "taints": [taint("example.com/images"), taint("node.kubernetes.io/hold"), taint("b")]},
    })
}

/// Patches of the own Node that do more than mark it.
fn beyond_the_marks() -> Vec<(&'static str, Value)> {
    let metadata = |metadata: Value| json!({"metadata": metadata});
    let taints = |taints: Value| json!({"spec": {"taints": taints}});
    let (images, hold) = (("example.com/images", "NoSchedule"), ("node.kubernetes.io/hold", "NoSchedule"));
    let list = |all: &[(&str, &str)]| -> Value {
        all.iter().map(|(key, effect)| json!({"key": key, "effect": effect})).collect()
    };
    vec![
        ("another label", metadata(json!({"labels": {"topology.kubernetes.io/zone": "b"}}))),
        ("a new label", metadata(json!({"labels": {"node-role.kubernetes.io/control-plane": ""}}))),
        ("a label of a like name", metadata(json!({"labels": {"prepull.kubewhy.devious/base": "complete"}}))),
        ("another word", metadata(json!({"labels": {OURS: "incomplete"}}))),
        ("labels gone", metadata(json!({"labels": null}))),
        ("an annotation", metadata(json!({"annotations": {"example.com/note": "b"}}))),
        ("a finalizer", metadata(json!({"finalizers": ["example.com/more"]}))),
        (
            "an owner",
            metadata(json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]})),
        ),
        ("cordoned", json!({"spec": {"unschedulable": true}})),
        ("another pod network", json!({"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]}})),
        ("a new taint", taints(list(&[images, hold, ("b", "NoSchedule"), ("c", "NoSchedule")]))),
        ("another effect", taints(list(&[images, hold, ("b", "NoExecute")]))),
        ("a taint of Kubernetes", taints(list(&[images, ("b", "NoSchedule")]))),
        ("all taints", taints(list(&[]))),
    ]
}

#[tokio::test]
async fn an_agent_marks_its_own_node_and_changes_nothing_else_of_it() {
    let Some(server) = Server::named("the admission policies").await else { return };
    let (admin, [own, other]) = (server.admin(), ["own", "other"].map(|which| format!("{}-m-{which}", server.name)));
    for node in [&own, &other] {
        admin.allowed("POST", "/api/v1/nodes", &self::node(node)).await;
    }
    server.put_up("prepull-marks").await;
    server.put_up("condition").await;
    let agent = server.agent(Some(&own));
    let path = |node: &str| format!("/api/v1/nodes/{node}");
    let label = |value: Value| json!({"metadata": {"labels": {OURS: value}}});

    let words = agent.refused("PATCH", &path(&other), &label(json!("complete"))).await;
    assert!(words.contains("may not change node"), "{words}");
    let mut refusals =
        vec![("no node", server.agent(None).refused("PATCH", &path(&own), &label(json!("complete"))).await)];
    for (what, patch) in beyond_the_marks() {
        refusals.push((what, agent.refused("PATCH", &path(&own), &patch).await));
    }
    agent.allowed("PATCH", &path(&own), &label(json!("complete"))).await;
    agent.allowed("PATCH", &path(&own), &label(Value::Null)).await;
    // The list has no key that a strategic merge would go by: it is replaced.
    let left = json!({"spec": {"taints": node("")["spec"]["taints"].as_array().unwrap()[1..]}});
    agent.allowed("PATCH", &path(&own), &left).await;
    for node in [&own, &other] {
        admin.send("PATCH", &path(node), &json!({"metadata": {"finalizers": null}})).await;
        admin.send("DELETE", &path(node), &Value::Null).await;
    }
    server.take_down("condition").await;
    server.take_down("prepull-marks").await;
    for (what, words) in refusals {
        println!("{what}: {words}");
        assert!(!words.is_empty(), "{what} is allowed");
    }
}
