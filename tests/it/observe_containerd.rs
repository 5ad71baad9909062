//! The observer of pulls before a containerd that pulls an image, before one that refuses, and before another runtime.

use std::collections::HashMap;
use std::time::Duration;

use containerd_client::services::v1::{
    Info, InfoRequest, InfoResponse, Lease, ListResourcesRequest, ListResourcesResponse, ListResponse,
    ListStatusesResponse, ReadContentResponse, Resource, Status as Ingest,
};
use kubewhy::client::containerd::Containerd;
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::pull::Pull;
use kubewhy::model::settings::Timing;
use kubewhy::observe::Pace;
use kubewhy::observe::containerd::ContainerdObserver;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, containerd};

const SOON: Duration = Duration::from_millis(10);
const NEVER: Duration = Duration::from_secs(20);
const MANIFEST: &[u8] = br#"{"layers":[{"digest":"sha256:aa","size":100},{"digest":"sha256:bb","size":300}]}"#;
const STATUSES: &str = "content.v1.Content/ListStatuses";

struct Scene {
    _folder: tempfile::TempDir,
    fake: FakeRuntime,
    seen: mpsc::Receiver<Observation>,
    _engine: watch::Sender<bool>,
}

impl Scene {
    fn start(set_up: impl FnOnce(&FakeRuntime)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("containerd.sock");
        let fake = FakeRuntime::containerd(&socket);
        set_up(&fake);
        let clock = Clock::start();
        let cri = Cri::new(Endpoint::Given(socket), clock, Deadlines::default());
        let (engine, look) = watch::channel(false);
        let pace = Pace::new(look, &Timing { busy: SOON, calm: SOON, ..Timing::default() }, clock);
        let observer = ContainerdObserver::new(Containerd::new(&cri), clock, pace);
        let (out, seen) = mpsc::channel(64);
        tokio::spawn(observer.run(out, CancellationToken::new()));
        Self { _folder: folder, fake, seen, _engine: engine }
    }

    async fn next(&mut self) -> Seen {
        tokio::time::timeout(NEVER, self.seen.recv()).await.expect("it is seen in the end").unwrap().seen
    }

    async fn pulls(&mut self) -> Vec<Pull> {
        match self.next().await {
            Seen::Pulls(pulls) => pulls,
            other => panic!("no pulls but {other:?}"),
        }
    }
}

fn pulling(fake: &FakeRuntime) {
    let writing = Ingest { r#ref: "layer-sha256:bb".into(), offset: 150, total: 300, ..Default::default() };
    fake.on(&containerd(STATUSES), answer(&ListStatusesResponse { statuses: vec![writing] }));
    let labels = HashMap::from([("containerd.io/gc.expire".into(), "2026-01-01T00:00:00Z".into())]);
    let lease = Lease { id: "171-abcd".into(), labels, created_at: None };
    fake.on(&containerd("leases.v1.Leases/List"), answer(&ListResponse { leases: vec![lease] }));
    fake.on(&containerd("leases.v1.Leases/ListResources"), by(resources));
    fake.on(&containerd("content.v1.Content/Info"), by(info));
    fake.on(
        &containerd("content.v1.Content/Read"),
        answer(&ReadContentResponse { offset: 0, data: MANIFEST.to_vec() }),
    );
}

fn resources(asked: ListResourcesRequest) -> Result<ListResourcesResponse, Status> {
    assert_eq!(asked.id, "171-abcd");
    let held = [("content", "sha256:11"), ("ingests", "layer-sha256:bb")];
    let resources = held.map(|(kind, id)| Resource { r#type: kind.into(), id: id.into() }).into();
    Ok(ListResourcesResponse { resources })
}

/// The manifest and the first layer are in the store.
fn info(asked: InfoRequest) -> Result<InfoResponse, Status> {
    if !["sha256:11", "sha256:aa"].contains(&&*asked.digest) {
        return Err(Status::not_found("content not found"));
    }
    let labels = HashMap::from([("containerd.io/distribution.source.reg.io".into(), "team/app".into())]);
    let info = Info { digest: asked.digest, size: 100, labels, ..Default::default() };
    Ok(InfoResponse { info: Some(info) })
}

#[tokio::test]
async fn a_pull_under_way_is_seen_with_its_repository_and_all_its_layers() {
    let mut scene = Scene::start(pulling);
    let pull = scene.pulls().await.remove(0);
    assert_eq!((pull.done(), pull.total()), (250, Some(400)));
    assert_eq!(*pull.repositories[0], *"reg.io/team/app");
    for _ in 0..10 {
        scene.pulls().await;
    }
    assert_eq!(scene.fake.asked(&containerd("content.v1.Content/Read")).len(), 1);
}

#[tokio::test]
async fn what_is_written_under_no_lease_is_no_pull() {
    let mut scene = Scene::start(|fake| {
        pulling(fake);
        fake.on(&containerd("leases.v1.Leases/List"), Reply::Answer(vec![Vec::new()]));
    });
    assert!(scene.pulls().await.is_empty());
}

#[tokio::test]
async fn while_nothing_is_written_and_nobody_waits_leases_are_left_alone() {
    let mut scene = Scene::start(|fake| fake.on(&containerd(STATUSES), Reply::Answer(vec![Vec::new()])));
    assert!(scene.pulls().await.is_empty());
    assert!(scene.fake.asked(&containerd("leases.v1.Leases/List")).is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_once_and_pulls_are_seen_again_after_it() {
    let mut scene = Scene::start(|fake| fake.on(&containerd(STATUSES), Reply::Fail(Code::Unavailable, "starting")));
    let refused = Seen::PullsUnseen("rpc error: code = Unavailable desc = starting".into());
    assert_eq!(scene.next().await, refused);
    while scene.fake.asked(&containerd(STATUSES)).len() < 5 {
        tokio::task::yield_now().await;
    }
    pulling(&scene.fake);
    assert_eq!(scene.pulls().await.len(), 1);
}

#[tokio::test]
async fn another_runtime_is_said_to_show_no_pulls() {
    let mut scene = Scene::start(|fake| fake.is_called("cri-o", "1.33.0"));
    let Seen::PullsUnseen(text) = scene.next().await else { panic!("something else") };
    assert!(text.contains("cri-o"), "{text}");
}
