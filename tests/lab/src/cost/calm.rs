//! What it costs to watch a calm node: healthy pods, and images that lie there. One thing is judged: on a healthy node nothing
//! may be reported.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep};

use super::meter::Load;
use super::node::{bind, pull_images, until_running};
use super::table;
use super::watch::{Watch, Watched, runtime};
use crate::demo::{Scene, Tempo};

/// One pod starts within this time, each after the other.
const POD_STARTS_WITHIN: Duration = Duration::from_secs(3);
/// What the last start left behind is over after this time: the agent looks calmly, the runtime has collected its garbage.
const SETTLED_AFTER: Duration = Duration::from_secs(30);
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pods on the node.
    pub pods: usize,
    /// Images on the node beside theirs.
    pub images: usize,
    /// How long the node is watched. For a third of it more the runtime is measured without the agent.
    pub span: Duration,
}

/// Measures, in the namespaces of this process, and prints the table. Fails if an Event was written.
///
/// # Errors
/// When the lab or the agent does not start, or a pod does not run.
pub async fn run(program: &Path, plan: Plan) -> anyhow::Result<ExitCode> {
    let size = std::fs::metadata(program).with_context(|| program.display().to_string())?.len();
    let mut scene = Scene::start(program, Tempo::Ordinary).await?;
    let version = scene.lab.containerd.version();
    println!("{version}, {} pods, {} images beside theirs: starting them", plan.pods, plan.images);
    pull_images(&scene, plan.images).await?;
    start_pods(&scene, plan.pods).await?;
    sleep(SETTLED_AFTER).await;
    println!("all run; watching for {:.0} s with the agent", plan.span.as_secs_f64());
    let watched = watch(&mut scene, plan.span).await?;
    scene.agent.stop().await?;
    println!("and for {:.0} s without", (plan.span / 3).as_secs_f64());
    let alone = runtime_alone(&mut scene, plan.span / 3).await?;
    println!("{}", table::of_calm(size, &watched, alone));
    Ok(if watched.events == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn start_pods(scene: &Scene, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        bind(scene, &format!("calm-{number}"));
    }
    until_running(scene, count, SETTLED_AFTER + POD_STARTS_WITHIN * u32::try_from(count)?).await
}

async fn watch(scene: &mut Scene, span: Duration) -> anyhow::Result<Watched> {
    let mut watch = Watch::begin(scene).await?;
    let begin = Instant::now();
    while begin.elapsed() < span {
        sleep(SAMPLE_EVERY).await;
        watch.sample()?;
    }
    watch.end(scene).await
}

async fn runtime_alone(scene: &mut Scene, span: Duration) -> anyhow::Result<Load> {
    ensure!(scene.agent.daemon.pid().is_none(), "the agent still runs");
    let runtime = runtime(scene)?;
    sleep(span).await;
    runtime.load()
}
