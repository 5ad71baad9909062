//! The admission policies of `deploy` on the real API server that `KUBECONFIG` names: what an agent may write, and what it may
//! not. Under names of the test's own, which it deletes; the agent's account is impersonated, and so is its token's node.

mod marks;

use serde_json::{Value, json};

use super::cluster::Server;

const NODE: &str = "node-7";
const OTHER: &str = "node-8";

fn events(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/events")
}

fn event(name: &str, namespace: &str, kind: &str, about: &str) -> Value {
    let home = if kind == "Node" { "" } else { namespace };
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"apiVersion": "v1", "kind": kind, "namespace": home, "name": about, "uid": "u-1"},
        "type": "Warning", "reason": "ImageNotFound", "message": "It is not there.", "count": 1,
        "firstTimestamp": "2026-11-21T03:00:00Z", "lastTimestamp": "2026-11-21T03:00:00Z",
        "source": {"component": "kubewhy", "host": NODE},
        "reportingComponent": "kubewhy", "reportingInstance": "kubewhy-x7k2p",
    })
}

fn with(mut event: Value, pointer: &str, value: &str) -> Value {
    *event.pointer_mut(pointer).unwrap() = json!(value);
    event
}

#[tokio::test]
async fn an_agent_writes_events_of_its_own_node_and_no_others() {
    let Some(server) = Server::named("the admission policies").await else { return };
    let (admin, agent, space) = (server.admin(), server.agent(Some(NODE)), server.name.as_str());
    server.open().await;
    server.put_up("base").await;

    let foreign = with(event("foreign", space, "Pod", "web"), "/source/host", OTHER);
    let words = agent.refused("POST", &events(space), &foreign).await;
    assert!(words.contains("kubewhy on node node-7 may not write an Event in the name of node node-8"), "{words}");

    agent.allowed("POST", &events(space), &event("own", space, "Pod", "web")).await;
    let own = format!("{}/own", events(space));
    agent.allowed("PATCH", &own, &json!({"count": 2, "message": "It still is not there."})).await;
    let of_node = format!("{space}-node");
    agent.allowed("POST", &events("default"), &event(&of_node, "default", "Node", NODE)).await;
    agent.allowed("GET", &format!("{}?limit=1", events(space)), &Value::Null).await;

    let kubelets = with(event("kubelets", space, "Pod", "web"), "/source/component", "kubelet");
    admin.allowed("POST", &events(space), &kubelets).await;
    let more = json!({"count": 3});
    let nobody = server.agent(None);
    let refusals = [
        ("no node in the token", nobody.refused("POST", &events(space), &event("a", space, "Pod", "web")).await),
        ("another node", agent.refused("POST", &events("default"), &event("b", "default", "Node", OTHER)).await),
        ("another kind", agent.refused("POST", &events(space), &event("c", space, "Secret", "web")).await),
        ("another's name", agent.refused("POST", &events(space), &with(kubelets, "/metadata/name", "d")).await),
        ("the kubelet's", agent.refused("PATCH", &format!("{}/kubelets", events(space)), &more).await),
        ("another node's", server.agent(Some(OTHER)).refused("PATCH", &own, &more).await),
        ("made another's", agent.refused("PATCH", &own, &json!({"source": {"host": OTHER}})).await),
        ("made of another pod", agent.refused("PATCH", &own, &json!({"involvedObject": {"name": "db"}})).await),
        ("deleted", agent.refused("DELETE", &own, &Value::Null).await),
    ];
    admin.send("DELETE", &format!("{}/{of_node}", events("default")), &Value::Null).await;
    server.close().await;
    server.take_down("base").await;
    for (what, words) in refusals {
        println!("{what}: {words}");
        assert!(!words.is_empty(), "{what} is allowed");
    }
}

/// A Node with something in every field that a patch of its status can change.
fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name, "labels": {"topology.kubernetes.io/zone": "a"}, "annotations": {"example.com/note": "a"},
            "finalizers": ["example.com/hold"],
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {"kubeletVersion": "v1.36.0", "osImage": "Debian"},
            "images": [{"names": ["shop:1"], "sizeBytes": 7}],
            "volumesInUse": ["kubernetes.io/csi/d^v"],
            "volumesAttached": [{"name": "kubernetes.io/csi/d^v", "devicePath": ""}],
        },
    })
}

