//! What was told, for a week at least: first reports, changes, endings and what is said once, long after the Events of it have
//! expired. Written beside everything else: a disk that is full, broken or hung costs lines, never the agent. It is for people;
//! what the agent itself must remember is in `memory`.

mod files;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::disk::Aside;
use super::notice::{Notice, Telling};
use super::told::Told;
use crate::model::{Time, since, wording};
use files::Files;

pub use files::{Found, NAMES, read};

/// Lines that may wait for a disk that hangs.
const WAITING: usize = 256;
/// A sentence is cut here.
const SENTENCE_BYTES: usize = 2_048;
/// What is too old goes also where nothing is told.
const TIDY: Duration = Duration::from_secs(3_600);

/// How many lines were to be written, and whether they are.
type Outcome = (usize, io::Result<()>);

/// The way to the history; by default there is none.
#[derive(Debug, Default)]
pub struct History {
    files: Option<Aside<Files, Outcome>>,
    waiting: Vec<String>,
    tidied: Option<Time>,
    lost: usize,
    failing: bool,
}

impl History {
    /// Kept in this directory. Nothing is opened yet.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self { files: Some(Aside::of(Files::at(dir))), ..Self::default() }
    }

    /// Writes these down, and waits for that a little.
    pub async fn tell(&mut self, notices: &[Notice], now: Time) {
        let Some(mut files) = self.files.take() else { return };
        let lines = notices.iter().filter(|notice| notice.telling != Telling::Refresh).map(line);
        self.waiting.extend(lines);
        self.lost += self.waiting.len().saturating_sub(WAITING);
        self.waiting.truncate(WAITING);
        if let Some(outcome) = files.land() {
            self.settle(outcome);
        }
        let tidy = self.tidied.is_none_or(|at| since(at, now) >= TIDY);
        if files.is_idle() && (tidy || !self.waiting.is_empty()) {
            self.tidied = Some(now);
            let lines = std::mem::take(&mut self.waiting);
            if let Some(outcome) = files.write(move |files| (lines.len(), files.append(&lines, now))).await {
                self.settle(outcome);
            }
        }
        self.files = Some(files);
    }

    fn settle(&mut self, (lines, result): Outcome) {
        let failed = std::mem::replace(&mut self.failing, result.is_err());
        self.lost += if result.is_err() { lines } else { 0 };
        match result {
            Err(error) if !failed => {
                tracing::warn!(%error, "the history can't be written; until it can, what is told is not in it");
            }
            Ok(()) if failed || self.lost > 0 => {
                let lost = std::mem::take(&mut self.lost);
                tracing::info!(lost, "the history is written again");
            }
            _ => {}
        }
    }
}

fn line(notice: &Notice) -> String {
    let mut told = Told::of(notice);
    if told.sentence.len() > SENTENCE_BYTES {
        told.sentence = wording::cut(&told.sentence, SENTENCE_BYTES).into();
    }
    serde_json::to_string(&told).map(|text| text + "\n").unwrap_or_default()
}

#[cfg(test)]
mod tests;
