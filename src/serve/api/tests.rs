//! The API over a real socket: what it answers, how little a slow reader costs, how it ends.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use super::*;
use crate::clock::Clock;
use crate::model::Time;
use crate::model::explanation::Explanation;
use crate::model::snapshot::Snapshot;
use wire::node_client::NodeClient;
use wire::{ExplainRequest, SnapshotRequest, WatchRequest, WatchResponse};

struct Rig {
    dir: TempDir,
    publish: watch::Sender<Arc<Snapshot>>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// A node whose runtime is called so.
fn node(runtime: String) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        at: Time::UNIX_EPOCH,
        node: "node-7".into(),
        runtime,
        node_troubles: Vec::new(),
        starts: Vec::new(),
        pulls: Vec::new(),
        pulls_unseen: None,
        sets: Vec::new(),
    })
}

fn echo(message: &str, reason: Option<&str>) -> Explanation {
    Explanation {
        cause: "Echo",
        confidence: "observed",
        summary: "",
        sentence: reason.unwrap_or("no reason").to_owned(),
        advice: String::new(),
        steps: &["one", "two"],
        rules_out: "",
        mends: "",
        stage: None,
        owner: "App",
        facts: [("image", "x".to_owned())].into(),
        also: Vec::new(),
        evidence: Vec::new(),
        good_news: false,
        message: message.to_owned(),
    }
}

impl Rig {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (publish, snapshots) = watch::channel(node("containerd 2.1.4".to_owned()));
        let stop = CancellationToken::new();
        let sources = Sources { clock: Clock::starting_at(Time::UNIX_EPOCH), snapshots, explain: echo };
        let serving = tokio::spawn(serve(dir.path().join("s"), sources, stop.clone()));
        let rig = Self { dir, publish, stop, serving };
        while !rig.socket().exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rig
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    async fn client(&self) -> NodeClient<Channel> {
        let path = self.socket();
        let connector = tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://localhost").initial_stream_window_size(65_535);
        NodeClient::new(endpoint.connect_with_connector(connector).await.unwrap())
    }

    async fn watch(&self) -> Streaming<WatchResponse> {
        self.client().await.watch(WatchRequest {}).await.unwrap().into_inner()
    }
}

fn runtime(of: Option<WatchResponse>) -> String {
    of.unwrap().state.unwrap().runtime
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_the_newest_and_says_what_time_it_is_here() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    rig.publish.send_replace(node("containerd 2.2.0".to_owned()));
    tokio::time::advance(Duration::from_secs(40)).await;
    let answer = client.snapshot(SnapshotRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.state.unwrap().runtime, "containerd 2.2.0");
    assert!(answer.now.unwrap().seconds >= 40);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_explained_within_bounds() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let mut ask = async |message: String, reason: &str| {
        let answer = client.explain(ExplainRequest { message, reason: reason.to_owned() }).await;
        answer.map(|answer| answer.into_inner().explanation.unwrap()).map_err(|status| status.code())
    };
    let told = ask("it broke".to_owned(), "Failed").await.unwrap();
    assert_eq!((told.message.as_str(), told.sentence.as_str()), ("it broke", "Failed"));
    assert_eq!((told.steps.len(), told.facts["image"].as_str()), (2, "x"));
    assert_eq!(ask("it broke".to_owned(), "").await.unwrap().sentence, "no reason");
    assert_eq!(ask(" \n".to_owned(), "").await.unwrap_err(), Code::InvalidArgument);
    assert_eq!(ask("x".repeat(MESSAGE_BYTES + 1), "").await.unwrap_err(), Code::InvalidArgument);
    assert!(ask("x".repeat(4 << 20), "").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_watches_gets_the_present_and_then_every_change() {
    let rig = Rig::start().await;
    let mut watched = rig.watch().await;
    assert_eq!(runtime(watched.message().await.unwrap()), "containerd 2.1.4");
    rig.publish.send_replace(node("a".to_owned()));
    assert_eq!(runtime(watched.message().await.unwrap()), "a");
    // Longer than any call may take, and than a client that answers no ping may stay.
    tokio::time::sleep(Duration::from_secs(300)).await;
    rig.publish.send_replace(node("b".to_owned()));
    assert_eq!(runtime(watched.message().await.unwrap()), "b");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_misses_what_is_old_and_gets_the_newest() {
    const CHANGES: usize = 500;
    let rig = Rig::start().await;
    let (mut slow, mut quick) = (rig.watch().await, rig.watch().await);
    quick.message().await.unwrap();
    for change in 1..=CHANGES {
        rig.publish.send_replace(node(format!("{change} {}", "x".repeat(32 << 10))));
        assert!(runtime(quick.message().await.unwrap()).starts_with(&format!("{change} ")), "it was held up");
    }
    let mut read = 1;
    while !runtime(slow.message().await.unwrap()).starts_with(&format!("{CHANGES} ")) {
        read += 1;
    }
    assert!(read < 50, "{read} messages were kept for it");
}

#[tokio::test(start_paused = true)]
async fn so_many_may_watch_and_who_leaves_makes_room() {
    let rig = Rig::start().await;
    let mut watching = Vec::new();
    for _ in 0..WATCHERS {
        watching.push(rig.watch().await);
    }
    let mut client = rig.client().await;
    let refused = client.watch(WatchRequest {}).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    client.snapshot(SnapshotRequest {}).await.unwrap();
    watching.pop();
    while client.watch(WatchRequest {}).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_too_many_waits_until_another_leaves() {
    let rig = Rig::start().await;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = rig.client().await;
        client.snapshot(SnapshotRequest {}).await.unwrap();
        clients.push(client);
    }
    let mut waits = rig.client().await;
    let early = timeout(Duration::from_secs(2), waits.snapshot(SnapshotRequest {})).await;
    assert!(early.is_err(), "it was let in");
    clients.pop();
    timeout(Duration::from_secs(2), waits.snapshot(SnapshotRequest {})).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_says_so_to_who_watches_and_removes_the_socket() {
    let rig = Rig::start().await;
    let mut watched = rig.watch().await;
    watched.message().await.unwrap();
    rig.stop.cancel();
    assert_eq!(watched.message().await.unwrap_err().code(), Code::Unavailable);
    drop(watched);
    timeout(Duration::from_secs(2), rig.serving).await.unwrap().unwrap();
    assert!(!rig.dir.path().join("s").exists());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_does_not_keep_it_from_ending() {
    let rig = Rig::start().await;
    rig.publish.send_replace(node("x".repeat(3 << 20)));
    let _never_read = rig.watch().await;
    rig.stop.cancel();
    timeout(Duration::from_secs(3), rig.serving).await.unwrap().unwrap();
    assert!(!rig.dir.path().join("s").exists());
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_taken_is_waited_for() {
    let rig = Rig::start().await;
    let (_keep, snapshots) = watch::channel(node("second".to_owned()));
    let sources = Sources { clock: Clock::starting_at(Time::UNIX_EPOCH), snapshots, explain: echo };
    let second = tokio::spawn(serve(rig.socket(), sources, CancellationToken::new()));
    tokio::time::sleep(Duration::from_secs(120)).await;
    let answer = rig.client().await.snapshot(SnapshotRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.state.unwrap().runtime, "containerd 2.1.4");
    rig.stop.cancel();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let answer = rig.client().await.snapshot(SnapshotRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.state.unwrap().runtime, "second");
    assert!(!second.is_finished() && rig.serving.is_finished());
}
