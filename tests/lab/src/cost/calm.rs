//! What it costs to watch a calm node: healthy pods, and images that lie there. One thing is judged: on a healthy node nothing
//! may be reported.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep};

use super::calls::Counts;
use super::node::{bind, pull_images, until_running};
use super::process::{Memory, cpu, memory};
use super::{Load, table};
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

/// What was seen while the agent watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) agent: Load,
    pub(super) runtime: Load,
    pub(super) memory: Vec<Memory>,
    pub(super) calls: Counts,
    pub(super) requests: Counts,
    pub(super) events: usize,
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

/// The metrics are read before and after the measured time, so that reading them is not in it.
async fn watch(scene: &mut Scene, span: Duration) -> anyhow::Result<Watched> {
    let agent = scene.agent.daemon.pid().context("the agent has ended")?;
    let runtime = runtime_pid(scene)?;
    let asked = scene.api.journal().requests().len();
    let calls = Counts::of_calls(&scene.agent.metrics().await?);
    let (begin, agent_before, runtime_before) = (Instant::now(), cpu(agent)?, cpu(runtime)?);
    let mut samples = Vec::new();
    while begin.elapsed() < span {
        sleep(SAMPLE_EVERY).await;
        samples.push(memory(agent)?);
    }
    let over = begin.elapsed();
    let load = |before, after: Duration| Load { used: after.saturating_sub(before), over };
    Ok(Watched {
        agent: load(agent_before, cpu(agent)?),
        runtime: load(runtime_before, cpu(runtime)?),
        memory: samples,
        calls: Counts::of_calls(&scene.agent.metrics().await?).since(&calls),
        requests: Counts::of_requests(scene.api.journal().requests().get(asked..).unwrap_or_default()),
        events: scene.events_written(),
    })
}

async fn runtime_alone(scene: &mut Scene, span: Duration) -> anyhow::Result<Load> {
    ensure!(scene.agent.daemon.pid().is_none(), "the agent still runs");
    let runtime = runtime_pid(scene)?;
    let (begin, before) = (Instant::now(), cpu(runtime)?);
    sleep(span).await;
    Ok(Load { used: cpu(runtime)?.saturating_sub(before), over: begin.elapsed() })
}

fn runtime_pid(scene: &mut Scene) -> anyhow::Result<u32> {
    scene.lab.containerd.daemon().pid().context("containerd has ended")
}
