//! `kubewhy config schema`: the JSON schema of the configuration file, as it lies in the repository too.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::causes;
use crate::config;

/// Prints the schema.
///
/// # Errors
/// It can't be written.
pub fn run() -> anyhow::Result<ExitCode> {
    io::stdout().write_all(text().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The schema with the causes that this version knows.
pub(super) fn text() -> String {
    let catalogue: Vec<&str> = causes::ALL.iter().map(|cause| cause.id).collect();
    format!("{:#}\n", config::schema(&catalogue))
}
