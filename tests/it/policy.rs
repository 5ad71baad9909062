//! The admission policies of `deploy` on the real API server that `KUBECONFIG` names: what an agent may write, and what it may
//! not. Under names of the test's own, which it deletes; the agent's account is impersonated, and so is its token's node.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

const NODE: &str = "node-7";
const OTHER: &str = "node-8";
const FORBIDDEN: u16 = 403;
/// A new policy is in force after about a second.
const TRIES: usize = 100;

/// A real API server, with the policies under names of the test's own.
struct Server {
    config: Config,
    name: String,
}

impl Server {
    async fn named() -> Option<Self> {
        let Some(path) = std::env::var_os("KUBECONFIG") else {
            crate::skipped("the admission policies", "KUBECONFIG names no API server");
            return None;
        };
        let file = Kubeconfig::read_from(path).unwrap();
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        Some(Self { config, name: format!("kubewhy-test-{:08x}", fastrand::u32(..)) })
    }

    /// Whoever the kubeconfig names.
    fn admin(&self) -> Caller {
        Caller(Client::try_from(self.config.clone()).unwrap())
    }

    /// The agent, with a token that names this node, or none.
    fn agent(&self, node: Option<&str>) -> Caller {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{}:kubewhy", self.name));
        config.auth_info.impersonate_groups = Some(vec!["system:serviceaccounts".to_owned()]);
        let extra = node.map(|node| ("authentication.kubernetes.io/node-name".to_owned(), vec![node.to_owned()]));
        config.auth_info.impersonate_user_extra = Some(BTreeMap::from_iter(extra).into_iter().collect());
        Caller(Client::try_from(config).unwrap())
    }

    /// A file of `deploy` under the test's names.
    fn object(&self, file: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("serviceaccount:kubewhy:", &format!("serviceaccount:{}:", self.name));
        let mut object: Value = serde_saphyr::from_str(&text).unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().replacen("kubewhy", &self.name, 1);
        for pointer in ["/metadata/name", "/spec/policyName", "/roleRef/name"] {
            if let Some(place) = object.pointer_mut(pointer) {
                *place = json!(name);
            }
        }
        if let Some(namespace) = object.pointer_mut("/subjects/0/namespace") {
            *namespace = json!(self.name);
        }
        object
    }

    /// Puts up one folder's role and policy.
    async fn put_up(&self, folder: &str) {
        let admin = self.admin();
        for (file, path) in FILES {
            let object = self.object(&format!("{folder}/{file}.yaml"));
            assert_eq!(admin.send("POST", path, &object).await.0, 201, "{folder}/{file}");
        }
    }

    async fn take_down(&self, folder: &str) {
        for (file, path) in FILES {
            let object = self.object(&format!("{folder}/{file}.yaml"));
            let name = object["metadata"]["name"].as_str().unwrap();
            self.admin().send("DELETE", &format!("{path}/{name}"), &Value::Null).await;
        }
    }
}

/// What is put up of a folder, and where.
const FILES: [(&str, &str); 4] = [
    ("clusterrole", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ("clusterrolebinding", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("policy", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"),
    ("policybinding", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"),
];

struct Caller(Client);

impl Caller {
    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let kind = if method == "PATCH" { "application/strategic-merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.0.send(request.body(kube::client::Body::from(body)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Tries until the policy is in force, then says what is refused, and with what words.
    async fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        for _ in 0..TRIES {
            let (code, answer) = self.send(method, path, body).await;
            if code == FORBIDDEN {
                return answer["message"].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        String::new()
    }

    async fn allowed(&self, method: &str, path: &str, body: &Value) {
        let (code, answer) = self.send(method, path, body).await;
        assert!((200..300).contains(&code), "{method} {path}: {code} {}", answer["message"]);
    }
}

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
    let Some(server) = Server::named().await else { return };
    let (admin, agent, space) = (server.admin(), server.agent(Some(NODE)), server.name.as_str());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}});
    admin.allowed("POST", "/api/v1/namespaces", &namespace).await;
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
    admin.send("DELETE", &format!("/api/v1/namespaces/{space}"), &Value::Null).await;
    server.take_down("base").await;
    for (what, words) in refusals {
        println!("{what}: {words}");
        assert!(!words.is_empty(), "{what} is allowed");
    }
}

#[tokio::test]
async fn an_agent_keeps_one_condition_of_its_own_node_and_changes_nothing_else() {
    let Some(server) = Server::named().await else { return };
    let (admin, [own, other]) = (server.admin(), ["own", "other"].map(|which| format!("{}-{which}", server.name)));
    for node in [&own, &other] {
        let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "capacity": {"cpu": "4"}}});
        admin.allowed("POST", "/api/v1/nodes", &object).await;
    }
    server.put_up("condition").await;
    let agent = server.agent(Some(&own));
    let status = |node: &str| format!("/api/v1/nodes/{node}/status");
    let patch =
        |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True", "reason": "RuntimeDown"}]}});
    let ours = patch("kubewhy.dev/NodeTrouble");

    let words = agent.refused("PATCH", &status(&other), &ours).await;
    assert!(words.contains("may not change node"), "{words}");
    agent.allowed("PATCH", &status(&own), &ours).await;
    let gone = json!({"status": {"conditions": [{"$patch": "delete", "type": "kubewhy.dev/NodeTrouble"}]}});
    agent.allowed("PATCH", &status(&own), &gone).await;
    let refusals = [
        ("another condition", agent.refused("PATCH", &status(&own), &patch("Ready")).await),
        ("capacity", agent.refused("PATCH", &status(&own), &json!({"status": {"capacity": {"cpu": "400"}}})).await),
        ("no node", server.agent(None).refused("PATCH", &status(&own), &ours).await),
        (
            "the Node itself",
            agent.refused("PATCH", &format!("/api/v1/nodes/{own}"), &json!({"spec": {"unschedulable": true}})).await,
        ),
    ];
    for node in [&own, &other] {
        admin.send("DELETE", &format!("/api/v1/nodes/{node}"), &Value::Null).await;
    }
    server.take_down("condition").await;
    for (what, words) in refusals {
        println!("{what}: {words}");
        assert!(!words.is_empty(), "{what} is allowed");
    }
}
