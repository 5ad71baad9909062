//! The real `kubewhy run` as a process, over a runtime that is well and has nothing to do: for what stands between an agent and
//! the API server. A whole node is the lab's (`tests/e2e`).

use std::path::Path;
use std::time::Duration;

use k8s_cri::v1::{RuntimeCondition, RuntimeStatus, StatusResponse};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tonic::Code;

use super::fake_runtime::{FakeRuntime, Reply, answer, runtime};

/// What is waited for comes within this time, or not at all.
const SOON: Duration = Duration::from_secs(120);
const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s, nodeCondition: false}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, clear: 2s, restartQuiet: 1s, askEvents: 2s, askAgain: 10s}
";

/// One that runs.
pub(crate) struct Agent {
    process: Child,
    metrics: u16,
    dir: TempDir,
    runtime: FakeRuntime,
}

impl Agent {
    /// Starts one on that node with a state directory of its own; `flags` are its own besides.
    pub(crate) fn start(node: &str, kubeconfig: &Path, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let fake = FakeRuntime::containerd(&path("cri"));
        let well = ["RuntimeReady", "NetworkReady"].map(condition);
        let status = RuntimeStatus { conditions: well.into() };
        fake.on(&runtime("Status"), answer(&StatusResponse { status: Some(status), ..StatusResponse::default() }));
        std::fs::write(path("config"), CONFIG).unwrap();
        let metrics = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubewhy"));
        command.args(["run", "--node-name", node, "--log-format", "text", "--health-address", "127.0.0.1:0"]);
        command.args(["--metrics-address", &format!("127.0.0.1:{metrics}")]).args(flags);
        command.arg("--kubeconfig").arg(kubeconfig);
        for (flag, name) in [
            ("--config", "config"),
            ("--state-dir", "state"),
            ("--host-root", "host"),
            ("--api-socket", "api"),
            ("--runtime-endpoint", "cri"),
        ] {
            command.arg(flag).arg(path(name));
        }
        let [log, lines] = ["log", "lines"].map(|name| std::fs::File::create(path(name)).unwrap());
        command.env_clear().stdout(lines).stderr(log).kill_on_drop(true);
        Self { process: command.spawn().unwrap(), metrics, dir, runtime: fake }
    }

    /// From now on its runtime refuses to list containers.
    pub(crate) fn break_runtime(&self) {
        self.runtime.on(&runtime("ListContainers"), Reply::Fail(Code::Internal, "out of order"));
    }

    /// Everything it has logged by now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Everything it has written to stdout by now.
    pub(crate) fn lines(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("lines")).unwrap()
    }

    /// The status and the body of its metrics, for one who brings this token or none.
    pub(crate) async fn metrics(&self, token: Option<&str>) -> Option<(u16, String)> {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.metrics)).await.ok()?;
        let bearer = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!("GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n{bearer}\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let code = answer.split(' ').nth(1)?.parse().ok()?;
        Some((code, answer))
    }

    /// Asks again and again until there is an answer; its log is in the failure.
    pub(crate) async fn until<T>(&self, what: &str, mut asked: impl AsyncFnMut() -> Option<T>) -> T {
        let asking = async {
            loop {
                if let Some(answer) = asked().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let answered = tokio::time::timeout(SOON, asking).await;
        answered.unwrap_or_else(|_| panic!("not in time: {what}\n{}", self.log()))
    }

    /// Ends it as the kubelet would.
    pub(crate) async fn stop(mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.process.id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().await.unwrap().success(), "{}", self.log());
    }
}

/// A pod of that node whose image does not exist, as its kubelet says.
pub(crate) fn without_image(node: &str) -> Value {
    let image = "r.example.com/shop/cart:2";
    let message = format!(
        "Back-off pulling image \"{image}\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \
         \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
    );
    let waiting = json!({"reason": "ImagePullBackOff", "message": message});
    let status = json!({
        "name": "web", "image": image, "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": waiting},
    });
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"nodeName": node, "containers": [{"name": "web", "image": image}]},
        "status": {"phase": "Pending", "startTime": "2026-11-21T03:00:00Z", "containerStatuses": [status]},
    })
}

fn condition(kind: &str) -> RuntimeCondition {
    RuntimeCondition { r#type: kind.to_owned(), status: true, ..RuntimeCondition::default() }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
