//! The node of a scenario: a healthy scene whose agent looks at its default pace and is asked on its socket, with shorter
//! dwell times, so that a scenario takes seconds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use hyper_util::rt::TokioIo;
use kubewhy::model::snapshot::{Snapshot, Start};
use kubewhy::model::{Time, since};
use kubewhy::serve::api::convert::read;
use kubewhy::serve::api::wire::SnapshotRequest;
use kubewhy::serve::api::wire::node_client::NodeClient;
use kubewhy_lab::demo::{NAMESPACE, Scene, Tempo, pod};
use kubewhy_lab::kubelet;
use kubewhy_lab::kubelet::record::{Stage, Step};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};
use tonic::transport::Endpoint;

use super::page::{say_measured, say_samples, say_version};
use super::sampler::Sampler;
use crate::stage::PROGRAM;

/// How many seconds each cause of the table dwells here. A sandbox is not seen in the making before it has taken 5 s.
const DWELLS: &[(&str, u64)] = &[
    ("ImagePullStalled", 4),
    ("ImagePullQueued", 4),
    ("SandboxStalled", 6),
    ("HookRunning", 4),
    ("InitContainerRunning", 4),
];
/// From the end of its dwell time a diagnosis may take so long.
const TOLD_WITHIN: Duration = Duration::from_millis(1500);
/// What is waited for comes within this time, or not at all.
const SOON: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(50);

const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s}
timing: {clear: 2s, restartQuiet: 1s, askEvents: 2s}
causes:
";

/// The agent's configuration.
fn config() -> String {
    let causes = DWELLS.iter().map(|(cause, seconds)| format!("  {cause}: {{after: {seconds}s}}\n"));
    CONFIG.to_owned() + &causes.collect::<String>()
}

/// What the agent told, and when.
pub(super) struct Told {
    pub(super) now: Time,
    pub(super) snapshot: Snapshot,
}

/// Asks the agent once.
pub(super) async fn ask(socket: &Path) -> anyhow::Result<Told> {
    let path = socket.to_path_buf();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://agent").connect_with_connector(connector).await?;
    let answer = NodeClient::new(channel).snapshot(SnapshotRequest {}).await?.into_inner();
    let state = answer.state.context("no state")?;
    Ok(Told { now: read::time(answer.now)?, snapshot: read::state(state)? })
}

/// The node, and the sampler of its stages.
pub(super) struct Node {
    pub(super) scene: Scene,
    sampler: Sampler,
}

impl Node {
    /// A node whose kubelet pulls images side by side.
    pub(super) async fn start() -> anyhow::Result<Self> {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(adapt: impl FnOnce(&mut kubelet::Options)) -> anyhow::Result<Self> {
        let scene = Scene::start_with(Path::new(PROGRAM), Tempo::Hasty, &config(), adapt).await?;
        say_version(&format!("containerd {}", scene.lab.containerd.version().trim_start_matches('v')));
        // The lowest layer of every image is this one's: it is not counted below.
        scene.lab.containerd.pull_image(&scene.lab.app).await?;
        let sampler = Sampler::start(scene.agent.api.clone(), scene.record().clone());
        Ok(Self { scene, sampler })
    }

    /// What the agent tells now.
    pub(super) async fn told(&self) -> anyhow::Result<Told> {
        ask(&self.scene.agent.api).await
    }

    /// What the agent tells now of the start of that pod.
    pub(super) async fn start_of(&self, name: &str) -> anyhow::Result<Start> {
        let starts = self.told().await?.snapshot.starts;
        starts.into_iter().find(|start| *start.pod.name == *name).with_context(|| format!("nothing is told of {name}"))
    }

    /// Binds a pod of one container.
    pub(super) fn run(&self, name: &str, container: Value) {
        self.scene.run_pod(name, container);
    }

    /// Binds a pod of one plain container, changed.
    pub(super) fn run_changed(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut pod = pod(NAMESPACE, name, json!({"image": self.scene.lab.app}));
        change(&mut pod);
        self.scene.put(pod);
    }

    /// The steps the lab has noted for the pod of that name.
    pub(super) fn steps(&self, name: &str) -> Vec<Step> {
        let record = self.scene.record();
        let uid = record.pods().into_iter().find(|(_, other)| other == name);
        uid.map(|(uid, _)| record.steps(&uid)).unwrap_or_default()
    }

    /// When the pod began that stage, once it has.
    pub(super) async fn begins(&self, name: &str, stage: Stage) -> anyhow::Result<Time> {
        let deadline = Instant::now() + SOON;
        loop {
            let step = self.steps(name).into_iter().find(|step| step.stage == stage);
            if let Some(step) = step {
                return Ok(step.at);
            }
            ensure!(Instant::now() < deadline, "{name} did not come to {stage:?}: {:?}", self.steps(name));
            sleep(POLL).await;
        }
    }

    /// Waits until the agent tells that pod to be so.
    pub(super) async fn until(&self, name: &str, what: &str, is: impl Fn(&Start) -> bool) -> anyhow::Result<Time> {
        let deadline = Instant::now() + SOON;
        loop {
            let Told { now, snapshot } = self.told().await?;
            let start = snapshot.starts.iter().find(|start| *start.pod.name == *name);
            if start.is_some_and(&is) {
                return Ok(now);
            }
            ensure!(Instant::now() < deadline, "{name}: not {what}: {start:#?}\n{}", self.scene.agent.daemon.log_end());
            sleep(POLL).await;
        }
    }

    /// Waits until the cause is told of the pod, and checks that it came in time: its dwell time, counted from `began`,
    /// when what holds the pod did begin, and a second and a half.
    pub(super) async fn diagnosed(&self, name: &str, cause: &str, began: Time) -> anyhow::Result<()> {
        let is = |start: &Start| start.trouble.as_ref().is_some_and(|trouble| *trouble.cause == *cause);
        let at = self.until(name, cause, is).await?;
        let (_, dwell) = DWELLS.iter().find(|(id, _)| *id == cause).context("a cause of the table")?;
        let took = since(began, at);
        say_measured(&format!("{cause} after {:.1} s (dwell {dwell} s)", took.as_secs_f64()));
        ensure!(took <= Duration::from_secs(*dwell) + TOLD_WITHIN, "{cause} was told after {took:?}");
        Ok(())
    }

    /// Waits until the agent tells that the pod runs, or has run for so long that it is told no more.
    pub(super) async fn runs(&self, name: &str) -> anyhow::Result<()> {
        self.begins(name, Stage::Running).await?;
        self.until(name, "told to run", |start| start.arrived.is_some()).await.map(drop)
    }

    /// Says the samples and ends the agent.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        say_samples(&self.sampler.samples());
        self.scene.end().await
    }
}