/// Patches of the own Node's status that touch more than the one condition.
fn beyond_the_condition() -> Vec<(&'static str, Value)> {
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u-1"}]);
    let metadata = [
        ("a label", json!({"labels": {"topology.kubernetes.io/zone": "b"}})),
        ("a new label", json!({"labels": {"node-role.kubernetes.io/control-plane": ""}})),
        ("labels gone", json!({"labels": null})),
        ("an annotation", json!({"annotations": {"example.com/note": "b"}})),
        ("annotations gone", json!({"annotations": null})),
        ("a finalizer", json!({"finalizers": ["example.com/more"]})),
        ("finalizers gone", json!({"finalizers": null})),
        ("an owner", json!({"ownerReferences": owner})),
    ];
    let status = [
        ("another condition", json!({"conditions": [{"type": "Ready", "status": "False"}]})),
        ("another condition gone", json!({"conditions": [{"$patch": "delete", "type": "Ready"}]})),
        ("capacity", json!({"capacity": {"cpu": "400"}})),
        ("allocatable", json!({"allocatable": {"cpu": "1"}})),
        ("an address", json!({"addresses": [{"type": "InternalIP", "address": "192.0.2.8"}]})),
        ("the kubelet's port", json!({"daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}})),
        ("what the node is", json!({"nodeInfo": {"kubeletVersion": "v1.1.0"}})),
        ("an image", json!({"images": [{"names": ["shop:2"], "sizeBytes": 7}]})),
        ("images gone", json!({"images": null})),
        ("volumes in use", json!({"volumesInUse": ["kubernetes.io/csi/d^w"]})),
        ("no volumes in use", json!({"volumesInUse": null})),
        ("no volumes attached", json!({"volumesAttached": null})),
        ("the phase", json!({"phase": "Terminated"})),
        ("runtime handlers", json!({"runtimeHandlers": [{"name": "runc"}]})),
        ("features", json!({"features": {"supplementalGroupsPolicy": true}})),
    ];
    let in_part = |part: &'static str| move |(what, patch): (_, Value)| (what, json!({part: patch}));
    metadata.into_iter().map(in_part("metadata")).chain(status.into_iter().map(in_part("status"))).collect()
}

#[tokio::test]
async fn an_agent_keeps_one_condition_of_its_own_node_and_changes_nothing_else() {
    let Some(server) = Server::named("the admission policies").await else { return };
    let (admin, [own, other]) = (server.admin(), ["own", "other"].map(|which| format!("{}-{which}", server.name)));
    for node in [&own, &other] {
        admin.allowed("POST", "/api/v1/nodes", &self::node(node)).await;
    }
    server.put_up("condition").await;
    let agent = server.agent(Some(&own));
    let status = |node: &str| format!("/api/v1/nodes/{node}/status");
    let ours = json!({"type": "kubewhy.dev/NodeTrouble", "status": "True", "reason": "RuntimeDown"});
    let ours = json!({"status": {"conditions": [ours]}});

    let words = agent.refused("PATCH", &status(&other), &ours).await;
    assert!(words.contains("may not change node"), "{words}");
    agent.allowed("PATCH", &status(&own), &ours).await;
    let gone = json!({"status": {"conditions": [{"$patch": "delete", "type": "kubewhy.dev/NodeTrouble"}]}});
    agent.allowed("PATCH", &status(&own), &gone).await;
    let mut refusals = vec![
        ("no node", server.agent(None).refused("PATCH", &status(&own), &ours).await),
        (
            "the Node itself",
            agent.refused("PATCH", &format!("/api/v1/nodes/{own}"), &json!({"spec": {"unschedulable": true}})).await,
        ),
    ];
    for (what, patch) in beyond_the_condition() {
        refusals.push((what, agent.refused("PATCH", &status(&own), &patch).await));
    }
    for node in [&own, &other] {
        admin.send("PATCH", &format!("/api/v1/nodes/{node}"), &json!({"metadata": {"finalizers": null}})).await;
        admin.send("DELETE", &format!("/api/v1/nodes/{node}"), &Value::Null).await;
    }
    server.take_down("condition").await;
    for (what, words) in refusals {
        println!("{what}: {words}");
        assert!(!words.is_empty(), "{what} is allowed");
    }
}
