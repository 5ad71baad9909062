//! The pause image against a real gRPC server on a real socket. Time is real here and decides nothing: what waits is waited
//! for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_cri::v1::{
    Image, ImageStatusRequest, ImageStatusResponse, PodSandboxStatusRequest, PodSandboxStatusResponse,
    PullImageRequest, PullImageResponse,
};
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::Time;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::prepull::pause::{Named, Pace, Pause};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, image, runtime};

const SOON: Duration = Duration::from_millis(20);
const SOCKET: &str = "runtime.sock";
const PAUSE: &str = "registry.k8s.io/pause:3.10";

/// A runtime that has the image or not, and can't pull it.
fn runtime_with(socket: &Path, here: &Arc<AtomicBool>) -> FakeRuntime {
    let (fake, here) = (FakeRuntime::containerd(socket), here.clone());
    fake.on(
        &image("ImageStatus"),
        by(move |asked: ImageStatusRequest| {
            assert_eq!(asked.image.unwrap().image, PAUSE);
            let image = here.load(Ordering::Relaxed).then(Image::default);
            Ok(ImageStatusResponse { image, ..ImageStatusResponse::default() })
        }),
    );
    fake.on(&image("PullImage"), Reply::Fail(Code::NotFound, "no such tag"));
    fake
}

struct Stage {
    fake: FakeRuntime,
    here: Arc<AtomicBool>,
    seen: mpsc::Receiver<Observation>,
    _named: watch::Sender<Named>,
    _stop: tokio_util::sync::DropGuard,
    clock: Clock,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(named: Named) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join(SOCKET);
        let here = Arc::new(AtomicBool::new(true));
        let fake = runtime_with(&socket, &here);
        let (keep, named) = watch::channel(named);
        let (clock, stop) = (Clock::start(), CancellationToken::new());
        let cri = Cri::new(Endpoint::Given(socket), clock, Deadlines::default());
        let pace = Pace { calm: SOON, gone: SOON, again: SOON, at_most: SOON };
        let (out, seen) = mpsc::channel(1);
        tokio::spawn(Pause { cri, named, pace, clock }.run(out, stop.clone()));
        Self { fake, here, seen, _named: keep, _stop: stop.drop_guard(), clock, folder }
    }

    /// It is gone, and one more pull of it has come to the runtime.
    async fn is_pulled(&mut self) {
        let before = self.fake.asked(&image("PullImage")).len();
        self.here.store(false, Ordering::Relaxed);
        while self.fake.asked(&image("PullImage")).len() == before {
            // Whatever is told meanwhile must not stand in the way.
            if let Ok(told) = timeout(SOON, self.seen.recv()).await {
                let Seen::PauseImage { failure, .. } = told.expect("it runs").seen else { panic!("of another kind") };
                assert_eq!(failure, None);
            }
        }
    }

    fn brought_back(&self) -> Time {
        self.here.store(true, Ordering::Relaxed);
        self.clock.now()
    }

    async fn tells_only_that_it_is_here(&mut self, back: Time) {
        loop {
            let Observation { at, seen } = self.seen.recv().await.expect("it runs");
            let Seen::PauseImage { failure, .. } = seen else { panic!("of another kind") };
            assert_eq!(failure, None);
            if at > back {
                return;
            }
        }
    }

    /// The next that is so.
    async fn until(&mut self, so: impl Fn(Option<&str>) -> bool) {
        loop {
            match self.seen.recv().await.expect("it runs").seen {
                Seen::PauseImage { image, failure } if so(failure.as_deref()) => return assert_eq!(&*image, PAUSE),
                Seen::PauseImage { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_here_is_not_pulled_and_what_is_gone_is() {
    let mut stage = Stage::new(Named::Runtime(PAUSE.into()));
    stage.until(|failure| failure.is_none()).await;
    assert!(stage.fake.asked(&image("PullImage")).is_empty());
    stage.here.store(false, Ordering::Relaxed);
    stage.until(|failure| failure.is_some_and(|text| text.contains("no such tag"))).await;
    stage.fake.on(&image("PullImage"), answer(&PullImageResponse::default()));
    stage.until(|failure| failure.is_none()).await;
}

#[tokio::test]
async fn it_is_here_again_as_soon_as_somebody_brings_it() {
    let mut stage = Stage::new(Named::Runtime(PAUSE.into()));
    stage.here.store(false, Ordering::Relaxed);
    stage.until(|failure| failure.is_some()).await;
    stage.here.store(true, Ordering::Relaxed);
    stage.until(|failure| failure.is_none()).await;
}

#[tokio::test]
async fn a_pull_that_the_runtimes_own_end_cuts_off_is_no_proof() {
    let mut stage = Stage::new(Named::Runtime(PAUSE.into()));
    stage.fake.on(&image("PullImage"), Reply::Hang);
    stage.is_pulled().await;
    let back = stage.brought_back();
    stage.fake = runtime_with(&stage.folder.path().join(SOCKET), &stage.here);
    stage.tells_only_that_it_is_here(back).await;
}

#[tokio::test]
async fn a_pull_that_the_runtime_calls_off_as_it_ends_is_no_proof() {
    for (code, error) in [
        (Code::Cancelled, "the server is stopping"),
        (Code::Unknown, "failed to pull and unpack image: failed to copy: context canceled"),
    ] {
        let mut stage = Stage::new(Named::Runtime(PAUSE.into()));
        stage.fake.on(&image("PullImage"), Reply::Fail(code, error));
        stage.is_pulled().await;
        stage.is_pulled().await;
        let back = stage.brought_back();
        stage.tells_only_that_it_is_here(back).await;
    }
}

#[tokio::test]
async fn a_pull_after_which_the_runtime_can_not_say_that_the_image_is_gone_is_no_proof() {
    let mut stage = Stage::new(Named::Runtime(PAUSE.into()));
    let (here, pulled) = (stage.here.clone(), Arc::new(AtomicBool::new(false)));
    let begun = pulled.clone();
    let pull = by(move |_: PullImageRequest| -> Result<PullImageResponse, Status> {
        begun.store(true, Ordering::Relaxed);
        Err(Status::unknown("too many open files"))
    });
    let status =
        by(move |_: ImageStatusRequest| match (here.load(Ordering::Relaxed), pulled.load(Ordering::Relaxed)) {
            (false, true) => Err(Status::unknown("server is not initialized yet")),
            (here, _) => Ok(ImageStatusResponse { image: here.then(Image::default), ..ImageStatusResponse::default() }),
        });
    stage.fake.on(&image("PullImage"), pull);
    stage.fake.on(&image("ImageStatus"), status);
    stage.is_pulled().await;
    let asked = stage.fake.asked(&image("ImageStatus")).len();
    while stage.fake.asked(&image("ImageStatus")).len() == asked {
        tokio::time::sleep(SOON).await;
    }
    let back = stage.brought_back();
    stage.tells_only_that_it_is_here(back).await;
}

#[tokio::test]
async fn a_sandbox_tells_the_image_that_it_was_made_with() {
    let mut stage = Stage::new(Named::Sandbox("5db4".into()));
    stage.fake.on(
        &runtime("PodSandboxStatus"),
        by(|asked: PodSandboxStatusRequest| {
            assert!(asked.verbose && asked.pod_sandbox_id == "5db4");
            let info = format!(r#"{{"pid":7,"image":"{PAUSE}","config":{{"metadata":{{"name":"cart"}}}}}}"#);
            Ok(PodSandboxStatusResponse { info: [("info".to_owned(), info)].into(), ..Default::default() })
        }),
    );
    stage.until(|failure| failure.is_none()).await;
}
