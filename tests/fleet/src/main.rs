//! The `kubewhy-fleet` command: plays the storms, puts the table into a document and the data for the charts into a folder.

use std::path::PathBuf;

use clap::Parser;
use kubewhy_fleet::cluster::Size;
use kubewhy_fleet::page;
use kubewhy_fleet::storm::{ALL, Outcome, play};

/// What thousands of agents cost an API server.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Sizes of cluster to play; the charts are of the last one.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 5_000])]
    nodes: Vec<usize>,
    /// Pods that run on each node.
    #[arg(long, default_value_t = 30)]
    pods: usize,
    /// All chance comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The document that has a place for the table.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Where the data of the charts goes.
    #[arg(long, value_name = "FOLDER", default_value = "target/scale")]
    data: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { nodes, pods, seed, document, data } = Arguments::parse();
    let mut outcomes = Vec::new();
    for (storm, nodes) in ALL.iter().flat_map(|storm| nodes.iter().map(move |nodes| (*storm, *nodes))) {
        let outcome = play(storm, Size { nodes, pods }, seed)?;
        tell(&outcome);
        page::chart(&outcome, &data)?;
        outcomes.push(outcome);
    }
    let table = page::table(&outcomes);
    println!("\n{table}");
    document.map_or(Ok(()), |document| page::put(&document, &table))
}

fn tell(outcome: &Outcome) {
    let refused = outcome.ledger.refused_peak();
    println!(
        "{} on {} nodes: {} requests, {} agents astray{}",
        outcome.storm.name(),
        outcome.nodes,
        outcome.ledger.requests(),
        outcome.astray.len(),
        if refused > 0 { format!(", at most {refused} a second while nobody listened") } else { String::new() },
    );
    outcome.astray.iter().take(5).for_each(|astray| println!("    {astray}"));
}
