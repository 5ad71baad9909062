//! `kubewhy status` as a shell sees it: without an agent, with the API of one, with a whole agent, and with one agent after
//! another.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kubewhy::clock::Clock;
use kubewhy::diagnose::explain;
use kubewhy::model::Time;
use kubewhy::model::ids::{PodId, PodUid};
use kubewhy::model::snapshot::{Snapshot, Start};
use kubewhy::model::stage::Stage;
use kubewhy::serve::api::{self, Sources, wire};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fake_runtime::FakeRuntime;

fn command(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubewhy"));
    command.arg("status").args(args).env_clear().env("KUBEWHY_API_SOCKET", socket);
    command
}

async fn status(socket: &Path, args: &[&str]) -> Output {
    tokio::process::Command::from(command(socket, args)).output().await.unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The API of an agent, without the agent.
struct Api {
    publish: watch::Sender<Arc<Snapshot>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Api {
    async fn at(socket: &Path, node: Snapshot) -> Self {
        let (publish, snapshots) = watch::channel(Arc::new(node));
        let (clock, stop) = (Clock::starting_at(Time::UNIX_EPOCH), CancellationToken::new());
        let sources = Sources { clock, snapshots, explain: explain::explain };
        let serving = tokio::spawn(api::serve(socket.to_owned(), sources, stop.clone()));
        until(|| socket.exists()).await;
        Self { publish, stop, serving }
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn start(namespace: &str, name: &str) -> Start {
    Start {
        pod: PodId { uid: PodUid::new(&format!("{namespace}-{name}")), namespace: namespace.into(), name: name.into() },
        began: Time::UNIX_EPOCH,
        arrived: None,
        stage: Stage::Volumes,
        since: Time::UNIX_EPOCH,
        container: None,
        waits_for: "volume data".to_owned(),
        trouble: None,
        spans: Vec::new(),
    }
}

fn node(starts: Vec<Start>) -> Snapshot {
    Snapshot {
        at: Time::UNIX_EPOCH,
        node: "node-7".into(),
        runtime: String::new(),
        node_troubles: Vec::new(),
        starts,
        pulls: Vec::new(),
        pulls_unseen: None,
        sets: Vec::new(),
    }
}

#[tokio::test]
async fn where_no_agent_runs_it_says_what_it_tried_and_what_to_do_and_ends_with_69() {
    let dir = tempfile::tempdir().unwrap();
    let stale = dir.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    for (socket, why) in [(dir.path().join("absent"), "there is no such socket"), (stale, "nobody listens")] {
        for args in [&[][..], &["--watch"], &["-o", "json"], &["shop/cart"]] {
            let output = status(&socket, args).await;
            let said = words(&output.stderr);
            assert_eq!((output.status.code(), words(&output.stdout).as_str()), (Some(69), ""), "{said}");
            assert!(said.contains(&format!("no agent answers at {} ({why})", socket.display())), "{said}");
            assert!(said.contains("kubewhy run") && said.contains("kubectl -n kubewhy exec"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_table_a_timeline_and_json_without_a_colour_in_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let _api = Api::at(&socket, node(vec![start("shop", "cart"), start("test", "cart")])).await;
    let table = words(&status(&socket, &[]).await.stdout);
    assert!(table.starts_with("node-7\n") && table.contains("shop/cart  Volumes"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
    let timeline = words(&status(&socket, &["test/cart"]).await.stdout);
    assert!(timeline.starts_with("test/cart on node-7") && timeline.contains("volume data"), "{timeline}");
    let json: serde_json::Value = serde_json::from_slice(&status(&socket, &["-o", "json"]).await.stdout).unwrap();
    assert_eq!(
        (&json["starts"][1]["pod"]["namespace"], &json["starts"][1]["stage"]),
        (&"test".into(), &"Volumes".into())
    );
}

#[tokio::test]
async fn a_name_that_is_not_enough_or_not_known_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let _api = Api::at(&socket, node(vec![start("shop", "cart"), start("test", "cart")])).await;
    let ambiguous = status(&socket, &["cart"]).await;
    assert_eq!(ambiguous.status.code(), Some(1));
    assert!(words(&ambiguous.stderr).contains("cart is ambiguous: shop/cart, test/cart"), "{ambiguous:?}");
    let unknown = status(&socket, &["carrt"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(words(&unknown.stderr).contains("no start of carrt is known here"), "{unknown:?}");
}

struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

fn watching(socket: &Path, args: &[&str]) -> Watching {
    let mut command = tokio::process::Command::from(command(socket, args));
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    Watching { child, lines }
}

impl Watching {
    async fn line(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(30), self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn names(&mut self) -> Vec<String> {
        let document: serde_json::Value = serde_json::from_str(&self.line().await).unwrap();
        let starts = document["starts"].as_array().unwrap().clone();
        starts.iter().map(|start| start["pod"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_watch_goes_on_with_the_next_agent_and_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let first = Api::at(&socket, node(Vec::new())).await;
    let mut watching = watching(&socket, &["--watch", "-o", "json"]);
    assert_eq!(watching.names().await, Vec::<String>::new());
    first.publish.send_replace(Arc::new(node(vec![start("shop", "cart")])));
    assert_eq!(watching.names().await, ["cart"]);
    first.end().await;
    let _second = Api::at(&socket, node(vec![start("shop", "web")])).await;
    assert_eq!(watching.names().await, ["web"]);
    let pid = rustix::process::Pid::from_raw(i32::try_from(watching.child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_watch_in_a_pipe_writes_whole_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let _api = Api::at(&socket, node(vec![start("shop", "cart")])).await;
    let mut watching = watching(&socket, &["--watch"]);
    assert_eq!(watching.line().await, "node-7");
    let mut seen = 1;
    while seen < 2 {
        seen += usize::from(watching.line().await == "node-7");
    }
}

#[tokio::test]
async fn an_agent_serves_its_state_and_explains_and_takes_its_socket_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("api/kubewhy.sock");
    let containerd = dir.path().join("containerd.sock");
    let _runtime = FakeRuntime::containerd(&containerd);
    let mut agent = agent(dir.path(), &containerd, &socket);
    until(|| socket.exists()).await;
    let told = words(&status(&socket, &[]).await.stdout);
    assert!(told.starts_with("node-7") && told.contains("No pod is starting."), "{told}");
    let explained = explain_at(socket.clone(), "ErrImagePull: manifest unknown").await;
    assert_eq!((explained.cause.as_str(), explained.stage()), ("ImageNotFound", wire::Stage::ImagePull));
    let pid = rustix::process::Pid::from_raw(i32::try_from(agent.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(agent.wait().await.unwrap().code(), Some(0));
    assert!(!socket.exists());
    assert_eq!(status(&socket, &[]).await.status.code(), Some(69));
}

fn agent(dir: &Path, containerd: &Path, socket: &Path) -> Child {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubewhy"));
    command.args(["run", "--standalone", "--node-name", "node-7", "--health-address", "127.0.0.1:0"]);
    command.arg("--state-dir").arg(dir.join("state")).arg("--runtime-endpoint").arg(containerd);
    command.arg("--api-socket").arg(socket).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn().unwrap()
}

async fn explain_at(socket: PathBuf, message: &str) -> wire::Explanation {
    let connector = tower::service_fn(move |_: http::Uri| {
        let socket = socket.clone();
        async move { tokio::net::UnixStream::connect(socket).await.map(hyper_util::rt::TokioIo::new) }
    });
    let endpoint = tonic::transport::Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    let question = wire::ExplainRequest { message: message.to_owned(), reason: String::new() };
    let answer = wire::node_client::NodeClient::new(channel).explain(question).await.unwrap();
    answer.into_inner().explanation.unwrap()
}
