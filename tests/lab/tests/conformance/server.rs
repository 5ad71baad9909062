//! The servers under test, and raw requests to them: status codes and Status objects are what is tested.

use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kubewhy_lab::apiserver::{ApiServer, Options};
use serde_json::{Value, json};

/// A real server makes the namespace's service account a moment after the namespace, and refuses pods until then.
const SERVICE_ACCOUNT_TRIES: usize = 50;

/// A server and a namespace of the test's own.
pub(crate) struct Server {
    client: Client,
    /// The namespace.
    pub(crate) namespace: String,
    /// The double, where the server is one.
    pub(crate) double: Option<ApiServer>,
}

/// An answer: code and body.
pub(crate) type Answer = (u16, Value);

/// Every server there is to test, the double first.
pub(crate) async fn all() -> Vec<Server> {
    let double = ApiServer::start(Options::default()).await.unwrap();
    let config = Config::new(double.url().parse().unwrap());
    let mut servers = vec![Server::new(Client::try_from(config).unwrap(), Some(double)).await];
    if let Some(path) = std::env::var_os("KUBECONFIG") {
        let file = Kubeconfig::read_from(path).unwrap();
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        servers.push(Server::new(Client::try_from(config).unwrap(), None).await);
    }
    servers
}

impl Server {
    async fn new(client: Client, double: Option<ApiServer>) -> Self {
        let namespace = format!("kubewhy-conformance-{:08x}", fastrand::u32(..));
        let server = Self { client, namespace, double };
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": server.namespace}});
        assert_eq!(server.send("POST", "/api/v1/namespaces", &body).await.0, 201);
        server
    }

    /// The path of a resource, or of an object, in the test's namespace.
    pub(crate) fn path(&self, tail: &str) -> String {
        format!("/api/v1/namespaces/{}/{tail}", self.namespace)
    }

    /// Sends a body; a PATCH is a merge patch.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.client.send(request.body(kube::client::Body::from(body)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null).await
    }

    /// The lines of a watch, until the server ends it (`timeoutSeconds` says when).
    pub(crate) async fn watch(&self, path: &str) -> Vec<Value> {
        let request = Request::builder().uri(path).body(Vec::new()).unwrap();
        let lines = self.client.request_stream(request).await.unwrap().lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect().await
    }

    /// A pod that no scheduler and no kubelet touches: bound to a node that is not there.
    pub(crate) async fn bound_pod(&self, name: &str, node: &str) -> Value {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "registry.invalid/app"}],
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0},
        });
        let mut answer = self.send("POST", &self.path("pods"), &pod).await;
        for _ in 0..SERVICE_ACCOUNT_TRIES {
            if answer.0 != 403 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            answer = self.send("POST", &self.path("pods"), &pod).await;
        }
        assert_eq!(answer.0, 201, "{}", answer.1);
        answer.1
    }

    /// An Event on a pod of the namespace.
    pub(crate) fn event(&self, name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": self.namespace},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": self.namespace, "name": "web",
                "uid": "u-1", "fieldPath": "spec.containers{app}"},
            "type": "Warning", "reason": "ImagePullStalled", "message": "No byte for 90 s.", "count": 1,
            "firstTimestamp": "2026-08-22T10:00:00Z", "lastTimestamp": "2026-08-22T10:00:00Z",
            "source": {"component": "kubewhy", "host": "node-7"}, "reportingComponent": "kubewhy",
        })
    }

    /// Deletes the namespace with everything in it.
    pub(crate) async fn clean_up(self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        assert_eq!(self.send("DELETE", &path, &Value::Null).await.0, 200);
    }
}

/// The names of the items of a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

/// The types and names of the lines of a watch.
pub(crate) fn told(lines: &[Value]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .filter(|line| line["type"] != "BOOKMARK")
        .map(|line| (line["type"].as_str().unwrap(), line["object"]["metadata"]["name"].as_str().unwrap_or_default()))
        .collect()
}
