//! Pre-pull against a real gRPC server on a real socket. Time is real here and decides nothing: what waits is waited for.

mod holds;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::{CreateRequest, DeleteRequest};
use k8s_cri::v1::{Image, ImageStatusRequest, ImageStatusResponse, PullImageRequest, PullImageResponse};
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::prepull::{SetProgress, Waits};
use kubewhy::model::settings::{CredentialSettings, CredentialSource, PrepullSet, PrepullSettings};
use kubewhy::model::verification::Verification;
use kubewhy::prepull::mend::Mend;
use kubewhy::prepull::queue::Pace;
use kubewhy::prepull::{Prepull, Surroundings, causes};
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fake_runtime::{FakeRuntime, Reply, answer, by, containerd, image};

const SOON: Duration = Duration::from_millis(20);
/// What has not come by then will not: a test fails instead of waiting for ever.
const AT_LAST: Duration = Duration::from_secs(60);

struct Stage {
    fake: FakeRuntime,
    settings: watch::Sender<PrepullSettings>,
    labels: watch::Sender<Vec<(Arc<str>, Arc<str>)>>,
    pause: watch::Sender<Option<Arc<str>>>,
    pressure: watch::Sender<bool>,
    pods_wait: watch::Sender<bool>,
    expected: watch::Sender<Arc<[Arc<str>]>>,
    seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// A containerd that has only the image `present`, and an agent with one set.
    fn new(images: &[&str], prepare: impl FnOnce(&FakeRuntime)) -> Self {
        Self::with(set(images), prepare)
    }

    /// Likewise, with this set.
    fn with(set: PrepullSet, prepare: impl FnOnce(&FakeRuntime)) -> Self {
        Self::at_pace(pace(), set, prepare)
    }

    /// Likewise, at this pace.
    fn at_pace(pace: Pace, set: PrepullSet, prepare: impl FnOnce(&FakeRuntime)) -> Self {
        let settings = PrepullSettings { sets: vec![set], ..PrepullSettings::default() };
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("runtime.sock");
        let fake = FakeRuntime::containerd(&socket);
        has(&fake, &["present"]);
        for method in ["Create", "Delete", "List"] {
            fake.on(&lease(method), answer(&()));
        }
        fake.on(&image("PullImage"), answer(&PullImageResponse::default()));
        prepare(&fake);
        let (settings, following) = watch::channel(settings);
        let (labels, labelled) = watch::channel(Vec::new());
        let (pause, paused) = watch::channel(None);
        let (pressure, pressed) = watch::channel(false);
        let (pods_wait, waited) = watch::channel(false);
        let (expected, told) = watch::channel(Arc::default());
        let around = Surroundings {
            labels: labelled,
            pressure: pressed,
            verification: watch::channel(Verification::Unknown).1,
            pods_wait: waited,
            expected: told,
            pause: paused,
        };
        let (out, seen) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let running = tokio::spawn(agent(&socket, pace, following, around).run(out, stop.clone()));
        Self { fake, settings, labels, pause, pressure, pods_wait, expected, seen, stop, running, _folder: folder }
    }

    /// Waits for a progress that is so.
    async fn until(&mut self, so: impl Fn(&SetProgress) -> bool) -> SetProgress {
        loop {
            let seen = tokio::time::timeout(AT_LAST, self.seen.recv()).await.expect("it comes");
            let observation = seen.expect("the agent runs");
            let Seen::Prepull(progress) = observation.seen else { continue };
            if so(&progress) {
                return progress;
            }
        }
    }

    fn pulls(&self) -> Vec<(PullImageRequest, Option<String>)> {
        let asked = self.fake.asked(&image("PullImage"));
        let lease = |asked: &crate::fake_runtime::Asked| {
            asked.headers.get("containerd-lease").map(|id| id.to_str().unwrap().to_owned())
        };
        asked.iter().map(|asked| (PullImageRequest::decode(&*asked.message).unwrap(), lease(asked))).collect()
    }

    fn ended_leases(&self) -> Vec<String> {
        let asked = self.fake.asked(&lease("Delete"));
        asked.iter().map(|asked| DeleteRequest::decode(&*asked.message).unwrap().id).collect()
    }
}

