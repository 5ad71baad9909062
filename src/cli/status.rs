//! `kubewhy status`: what the agent of this node sees, as a table, as one pod's timeline, or as JSON. It asks the agent on its
//! socket and looks at nothing itself.

mod agent;
mod document;
mod pulls;
pub(super) mod screen;
mod sets;
mod table;
mod timeline;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::line::Line;
use super::{Output, stop};
use crate::model::Time;
use crate::model::snapshot::Snapshot;
use crate::serve::api::DEFAULT_SOCKET;
pub use agent::NoAnswer;
use agent::{Agent, Told};
use document::Document;
use timeline::WhichPod;

/// What is to be shown, and how.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// NAME or NAMESPACE/NAME of a pod, for its start as a timeline; the whole node if none is given.
    pub pod: Option<String>,
    /// Go on showing it, in place on a terminal, until Ctrl-C [default: once].
    #[arg(short, long, env = "KUBEWHY_STATUS_WATCH", value_parser = BoolishValueParser::new())]
    pub watch: bool,
    /// The form of the answer; with --watch one JSON document a line.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Socket of the agent.
    #[arg(long, env = "KUBEWHY_API_SOCKET", default_value = DEFAULT_SOCKET)]
    pub api_socket: PathBuf,
}

/// Asks the agent and shows what it tells.
///
/// # Errors
/// [`NoAnswer`]; no such pod; the answer can't be written.
pub fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    runtime.block_on(async {
        if args.watch {
            let stop = stop::on_signal().context("no signal handlers")?;
            watch::run(args.api_socket.clone(), args.pod.as_deref(), args.output, &stop).await?;
        } else {
            tell(&ask(args).await?, args)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn ask(args: &StatusArgs) -> Result<Told, NoAnswer> {
    Agent::at(&args.api_socket).await?.snapshot().await
}

fn tell(told: &Told, args: &StatusArgs) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    match args.output {
        Output::Json => {
            let document = Document::of(&told.snapshot, args.pod.as_deref(), told.now)?;
            writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        }
        Output::Text => {
            let lines = page(&told.snapshot, args.pod.as_deref(), told.now, screen::size().0)?;
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    Ok(())
}

/// The page on a pod, or on the node.
fn page(of: &Snapshot, wanted: Option<&str>, now: Time, width: usize) -> Result<Vec<Line>, WhichPod> {
    match wanted {
        Some(name) => Ok(timeline::page(of, timeline::find(of, name)?, now, width)),
        None => Ok(table::page(of, now, width)),
    }
}

#[cfg(test)]
mod tests;
