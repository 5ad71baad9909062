//! The CRI observer before a runtime that is well, hangs, dies and comes again. Time is real and short; what decides is
//! what is seen, not when.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_cri::v1::{
    Image, ImageStatusRequest, ImageStatusResponse, ListPodSandboxResponse, PodSandbox, PodSandboxMetadata,
};
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::runtime::{CallOutcome, FailureKind, Method};
use kubewhy::model::settings::Timing;
use kubewhy::observe::Pace;
use kubewhy::observe::cri::CriObserver;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, image, runtime};

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(20);

struct Scene {
    _folder: tempfile::TempDir,
    socket: PathBuf,
    seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
    observer: JoinHandle<()>,
    images: watch::Sender<Arc<[Arc<str>]>>,
    _engine: watch::Sender<bool>,
}

impl Scene {
    fn start(deadlines: Deadlines, room: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("runtime.sock");
        let timing = Timing { busy: SOON, calm: SOON, status: SOON, ..Timing::default() };
        let (engine, is_busy) = watch::channel(true);
        let (clock, stop) = (Clock::start(), CancellationToken::new());
        let cri = Cri::new(Endpoint::Given(socket.clone()), clock, deadlines);
        let (images, awaited) = watch::channel(Arc::default());
        let observer = CriObserver::new(cri, clock, Pace::new(is_busy, &timing, clock), awaited, &timing);
        let (out, seen) = mpsc::channel(room);
        let observer = tokio::spawn(observer.run(out, stop.clone()));
        Self { _folder: folder, socket, seen, stop, observer, images, _engine: engine }
    }

    fn with(deadlines: Deadlines) -> Self {
        Self::start(deadlines, 64)
    }

    /// The first observation from now on of which that is true.
    async fn first<T>(&mut self, wanted: impl Fn(&Seen) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(&self.seen.recv().await.expect("the observer lives").seen) {
                    return found;
                }
            }
        };
        tokio::time::timeout(NEVER, search).await.expect("it is seen in the end")
    }

    async fn first_call(&mut self, wanted: impl Fn(&CallOutcome) -> bool) {
        self.first(|seen| matches!(seen, Seen::RuntimeCall(call) if wanted(call)).then_some(())).await;
    }
}

fn failed(call: &CallOutcome, method: Method, kind: FailureKind) -> bool {
    call.method == method && call.failure.as_ref().is_some_and(|failure| failure.kind == kind)
}

fn version(seen: &Seen) -> Option<String> {
    match seen {
        Seen::RuntimeFound(runtime) => Some(runtime.version.to_string()),
        _ => None,
    }
}

fn sandboxes(seen: &Seen) -> Option<usize> {
    match seen {
        Seen::Sandboxes(list) => Some(list.len()),
        _ => None,
    }
}

fn with_one_sandbox(socket: &Path) -> FakeRuntime {
    let fake = FakeRuntime::containerd(socket);
    let metadata = PodSandboxMetadata { name: "web-0".into(), uid: "u1".into(), namespace: "prod".into(), attempt: 0 };
    let sandbox = PodSandbox { id: "s1".into(), metadata: Some(metadata), ..Default::default() };
    fake.on(&runtime("ListPodSandbox"), answer(&ListPodSandboxResponse { items: vec![sandbox] }));
    fake
}

#[tokio::test]
async fn a_runtime_that_is_well_is_found_and_shows_everything() {
    let mut scene = Scene::with(Deadlines::default());
    let fake = with_one_sandbox(&scene.socket);
    assert_eq!(scene.first(version).await, "2.1.4");
    assert_eq!(scene.first(sandboxes).await, 1);
    scene.first(|seen| matches!(seen, Seen::RuntimeStatus(_)).then_some(())).await;
    for _ in 0..20 {
        scene.first(sandboxes).await;
    }
    assert!(fake.asked(&image("ListImages")).is_empty() && fake.asked(&image("ImageStatus")).is_empty());
    assert!(fake.asked(&runtime("GetContainerEvents")).is_empty());
}

#[tokio::test]
async fn an_image_is_asked_for_once_when_a_pod_comes_to_wait_for_it() {
    let mut scene = Scene::with(Deadlines::default());
    let fake = with_one_sandbox(&scene.socket);
    let here = |question: ImageStatusRequest| {
        let image = question.image.filter(|spec| spec.image == "busybox").map(|_| Image::default());
        Ok(ImageStatusResponse { image, ..Default::default() })
    };
    fake.on(&image("ImageStatus"), by(here));
    let told = |seen: &Seen| match seen {
        Seen::Image { name, here } => Some((name.to_string(), *here)),
        _ => None,
    };
    scene.images.send_replace(["busybox".into()].into());
    assert_eq!(scene.first(told).await, ("busybox".to_owned(), true));
    scene.images.send_replace(Arc::default());
    scene.images.send_replace(["busybox".into(), "shop/cart:1".into()].into());
    assert_eq!(scene.first(told).await, ("shop/cart:1".to_owned(), false));
    for _ in 0..20 {
        scene.first(sandboxes).await;
    }
    assert_eq!(fake.asked(&image("ImageStatus")).len(), 2);
}

#[tokio::test]
async fn a_status_that_hangs_holds_up_no_list() {
    let mut scene = Scene::with(Deadlines { status: NEVER, ..Deadlines::default() });
    let fake = with_one_sandbox(&scene.socket);
    fake.on(&runtime("Status"), Reply::Hang);
    for _ in 0..20 {
        scene.first(sandboxes).await;
    }
    assert!(fake.asked(&runtime("Status")).len() <= 1);
}

#[tokio::test]
async fn a_list_that_hangs_is_told_at_its_deadline_and_asked_anew() {
    let mut scene = Scene::with(Deadlines { list: SOON, ..Deadlines::default() });
    let fake = with_one_sandbox(&scene.socket);
    fake.on(&runtime("ListPodSandbox"), Reply::Hang);
    for _ in 0..2 {
        scene.first_call(|call| failed(call, Method::ListPodSandbox, FailureKind::TimedOut)).await;
    }
    fake.on(&runtime("ListPodSandbox"), Reply::Answer(vec![Vec::new()]));
    assert_eq!(scene.first(sandboxes).await, 0);
}

#[tokio::test]
async fn a_runtime_that_dies_is_told_and_its_successor_found() {
    let mut scene = Scene::with(Deadlines::default());
    scene.first_call(|call| failed(call, Method::Connect, FailureKind::NoSocket)).await;
    let old = FakeRuntime::containerd(&scene.socket);
    assert_eq!(scene.first(version).await, "2.1.4");
    drop(old);
    scene.first_call(|call| failed(call, Method::Connect, FailureKind::NobodyListens)).await;
    let new = FakeRuntime::containerd(&scene.socket);
    new.is_called("containerd", "2.2.0");
    while scene.first(version).await != "2.2.0" {}
}

#[tokio::test]
async fn it_stops_though_nobody_takes_what_it_saw() {
    let scene = Scene::start(Deadlines::default(), 1);
    let _fake = with_one_sandbox(&scene.socket);
    while scene.seen.is_empty() {
        tokio::task::yield_now().await;
    }
    scene.stop.cancel();
    tokio::time::timeout(NEVER, scene.observer).await.unwrap().unwrap();
}