fn agent(socket: &Path, pace: Pace, settings: watch::Receiver<PrepullSettings>, around: Surroundings) -> Prepull {
    let clock = Clock::start();
    Prepull {
        cri: Cri::new(Endpoint::Given(socket.to_owned()), clock, Deadlines::default()),
        node: "n1".into(),
        host_root: "/".into(),
        settings,
        around,
        pace,
        cause: |_| None,
        clock,
    }
}

fn pace() -> Pace {
    Pace { fast: (SOON, SOON), slow: (SOON, SOON), patience: 3, ..Pace::default() }
}

/// A set for which there is room, however full this machine's disk is.
fn set(images: &[&str]) -> PrepullSet {
    let images = images.iter().map(|image| (*image).into()).collect();
    PrepullSet { min_free: 0, ..PrepullSet::new("base", images) }
}

fn lease(method: &str) -> String {
    containerd(&format!("leases.v1.Leases/{method}"))
}

/// From now on these images are there, each of 7 bytes.
fn has(fake: &FakeRuntime, images: &'static [&str]) {
    let status = |question: ImageStatusRequest| {
        let there = images.contains(&&*question.image.unwrap().image);
        let image = there.then(|| Image { size: 7, ..Image::default() });
        Ok(ImageStatusResponse { image, ..ImageStatusResponse::default() })
    };
    fake.on(&image("ImageStatus"), by(status));
}

#[test]
fn every_cause_that_pre_pulling_names_by_its_id_is_in_the_catalogue() {
    let own = [causes::STALLED, causes::GIVEN_UP, causes::UNNAMED];
    let unknown: Vec<_> = Mend::causes().chain(own).filter(|id| kubewhy::causes::by_id(id).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn what_is_absent_is_pulled_under_a_lease_that_ends_with_the_pull() {
    let mut stage = Stage::new(&["present", "absent:1"], |_| {});
    let done = stage.until(|progress| progress.settled).await;
    assert_eq!((done.images, done.present, done.pulled), (2, 1, 1));
    let [(pull, Some(under))] = &stage.pulls()[..] else { panic!("{:?} pulls", stage.pulls().len()) };
    assert_eq!(pull.image.as_ref().unwrap().image, "absent:1");
    let made = CreateRequest::decode(&*stage.fake.asked(&lease("Create"))[0].message).unwrap();
    assert_eq!((&made.id, &*made.labels["kubewhy.dev/image"]), (under, "absent:1"));
    assert!(made.labels["containerd.io/gc.expire"].parse::<jiff::Timestamp>().unwrap() > jiff::Timestamp::now());
    assert_eq!(stage.ended_leases(), std::slice::from_ref(under));
}

#[tokio::test]
async fn every_call_to_the_runtime_is_told_so_that_it_is_counted() {
    let mut stage = Stage::new(&["present", "absent:1"], |_| {});
    let mut told = BTreeMap::new();
    loop {
        match stage.seen.recv().await.expect("the agent runs").seen {
            Seen::RuntimeCall(call) => *told.entry(call.method.name()).or_default() += 1,
            Seen::Prepull(progress) if progress.settled => break,
            _ => {}
        }
    }
    let asked = ["ImageStatus", "PullImage"].map(|method| (method, stage.fake.asked(&image(method)).len()));
    assert_eq!(told, BTreeMap::from(asked));
}

#[tokio::test]
async fn a_failure_is_told_and_tried_again_under_the_same_lease() {
    let mut stage = Stage::new(&["absent:1"], |fake| {
        fake.on(&image("PullImage"), Reply::Fail(Code::NotFound, "no such tag"));
    });
    let failed = stage.until(|progress| progress.failed.first().is_some_and(|failure| failure.tries == 2)).await;
    assert!(failed.settled && failed.failed[0].text.contains("no such tag"), "{failed:?}");
    assert!(stage.ended_leases().is_empty());
    stage.fake.on(&image("PullImage"), answer(&PullImageResponse::default()));
    stage.until(|progress| progress.pulled == 1 && progress.failed.is_empty()).await;
    let mut leases: Vec<_> = stage.pulls().into_iter().map(|(_, lease)| lease.unwrap()).collect();
    leases.dedup();
    assert_eq!(leases.len(), 1);
}

#[tokio::test]
async fn a_runtime_without_leases_is_asked_without_one() {
    let mut stage = Stage::new(&["absent:1"], |fake| fake.is_called("cri-o", "1.37.0"));
    stage.until(|progress| progress.pulled == 1).await;
    assert!(stage.pulls().iter().all(|(_, lease)| lease.is_none()));
    assert!(stage.fake.asked(&lease("Create")).is_empty());
}

#[tokio::test]
async fn when_stopped_it_ends_at_once_and_leaves_the_lease() {
    let mut stage = Stage::new(&["absent:1"], |fake| fake.on(&image("PullImage"), Reply::Hang));
    stage.until(|_| true).await;
    while stage.pulls().is_empty() {
        tokio::time::sleep(SOON).await;
    }
    stage.stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), stage.running).await.unwrap().unwrap();
    assert_eq!(stage.fake.asked(&lease("Delete")).len(), 0);
}

