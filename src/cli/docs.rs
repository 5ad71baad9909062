//! `kubewhy docs`: the documents that are made from the program itself, so that they can't tell anything else than it does.

mod causes;
mod flags;
mod metrics;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::config_schema;

/// Where the documents are.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// The repository's root.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
    /// Write nothing; fail if a document is not current.
    #[arg(long)]
    pub check: bool,
}

/// A document: its path in the repository, and what makes it.
type Document = (&'static str, fn() -> String);

/// All of them.
const DOCUMENTS: &[Document] = &[
    ("deploy/config.schema.json", config_schema::text),
    ("docs/causes.md", causes::page),
    ("docs/flags.md", flags::page),
    ("docs/metrics.md", metrics::page),
];

/// Writes the documents, or checks them.
///
/// # Errors
/// A document can't be written, or is not current.
pub fn run(args: &DocsArgs) -> anyhow::Result<ExitCode> {
    for (path, make) in DOCUMENTS {
        let file = args.root.join(path);
        if args.check {
            check(&file, &make())?;
        } else {
            fs::write(&file, make()).with_context(|| format!("{} can't be written", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, current: &str) -> anyhow::Result<()> {
    let there = fs::read_to_string(file).unwrap_or_default();
    anyhow::ensure!(there == current, "{} is not current; run `kubewhy docs` and commit it", file.display());
    Ok(())
}
