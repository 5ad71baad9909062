//! The pause image against a real gRPC server on a real socket. Time is real here and decides nothing: what waits is waited
//! for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_cri::v1::{
    Image, ImageStatusRequest, ImageStatusResponse, PodSandboxStatusRequest, PodSandboxStatusResponse,
    PullImageResponse,
};
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::prepull::pause::{Named, Pace, Pause};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, image, runtime};

const SOON: Duration = Duration::from_millis(20);
const PAUSE: &str = "registry.k8s.io/pause:3.10";

struct Stage {
    fake: FakeRuntime,
    here: Arc<AtomicBool>,
    seen: mpsc::Receiver<Observation>,
    _named: watch::Sender<Named>,
    _stop: tokio_util::sync::DropGuard,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new(named: Named) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("runtime.sock");
        let fake = FakeRuntime::containerd(&socket);
        let here = Arc::new(AtomicBool::new(true));
        fake.on(&image("ImageStatus"), {
            let here = here.clone();
            by(move |asked: ImageStatusRequest| {
                assert_eq!(asked.image.unwrap().image, PAUSE);
                let image = here.load(Ordering::Relaxed).then(Image::default);
                Ok(ImageStatusResponse { image, ..ImageStatusResponse::default() })
            })
        });
        fake.on(&image("PullImage"), Reply::Fail(Code::NotFound, "no such tag"));
        let (keep, named) = watch::channel(named);
        let (clock, stop) = (Clock::start(), CancellationToken::new());
        let cri = Cri::new(Endpoint::Given(socket), clock, Deadlines::default());
        let pace = Pace { calm: SOON, gone: SOON, again: SOON, at_most: SOON };
        let (out, seen) = mpsc::channel(1);
        tokio::spawn(Pause { cri, named, pace, clock }.run(out, stop.clone()));
        Self { fake, here, seen, _named: keep, _stop: stop.drop_guard(), _folder: folder }
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
