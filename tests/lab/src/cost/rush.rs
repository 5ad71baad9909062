//! What it costs to watch pods that start: so many within a minute, one after the other at an even pace, on a kubelet with its
//! default of one pull at a time.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::node::{bind, pull_images, until_running};
use super::table;
use super::watch::{Watch, Watched};
use crate::demo::{Scene, Tempo};

/// The agent has looked around and looks calmly after this time.
const SETTLED_AFTER: Duration = Duration::from_secs(20);
/// What the last pod may take to run.
const LAST_WITHIN: Duration = Duration::from_secs(120);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pods that start.
    pub pods: usize,
    /// Images on the node beside theirs.
    pub images: usize,
    /// The time over which they are bound; it is measured, too, if they run sooner.
    pub span: Duration,
}

/// What was seen while they started.
#[derive(Debug)]
pub(super) struct Rush {
    pub(super) pods: usize,
    /// From the first that was bound to the last that ran.
    pub(super) took: Duration,
    pub(super) watched: Watched,
}

/// Measures, in the namespaces of this process, and prints the table.
///
/// # Errors
/// When the lab or the agent does not start, or a pod does not run.
pub async fn run(program: &Path, plan: Plan) -> anyhow::Result<ExitCode> {
    let mut scene = Scene::start(program, Tempo::Ordinary).await?;
    println!("{}, {} images: pulling them", scene.lab.containerd.version(), plan.images);
    pull_images(&scene, plan.images).await?;
    scene.lab.containerd.pull_image(&scene.lab.app).await?;
    sleep(SETTLED_AFTER).await;
    println!("{} pods start within {:.0} s", plan.pods, plan.span.as_secs_f64());
    let rush = watch(&mut scene, plan).await?;
    println!("{}", table::of_rush(&rush));
    scene.end().await?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(scene: &mut Scene, plan: Plan) -> anyhow::Result<Rush> {
    let mut watch = Watch::begin(scene).await?;
    let begin = Instant::now();
    for number in 0..plan.pods {
        sleep_until(begin + plan.span.mul_f64(number as f64 / plan.pods as f64)).await;
        bind(scene, &format!("rush-{number}"));
        watch.sample()?;
    }
    until_running(scene, plan.pods, LAST_WITHIN).await?;
    let took = begin.elapsed();
    sleep_until(begin + plan.span).await;
    watch.sample()?;
    Ok(Rush { pods: plan.pods, took, watched: watch.end(scene).await? })
}
