//! The API servers under test, each with a node, a pod and a static pod of the test's own; and a real kubectl to look at them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kube::Client;
use kubewhy::model::diagnosis::Subject;
use kubewhy::observe::apiserver::recorded;
use kubewhy_lab::apiserver::{ApiServer, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{Caller, config, finally};

/// The hash of the static pod's manifest: the UID by which its node knows it.
pub(super) const MANIFEST: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
/// A real server makes the namespace's service account a moment after the namespace, and refuses pods until then.
const TRIES: usize = 50;

/// One of them.
pub(super) struct Server {
    caller: Caller,
    /// The test's namespace.
    pub(super) space: String,
    /// The test's node.
    pub(super) node: String,
    pub(super) kubeconfig: PathBuf,
    pub(super) dir: TempDir,
    /// It is not the double.
    pub(super) is_real: bool,
    _double: Option<ApiServer>,
}

/// Runs a test against each server there is, the double first, and leaves nothing on it.
pub(super) async fn each(test: impl AsyncFn(&Server)) {
    if std::process::Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        return crate::skipped("what kubectl shows", "there is no kubectl");
    }
    let double = ApiServer::start(Options::default()).await.unwrap();
    let real = std::env::var_os("KUBECONFIG").map(PathBuf::from);
    let mut servers = vec![Server::over(Some(double), None).await];
    if real.is_some() {
        servers.push(Server::over(None, real).await);
    }
    for server in servers {
        finally(test(&server), server.clean_up()).await;
    }
}

impl Server {
    async fn over(double: Option<ApiServer>, real: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let is_real = real.is_some();
        let kubeconfig = real.unwrap_or_else(|| dir.path().join("kubeconfig"));
        if let Some(double) = &double {
            double.kubeconfig(&kubeconfig).unwrap();
        }
        let caller = Caller(Client::try_from(config(&kubeconfig).await).unwrap());
        let space = format!("kubewhy-kubectl-{:08x}", fastrand::u32(..));
        let server = Self { caller, node: format!("{space}-node"), space, kubeconfig, dir, is_real, _double: double };
        let named = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        server.caller.allowed("POST", "/api/v1/namespaces", &named("Namespace", &server.space)).await;
        server.caller.allowed("POST", "/api/v1/nodes", &named("Node", &server.node)).await;
        server
    }

    /// A path in the test's namespace.
    pub(super) fn path(&self, tail: &str) -> String {
        format!("/api/v1/namespaces/{}/{tail}", self.space)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.caller.allowed("GET", path, &Value::Null).await
    }

    pub(super) fn client(&self) -> Client {
        self.caller.0.clone()
    }

    /// The test's node, as the agent takes it from the API server.
    pub(super) async fn node(&self) -> Subject {
        Subject::Node(recorded::node(self.get(&format!("/api/v1/nodes/{}", self.node)).await).unwrap().id)
    }

    /// A pod on the test's node, as the agent takes it from the API server.
    pub(super) async fn pod(&self, name: &str) -> Subject {
        self.bound(name, json!({"name": name})).await
    }

    /// The mirror of a pod that the node has from a file (Kubernetes: pkg/kubelet/pod/mirror_client.go).
    pub(super) async fn static_pod(&self, name: &str) -> Subject {
        let node = self.get(&format!("/api/v1/nodes/{}", self.node)).await;
        let owner = json!({"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": node["metadata"]["uid"], "controller": true});
        let marks = json!({
            "kubernetes.io/config.mirror": MANIFEST, "kubernetes.io/config.hash": MANIFEST, "kubernetes.io/config.source": "file",
        });
        self.bound(name, json!({"name": name, "annotations": marks, "ownerReferences": [owner]})).await
    }

    async fn bound(&self, name: &str, metadata: Value) -> Subject {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"nodeName": self.node, "containers": [{"name": "web", "image": "registry.invalid/web"}],
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0},
        });
        for _ in 0..TRIES {
            let (code, made) = self.caller.send("POST", &self.path("pods"), &pod).await;
            if code == 201 {
                return Subject::Pod(recorded::pod(made).unwrap().id);
            }
            assert_eq!(code, 403, "{name}: {made}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("no pod {name} within 10 s");
    }

    /// What kubectl says; a test with `--nocapture` shows it.
    pub(super) async fn kubectl(&self, arguments: &[&str]) -> String {
        let output = tokio::process::Command::new("kubectl")
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .arg(format!("--cache-dir={}", self.dir.path().join("cache").display()))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        eprintln!("{} $ kubectl {}\n{said}", if self.is_real { "real" } else { "double" }, arguments.join(" "));
        said
    }

    /// Likewise, of the test's namespace.
    pub(super) async fn kubectl_here(&self, arguments: &[&str]) -> String {
        self.kubectl(&[arguments, &["-n", &self.space]].concat()).await
    }

    async fn clean_up(&self) {
        let about = format!("involvedObject.name={}", self.node);
        for path in [
            self.path("events"),
            self.path("pods?gracePeriodSeconds=0"),
            format!("/api/v1/namespaces/default/events?fieldSelector={about}"),
            format!("/api/v1/nodes/{}", self.node),
            format!("/api/v1/namespaces/{}", self.space),
        ] {
            self.caller.allowed("DELETE", &path, &Value::Null).await;
        }
    }
}

/// The rows of the table that begins after this title, or with the text; cells stand two blanks apart.
pub(super) fn rows(text: &str, title: &str) -> Vec<Vec<String>> {
    let table = text.split_once(title).unwrap_or_else(|| panic!("no {title:?} in {text}")).1;
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let is_rule = |line: &&str| line.trim().chars().all(|c| c == '-' || c == ' ');
    table.lines().skip(1).filter(|line| !is_rule(line)).map(cells).collect()
}
