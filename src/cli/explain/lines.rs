//! `--jsonl`: one JSON object in, one out, line by line. A line that is none is answered too, and the rest goes on.

use std::io::{BufRead, Read as _, Write};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::input::Message;
use crate::cli::exit;

/// Longer lines are no messages.
const BYTES_AT_MOST: u64 = 4 << 20;

#[derive(Deserialize)]
struct Line {
    message: String,
    #[serde(default)]
    reason: Option<String>,
}

/// Answers every line.
pub(super) fn answer(source: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let mut number = 0_u64;
    loop {
        let mut bytes = Vec::new();
        if source.by_ref().take(BYTES_AT_MOST).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(code);
        }
        number += 1;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let answer = match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) => {
                let reason = line.reason.filter(|reason| !reason.is_empty());
                serde_json::to_string(&Answer::to(&Message { reason, text: line.message, place: String::new() }))?
            }
            Err(error) => {
                code = exit::DATA.into();
                let wanted = "an object with message, and perhaps reason, is wanted";
                json!({"error": format!("line {number}, column {}: {wanted}", error.column())}).to_string()
            }
        };
        writeln!(out, "{answer}")?;
    }
}
