//! What it costs to watch a calm node: healthy pods on real containerd, the real agent at its defaults, and after a while a
//! table of memory, processor time, calls and requests. It measures and does not judge, but for one thing: on a healthy
//! node nothing may be reported.

mod calls;
mod process;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::apiserver::resources::PODS;
use crate::demo::{Scene, Tempo};

use calls::Counts;
use process::{Memory, cpu, memory};

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
    /// How long the node is watched. For a third of it more the runtime is measured without the agent.
    pub span: Duration,
}

/// A share of one core: processor time over time passed.
#[derive(Clone, Copy, Debug)]
struct Load {
    used: Duration,
    over: Duration,
}

impl Load {
    fn percent(self) -> f64 {
        100.0 * self.used.as_secs_f64() / self.over.as_secs_f64()
    }
}

/// What was seen while the agent watched.
#[derive(Debug)]
struct Watched {
    agent: Load,
    runtime: Load,
    memory: Vec<Memory>,
    calls: Counts,
    requests: Counts,
    events: usize,
}

/// Measures, in the namespaces of this process, and prints the table. Fails if an Event was written.
///
/// # Errors
/// When the lab or the agent does not start, or a pod does not run.
pub async fn run(program: &Path, plan: Plan) -> anyhow::Result<ExitCode> {
    let size = std::fs::metadata(program).with_context(|| program.display().to_string())?.len();
    let mut scene = Scene::start(program, Tempo::Ordinary).await?;
    println!("{}, {} pods: starting them", scene.lab.containerd.version(), plan.pods);
    start_pods(&scene, plan.pods).await?;
    sleep(SETTLED_AFTER).await;
    println!("all run; watching for {:.0} s with the agent", plan.span.as_secs_f64());
    let watched = watch(&mut scene, plan.span).await?;
    scene.agent.stop().await?;
    println!("and for {:.0} s without", (plan.span / 3).as_secs_f64());
    let alone = runtime_alone(&mut scene, plan.span / 3).await?;
    println!("{}", table::table(size, &watched, alone));
    Ok(if watched.events == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn start_pods(scene: &Scene, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        scene.run_pod(&format!("calm-{number}"), json!({"image": scene.lab.app}));
    }
    let mut changes = scene.api.store().subscribe();
    let all_run = async {
        while running(scene) < count {
            changes.next().await?;
        }
        Some(())
    };
    let within = SETTLED_AFTER + POD_STARTS_WITHIN * u32::try_from(count)?;
    let outcome = timeout(within, all_run).await.ok().flatten();
    outcome.with_context(|| format!("only {} of {count} pods run after {within:?}", running(scene)))
}

fn running(scene: &Scene) -> usize {
    let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    let pods = scene.api.store().list(&PODS, None);
    let conditions = pods.iter().filter_map(|pod| pod["status"]["conditions"].as_array());
    conditions.filter(|all| all.iter().any(is_ready)).count()
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
