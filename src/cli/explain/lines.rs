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
        if source.by_ref().take(BYTES_AT_MOST + 1).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(code);
        }
        number += 1;
        let answered = if bytes.len() as u64 > BYTES_AT_MOST && bytes.last() != Some(&b'\n') {
            source.skip_until(b'\n')?;
            Err(format!("line {number}: more than {} MiB are no message", BYTES_AT_MOST >> 20))
        } else if bytes.trim_ascii().is_empty() {
            continue;
        } else {
            one(&bytes, number)
        };
        let answer = answered.unwrap_or_else(|error| {
            code = exit::DATA.into();
            json!({ "error": error }).to_string()
        });
        writeln!(out, "{answer}")?;
    }
}

/// Bytes that are no UTF-8 are read as a log's are: what can't be read is left out of the words, not the words.
fn one(bytes: &[u8], number: u64) -> Result<String, String> {
    let line: Line = serde_json::from_str(&String::from_utf8_lossy(bytes)).map_err(|error| {
        let wanted = "an object with message, and perhaps reason, is wanted";
        format!("line {number}, column {}: {wanted}", error.column())
    })?;
    let reason = line.reason.filter(|reason| !reason.is_empty());
    let answer = Answer::to(&Message { reason, text: line.message, place: String::new() });
    serde_json::to_string(&answer).map_err(|error| format!("line {number}: {error}"))
}
