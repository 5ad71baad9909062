//! Raw requests to API servers, where status codes and Status objects are what is tested; and the real server that `KUBECONFIG`
//! names, with the manifests of `deploy` under names of the test's own.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

const FORBIDDEN: u16 = 403;
/// A new policy is in force after about a second.
const TRIES: usize = 100;

/// A real API server, with manifests under names of the test's own.
pub(crate) struct Server {
    config: Config,
    kubeconfig: PathBuf,
    /// What every name begins with, and the namespace.
    pub(crate) name: String,
}

impl Server {
    /// The one that is named, for this test; says so if none is.
    pub(crate) async fn named(test: &str) -> Option<Self> {
        let Some(path) = std::env::var_os("KUBECONFIG") else {
            crate::skipped(test, "KUBECONFIG names no API server");
            return None;
        };
        let kubeconfig = PathBuf::from(path);
        let config = config(&kubeconfig).await;
        Some(Self { config, kubeconfig, name: format!("kubewhy-test-{:08x}", fastrand::u32(..)) })
    }

    /// Whoever the kubeconfig names.
    pub(crate) fn admin(&self) -> Caller {
        Caller(Client::try_from(self.config.clone()).unwrap())
    }

    /// The agent, with a token that names this node, or none.
    pub(crate) fn agent(&self, node: Option<&str>) -> Caller {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{}:kubewhy", self.name));
        config.auth_info.impersonate_groups = Some(vec!["system:serviceaccounts".to_owned()]);
        let extra = node.map(|node| ("authentication.kubernetes.io/node-name".to_owned(), vec![node.to_owned()]));
        config.auth_info.impersonate_user_extra = Some(BTreeMap::from_iter(extra).into_iter().collect());
        Caller(Client::try_from(config).unwrap())
    }

    /// A file of `deploy` under the test's names.
    pub(crate) fn object(&self, file: &str) -> Value {
        let text = std::fs::read_to_string(deployed(file)).unwrap();
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

    /// What of a folder is put up, and the paths of its kinds.
    fn objects(&self, folder: &str) -> Vec<(&'static str, Value)> {
        let files = FILES.iter().map(|(file, path)| (format!("{folder}/{file}.yaml"), *path));
        files.filter(|(file, _)| deployed(file).exists()).map(|(file, path)| (path, self.object(&file))).collect()
    }

    /// Puts up one folder's role, and its policy if it has one.
    pub(crate) async fn put_up(&self, folder: &str) {
        for (path, object) in self.objects(folder) {
            self.admin().allowed("POST", path, &object).await;
        }
    }

    /// Takes it down.
    pub(crate) async fn take_down(&self, folder: &str) {
        for (path, object) in self.objects(folder) {
            let name = object["metadata"]["name"].as_str().unwrap();
            self.admin().send("DELETE", &format!("{path}/{name}"), &Value::Null).await;
        }
    }

    /// Makes the test's namespace.
    pub(crate) async fn open(&self) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}});
        self.admin().allowed("POST", "/api/v1/namespaces", &namespace).await;
    }

    /// Deletes the test's namespace, and what is in it where nobody else does.
    pub(crate) async fn close(&self) {
        for tail in ["/events", "/pods?gracePeriodSeconds=0", "/serviceaccounts", ""] {
            self.admin().send("DELETE", &format!("/api/v1/namespaces/{}{tail}", self.name), &Value::Null).await;
        }
    }

    /// A token of a service account of the test's namespace, bound to a pod if one is given: then it names that pod's node.
    pub(crate) async fn token(&self, account: &str, pod: Option<&Value>) -> String {
        let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", self.name);
        let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
        self.admin().send("POST", &accounts, &object).await;
        let bound = pod.map(|pod| json!({"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}));
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"audiences": [], "boundObjectRef": bound},
        });
        let answer = self.admin().allowed("POST", &format!("{accounts}/{account}/token"), &request).await;
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Writes a kubeconfig that names this server and that token.
    pub(crate) fn kubeconfig(&self, token: &str, dir: &Path) -> PathBuf {
        let mut config = serde_json::to_value(Kubeconfig::read_from(&self.kubeconfig).unwrap()).unwrap();
        for user in config["users"].as_array_mut().unwrap() {
            user["user"] = json!({ "token": token });
        }
        let path = dir.join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

/// A file of `deploy`.
pub(crate) fn deployed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

/// Does the test and then cleans up, however the test ended.
pub(crate) async fn finally<T>(test: impl Future<Output = T>, clean_up: impl Future<Output = ()>) -> T {
    let outcome = AssertUnwindSafe(test).catch_unwind().await;
    clean_up.await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// What is put up of a folder, and where.
const FILES: [(&str, &str); 4] = [
    ("clusterrole", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ("clusterrolebinding", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("policy", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"),
    ("policybinding", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"),
];

/// The current context of a kubeconfig.
pub(crate) async fn config(kubeconfig: &Path) -> Config {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap()
}

/// One who asks.
pub(crate) struct Caller(pub(crate) Client);

impl Caller {
    /// Sends a body; a PATCH is a strategic merge patch.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let kind = if method == "PATCH" { "application/strategic-merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.0.send(request.body(kube::client::Body::from(body)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Tries until the policy is in force, then says what is refused, and with what words.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        for _ in 0..TRIES {
            let (code, answer) = self.send(method, path, body).await;
            if code == FORBIDDEN {
                return answer["message"].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        String::new()
    }

    /// Sends what must be accepted, and hands back the answer.
    pub(crate) async fn allowed(&self, method: &str, path: &str, body: &Value) -> Value {
        let (code, answer) = self.send(method, path, body).await;
        assert!((200..300).contains(&code), "{method} {path}: {code} {}", answer["message"]);
        answer
    }
}
