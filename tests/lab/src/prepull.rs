//! What pulling ahead gives and costs, on real containerd and against a registry that can be made narrow: beside the runtime's
//! own clients, cut off again and again, while a pod pulls, over a fleet. It measures and does not judge.

pub mod fleet;

mod agent;
mod cluster;
mod cuts;
mod ground;
mod pods;
mod rounds;
mod sets;
mod throughput;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::Lab;
use crate::cost::table::row;
use crate::parts;
use ground::Ground;

/// The containerd whose downloads share the slots of the whole node.
const WITH_NODE_WIDE_SLOTS: &str = "containerd 2.x";

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds beside a client that pulls one image after another.
    in_turn: usize,
    /// Rounds beside one that pulls all at once.
    at_once: usize,
    /// How often a pull is cut off.
    cuts: u32,
    /// Rounds of pods' pulls, on each containerd.
    pods: usize,
    /// Nodes whose delays the program is asked for.
    nodes: usize,
    /// How much faster than it should be everything comes.
    haste: u64,
}

impl Plan {
    /// Some ten minutes.
    pub const WHOLE: Self = Self { in_turn: 3, at_once: 5, cuts: 50, pods: 5, nodes: 5_000, haste: 1 };
    /// Some one and a half.
    pub const QUICK: Self = Self { in_turn: 1, at_once: 1, cuts: 6, pods: 1, nodes: 200, haste: 4 };
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    what: String,
    measured: String,
    limit: &'static str,
}

impl Row {
    fn new(what: impl Into<String>, measured: impl Into<String>, limit: &'static str) -> Self {
        Self { what: what.into(), measured: measured.into(), limit }
    }
}

/// Measures, in the namespaces of this process, and prints the table.
///
/// # Errors
/// When a part of the lab does not start, or something that is measured fails.
pub async fn run(program: &Path, plan: Plan) -> anyhow::Result<ExitCode> {
    let size = std::fs::metadata(program).with_context(|| program.display().to_string())?.len();
    let lab = Lab::start().await?;
    println!("{}, {:.2} MiB; {}", program.display(), size as f64 / f64::from(1 << 20), lab.containerd.version());
    let ground = Ground::prepare(&lab, &lab.containerd, program).await?;
    let mut rows = throughput::measure(&ground, plan).await?;
    rows.extend(cuts::measure(&ground, plan.cuts).await?);
    rows.extend(pods::measure(&ground, plan).await?);
    rows.extend(pods_with_slots(&lab, program, plan).await?);
    rows.extend(sets::measure(&ground, plan.nodes).await?);
    println!("\n{}", table(&rows)?);
    Ok(ExitCode::SUCCESS)
}

/// The pods' pulls once more, where all downloads of the node share their slots.
async fn pods_with_slots(lab: &Lab, program: &Path, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let found = parts::containerds().into_iter().find(|candidate| candidate.name == WITH_NODE_WIDE_SLOTS);
    match found.context("no such containerd is known")?.program {
        Ok(Some(containerd)) => {
            let containerd = lab.beside(&containerd).await?;
            pods::measure(&Ground::prepare(lab, &containerd, program).await?, plan).await
        }
        Ok(None) => Ok(Vec::new()),
        Err(why) => Ok(vec![Row::new("pod's pull, with node-wide slots", why, "")]),
    }
}

fn table(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut table = String::new();
    row(&mut table, "", "measured", "at least / at most")?;
    rows.iter().try_for_each(|Row { what, measured, limit }| row(&mut table, what, measured, limit))?;
    Ok(table)
}
