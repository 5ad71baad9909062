//! The observer of sandboxes in the making before a containerd of each kind, and before another runtime.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::sandbox::{StoreListRequest, StoreListResponse};
use containerd_client::services::v1::{Container, ListContainersRequest, ListContainersResponse};
use containerd_client::types::Sandbox;
use kubewhy::client::containerd::Containerd;
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::ids::PodUid;
use kubewhy::model::making::{SandboxRecord, Step};
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::settings::Timing;
use kubewhy::observe::Pace;
use kubewhy::observe::containerd::sandboxes::SandboxObserver;
use prost::Message;
use prost_types::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::fake_runtime::{FakeRuntime, answer, containerd};

const STORE: &str = "sandbox.v1.Store/List";
const CONTAINERS: &str = "containers.v1.Containers/List";
const SOON: Duration = Duration::from_millis(10);
const NEVER: Duration = Duration::from_secs(20);

struct Scene {
    _folder: tempfile::TempDir,
    fake: FakeRuntime,
    seen: mpsc::Receiver<Observation>,
    awaited: watch::Sender<Arc<[PodUid]>>,
}

impl Scene {
    fn start(name: &str, version: &str, set_up: impl FnOnce(&FakeRuntime)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("runtime.sock");
        let fake = FakeRuntime::containerd(&socket);
        fake.is_called(name, version);
        set_up(&fake);
        let clock = Clock::start();
        let cri = Cri::new(Endpoint::Given(socket), clock, Deadlines::default());
        let (awaited, pods) = watch::channel(Arc::default());
        let pace = Pace::new(watch::channel(true).1, &Timing { busy: SOON, calm: SOON, ..Timing::default() }, clock);
        let observer = SandboxObserver { containerd: Containerd::new(&cri), awaited: pods, pace, clock };
        let (out, seen) = mpsc::channel(64);
        tokio::spawn(observer.run(out, CancellationToken::new()));
        Self { _folder: folder, fake, seen, awaited }
    }

    async fn next(&mut self) -> Result<Vec<SandboxRecord>, String> {
        self.awaited.send_replace(["0ef6-09", "not plain\""].map(PodUid::new).into());
        match tokio::time::timeout(NEVER, self.seen.recv()).await.expect("it is seen in the end").unwrap().seen {
            Seen::SandboxRecords(records) => records,
            other => panic!("no records but {other:?}"),
        }
    }
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn stored(id: &str, more: &str) -> Sandbox {
    let json = format!(
        r#"{{"Version":"v1","Metadata":{{"ID":"{id}","Config":{{"metadata":{{"name":"cart","uid":"0ef6-09","namespace":"shop"}},"labels":{{"a":"b"}}}}{more}}}}}"#
    );
    let kept = prost_types::Any { type_url: "x".into(), value: json.into_bytes() };
    Sandbox {
        sandbox_id: id.into(),
        created_at: at(100),
        extensions: HashMap::from([("metadata".to_owned(), kept)]),
        ..Sandbox::default()
    }
}

#[tokio::test]
async fn the_store_of_containerd_two_tells_each_sandbox_s_pod_age_and_step() {
    let list = vec![
        stored("a", r#","NetNSPath":"""#),
        stored("b", r#","NetNSPath":"/run/netns/cni-1","CNIResult":null"#),
        stored("c", r#","NetNSPath":"/run/netns/cni-2","CNIResult":{"Interfaces":{}}"#),
        Sandbox { sandbox_id: "another's".into(), ..Sandbox::default() },
    ];
    let mut scene = Scene::start("containerd", "v2.1.9", |fake| {
        fake.on(&containerd(STORE), answer(&StoreListResponse { list }));
    });
    let records = scene.next().await.unwrap();
    let told: Vec<_> =
        records.iter().map(|r| (&*r.id, r.pod.as_str(), r.created.as_second(), r.step.unwrap())).collect();
    let pod = "0ef6-09";
    assert_eq!(told, [("a", pod, 100, Step::Begun), ("b", pod, 100, Step::Network), ("c", pod, 100, Step::Start)]);
    let asked = &scene.fake.asked(&containerd(STORE))[0];
    assert_eq!(asked.headers["containerd-namespace"], "k8s.io");
    let question = StoreListRequest::decode(&*asked.message).unwrap();
    assert_eq!(question.filters, [r#"labels.name~="_0ef6-09_""#]);
}

#[tokio::test]
async fn containerd_one_tells_them_as_containers() {
    let labels = [("io.cri-containerd.kind", "sandbox"), ("io.kubernetes.pod.uid", "0ef6-09")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let record = Container { id: "a".into(), labels: labels.into(), created_at: at(100), ..Container::default() };
    let mut scene = Scene::start("containerd", "1.7.24~ds1", |fake| {
        fake.on(&containerd(CONTAINERS), answer(&ListContainersResponse { containers: vec![record] }));
    });
    let records = scene.next().await.unwrap();
    assert_eq!((&*records[0].id, records[0].pod.as_str(), records[0].step), ("a", "0ef6-09", None));
    let question = ListContainersRequest::decode(&*scene.fake.asked(&containerd(CONTAINERS))[0].message).unwrap();
    let filter = r#"labels."io.cri-containerd.kind"==sandbox,labels."io.kubernetes.pod.uid"=="0ef6-09""#;
    assert_eq!(question.filters, [filter]);
}

#[tokio::test]
async fn no_record_on_an_old_containerd_proves_nothing_and_another_runtime_shows_none() {
    let nothing = |fake: &FakeRuntime| fake.on(&containerd(CONTAINERS), answer(&ListContainersResponse::default()));
    let mut old = Scene::start("containerd", "1.6.4", nothing);
    assert_eq!(old.next().await.unwrap_err(), "containerd 1.6 may record a sandbox only after its network");
    let mut newer = Scene::start("containerd", "1.7.1", nothing);
    assert!(newer.next().await.unwrap().is_empty());
    let mut another = Scene::start("cri-o", "1.37.0", nothing);
    assert_eq!(another.next().await.unwrap_err(), "the runtime is cri-o, only containerd shows this");
}

#[tokio::test]
async fn nothing_is_asked_while_nobody_waits() {
    let mut scene = Scene::start("containerd", "2.1.9", |fake| {
        fake.on(&containerd(STORE), answer(&StoreListResponse::default()));
    });
    tokio::time::sleep(20 * SOON).await;
    assert!(scene.fake.asked(&containerd(STORE)).is_empty());
    assert!(scene.next().await.unwrap().is_empty());
    assert_eq!(scene.fake.asked(&containerd(STORE)).len(), 1);
}
