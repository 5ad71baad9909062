//! The agent while it pulls a set of twenty images: its memory, and its requests to the registry second by second; and these
//! for a fleet that begins together or by the delays that the program itself plans.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::{Instant, interval};

use super::Row;
use super::agent;
use super::fleet::{self, Load};
use super::ground::{Ground, Images, Make};
use crate::cost::process::peak_memory;
use crate::faulty::Fault;

const MAKE: Make = Make { images: 20, layers: 5, bytes: 256 << 10 };
/// Bytes a second and connection, where the registry limits them.
const RATE: u64 = 256 << 10;
const DONE: &str = "pre-pull set is through";
const DONE_WITHIN: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(50);
/// The program is asked for the delays of so many nodes at a time.
const ASKED: usize = 2;

/// What one node did.
struct Seen {
    requests: Vec<u64>,
    /// The most memory, in KiB.
    memory: u64,
}

pub(super) async fn measure(ground: &Ground<'_>, nodes: usize) -> anyhow::Result<Vec<Row>> {
    let images = Images::serve(ground.lab, "sets", MAKE);
    println!("the agent pulls {} images, twice", MAKE.images);
    let fast = pull(ground, &images, Fault::Healthy).await?;
    let slow = pull(ground, &images, Fault::Slow(RATE)).await?;
    println!("the delays of {nodes} nodes");
    let delays = delays(ground, nodes).await?;
    let sizes = [10, 100, 1_000, 5_000].into_iter().filter(|size| *size < nodes).chain([nodes]);
    let loads: Vec<Load> = sizes.map(|size| Load::of(delays.get(..size).unwrap_or_default(), &fast.requests)).collect();
    println!("\nrequests to the registry for 20 images, spread over 10 min:\n{}", fleet::table(&loads));
    let told = |seen: &Seen| Load::of(&delays, &seen.requests).to_string();
    let memory = fast.memory.max(slow.memory) as f64 / 1024.0;
    Ok(vec![
        Row::new(format!("most requests in a second, {nodes} nodes, spread"), told(&fast), "at most 1/100"),
        Row::new(format!("likewise, each node pulls for {} s", slow.requests.len()), told(&slow), ""),
        Row::new("most memory of the agent, 20 images", format!("{memory:.2} MiB"), "at most 20 MiB"),
    ])
}

async fn pull(ground: &Ground<'_>, images: &Images<'_>, fault: Fault) -> anyhow::Result<Seen> {
    ground.wipe().await?;
    images.give(fault);
    let before = images.served().bytes;
    let mut requests = Vec::new();
    let working = async {
        let mut agent = agent::start(ground, Some(images), None).await?;
        agent.says(&[DONE], DONE_WITHIN).await?;
        anyhow::Ok(agent)
    };
    let mut agent = tokio::select! {
        never = count(images, &mut requests) => match never {},
        agent = working => agent?,
    };
    images.all_came_since(before)?;
    let memory = peak_memory(agent.daemon.pid().context("the agent has ended")?)?;
    agent.stop().await?;
    Ok(Seen { requests, memory })
}

/// Counts the requests of each second from the first.
async fn count(images: &Images<'_>, requests: &mut Vec<u64>) -> Infallible {
    let mut looks = interval(LOOK);
    let (mut seen, mut first) = (images.served().requests, None);
    loop {
        looks.tick().await;
        let now = images.served().requests;
        let new = now - std::mem::replace(&mut seen, now);
        if new > 0 {
            let second = first.get_or_insert_with(Instant::now).elapsed().as_secs();
            while requests.len() as u64 <= second {
                requests.push(0);
            }
            if let Some(count) = requests.last_mut() {
                *count += new;
            }
        }
    }
}

/// When each node begins, as the program plans it by its name.
async fn delays(ground: &Ground<'_>, nodes: usize) -> anyhow::Result<Vec<Duration>> {
    let file = ground.lab.dir.join("spread.yaml");
    std::fs::write(
        &file,
        "apiVersion: kubewhy.dev/v1alpha1\nprepull:\n  spread: 10m\n  sets:\n  - {name: lab, images: ['a.lab/a:1']}\n",
    )?;
    let nowhere = ground.lab.dir.join("no-runtime.sock");
    let ask = async |number: usize| {
        let mut command = Command::new(ground.program);
        command.args(["prepull", "--plan", "-o", "json", "--node-name"]).arg(format!("node-{number}"));
        command.arg("--runtime-endpoint").arg(&nowhere).arg("--file").arg(&file);
        let output = command.kill_on_drop(true).output().await.context("cannot start the program")?;
        let plan: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("no plan: {}", String::from_utf8_lossy(&output.stderr)))?;
        let seconds = plan["sets"][0]["delaySeconds"].as_u64();
        Ok(Duration::from_secs(seconds.with_context(|| format!("no delay in {plan}"))?))
    };
    stream::iter(0..nodes).map(ask).buffered(ASKED).try_collect().await
}
