//! `kubewhy config check FILE`: is this file in order? Reads the file and nothing else, so it works anywhere.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::Output;
use crate::causes;
use crate::config::{self, BYTES_AT_MOST, Remark};

/// What is checked, and how the answer looks.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The configuration file.
    pub file: PathBuf,
    /// The form of the answer.
    #[arg(short, long, env = "KUBEWHY_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// The file has faults; they were told.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is refused; mend the lines named above")]
pub struct Refused;

#[derive(Serialize)]
struct Verdict {
    file: String,
    accepted: bool,
    faults: Vec<Remark>,
    notes: Vec<Remark>,
}

/// Checks the file.
///
/// # Errors
/// [`Refused`] if the file has faults; otherwise why it can't be read or the answer can't be written.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let catalogue: Vec<&str> = causes::ALL.iter().map(|cause| cause.id).collect();
    let file = args.file.display().to_string();
    let bytes = read(args).with_context(|| format!("{file} can't be read; give the path of a configuration file"))?;
    let verdict = match config::parse(&bytes, &catalogue) {
        Ok(accepted) => Verdict { file, accepted: true, faults: Vec::new(), notes: accepted.notes },
        Err(faults) => Verdict { file, accepted: false, faults, notes: Vec::new() },
    };
    match args.output {
        Output::Text => tell(&verdict)?,
        Output::Json => writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&verdict)?)?,
    }
    if verdict.accepted { Ok(ExitCode::SUCCESS) } else { Err(Refused.into()) }
}

fn read(args: &CheckArgs) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(&args.file)?.take(BYTES_AT_MOST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn tell(verdict: &Verdict) -> io::Result<()> {
    let Verdict { file, accepted, faults, notes } = verdict;
    for fault in faults {
        writeln!(io::stderr(), "{file}:{fault}")?;
    }
    for note in notes {
        writeln!(io::stdout(), "{file}:{}:{}: note: {}", note.at.line, note.at.column, note.says)?;
    }
    if *accepted { writeln!(io::stdout(), "{file}: in order") } else { Ok(()) }
}
