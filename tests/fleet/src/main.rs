//! The `kubewhy-fleet` command: plays the storms, puts the table into a document and the data for the charts into a folder.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use kubewhy_fleet::cluster::Size;
use kubewhy_fleet::page;
use kubewhy_fleet::storm::{ALL, Outcome, Storm, play};

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
    let plays = nodes.iter().flat_map(|nodes| ALL.map(|storm| (storm, Size { nodes: *nodes, pods })));
    let outcomes = side_by_side(plays.collect(), seed)?;
    for outcome in &outcomes {
        page::chart(outcome, &data)?;
    }
    let table = page::table(&outcomes);
    println!("\n{table}");
    document.map_or(Ok(()), |document| page::put(&document, &table))
}

/// Plays them from the last to the first, as many at a time as keep the memory of a small machine; each by its own seed, so that
/// it does not matter beside what. By storm and size.
fn side_by_side(plays: Vec<(Storm, Size)>, seed: u64) -> anyhow::Result<Vec<Outcome>> {
    let (left, done) = (Mutex::new(plays), Mutex::new(Vec::new()));
    let work = || {
        while let Some((storm, size)) = left.lock().ok().and_then(|mut left| left.pop()) {
            let outcome = play(storm, size, seed)?;
            tell(&outcome);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
        anyhow::Ok(())
    };
    std::thread::scope(|scope| {
        let others = scope.spawn(work);
        work().and(others.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a storm could not be played to its end"))))
    })?;
    let mut outcomes = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| (outcome.storm.name(), outcome.nodes));
    Ok(outcomes)
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