#[tokio::test]
async fn an_edit_calls_off_what_left_and_starts_what_came() {
    let mut stage = Stage::new(&["stuck:1"], |fake| fake.on(&image("PullImage"), Reply::Hang));
    while stage.pulls().is_empty() {
        tokio::time::sleep(SOON).await;
    }
    stage.fake.on(&image("PullImage"), answer(&PullImageResponse::default()));
    stage.settings.send_modify(|settings| settings.sets = vec![set(&["other:1"])]);
    let done = stage.until(|progress| progress.settled).await;
    assert_eq!((done.images, done.pulled), (1, 1));
    assert_eq!(stage.pulls().len(), 2);
}

#[tokio::test]
async fn an_image_that_is_removed_is_missing_from_the_next_look_on() {
    let mut stage = Stage::at_pace(Pace { watch: SOON, ..pace() }, set(&["present"]), |_| {});
    stage.until(SetProgress::complete).await;
    has(&stage.fake, &[]);
    let removed = stage.until(|progress| !progress.complete()).await;
    assert_eq!((removed.missing.len(), removed.gone, stage.pulls().len()), (1, 1, 0));
    has(&stage.fake, &["present"]);
    stage.until(SetProgress::complete).await;
}

#[tokio::test]
async fn credentials_that_are_not_there_are_told_as_words_of_our_own() {
    let source = CredentialSource::File("/nowhere/registry.json".into());
    let credentials = Some(CredentialSettings { source, any_pod_may_use: true });
    let mut stage = Stage::with(PrepullSet { credentials, ..set(&["absent:1"]) }, |_| {});
    let failed = stage.until(|progress| !progress.failed.is_empty()).await.failed.remove(0);
    assert!(failed.text.starts_with("No registry was asked: credentials file /nowhere/registry.json"), "{failed:?}");
    assert_eq!((failed.cause, stage.pulls().len()), (Some(causes::UNNAMED), 0));
}

#[tokio::test]
async fn credentials_reach_the_runtime_only_with_consent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.json");
    std::fs::write(&file, r#"{"auths":{"r.io/team":{"username":"bob","password":"p"}}}"#).unwrap();
    let with = |any_pod_may_use| PrepullSet {
        credentials: Some(CredentialSettings { source: CredentialSource::File(file.clone()), any_pod_may_use }),
        ..set(&["r.io/team/app:1"])
    };
    let mut stage = Stage::new(&[], |_| {});
    stage.settings.send_modify(|settings| settings.sets = vec![with(false)]);
    let refused = stage.until(|progress| progress.refused.is_some()).await;
    assert!(refused.settled && stage.pulls().is_empty());
    stage.settings.send_modify(|settings| settings.sets = vec![with(true)]);
    stage.until(|progress| progress.pulled == 1).await;
    let [(pull, _)] = &stage.pulls()[..] else { panic!() };
    assert_eq!(pull.auth.as_ref().unwrap().username, "bob");
}
