//! What is to be written to the journal, and when. What changes while a write is under way goes with the next one.

use std::path::PathBuf;
use std::time::Duration;

use super::super::disk::Aside;
use super::super::journal::{Journal, Trouble};
use super::super::tally::Kept;
use super::Record;
use crate::client::backoff::Backoff;
use crate::model::{Time, after};

/// Between tries of a disk that refuses.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));

/// What is to be kept now.
pub(in crate::report) enum Due {
    /// Nothing: the disk has not answered yet, or is left alone for a while.
    Nothing,
    /// What changed since the last time.
    Changes,
    /// All that holds.
    All,
}

/// The journal, or where it is to be once the disk allows it.
#[derive(Debug)]
enum Place {
    Open(Journal),
    Closed(PathBuf),
}

/// How much of the journal is written then, in bytes, if it could be.
type Outcome = Result<usize, Trouble>;

/// The way to the journal.
#[derive(Debug)]
pub(in crate::report) struct Keeper {
    place: Aside<Place, Outcome>,
    anew: bool,
    backoff: Backoff,
    not_before: Option<Time>,
    kept: Kept,
}

impl Keeper {
    /// Begins with a journal to which nothing was written yet, and of which so many lines were damaged.
    pub(in crate::report) fn start(journal: Journal, damaged: usize) -> Self {
        Self::at(Place::Open(journal), Kept { damaged, ..Kept::default() })
    }

    /// Begins without one, for the directory can't be used yet.
    pub(in crate::report) fn closed(dir: PathBuf) -> Self {
        Self::at(Place::Closed(dir), Kept { failing: true, ..Kept::default() })
    }

    fn at(place: Place, kept: Kept) -> Self {
        let backoff = Backoff::new(RETRY.0, RETRY.1);
        Self { place: Aside::of(place), anew: true, backoff, not_before: None, kept }
    }

    /// How the journal stands. A disk that has not answered in time is no better than one that refuses.
    pub(in crate::report) fn kept(&self) -> Kept {
        Kept { failing: self.kept.failing || !self.place.is_idle(), ..self.kept }
    }

    /// What is to be kept, if anything can be.
    pub(in crate::report) fn due(&mut self, now: Time) -> Due {
        if let Some(outcome) = self.place.land() {
            self.settle(outcome, now);
        }
        let rests = self.not_before.is_some_and(|at| now < at);
        match self.anew {
            _ if rests || !self.place.is_idle() => Due::Nothing,
            true => Due::All,
            false => Due::Changes,
        }
    }

    /// Keeps these, and waits for that a little; false where all is to be kept anew at once.
    pub(in crate::report) async fn keep(&mut self, records: Vec<Record>, now: Time) -> bool {
        let anew = self.anew;
        if let Some(outcome) = self.place.write(move |place| write(place, records, anew)).await {
            self.settle(outcome, now);
        }
        !(self.anew && self.not_before.is_none())
    }

    fn settle(&mut self, outcome: Outcome, now: Time) {
        match outcome {
            Ok(bytes) => {
                self.kept.bytes = bytes;
                (self.anew, self.not_before) = (false, None);
                self.backoff.reset();
                if std::mem::take(&mut self.kept.failing) {
                    tracing::info!("stories are kept on disk again");
                }
            }
            Err(Trouble::Full) if !self.anew => self.anew = true,
            Err(error) => {
                self.anew = true;
                self.not_before = Some(after(now, RETRY.0 + self.backoff.wait()));
                if !std::mem::replace(&mut self.kept.failing, true) {
                    tracing::warn!(%error, "stories can't be kept on disk; until they can, a restart may repeat or lose some");
                }
            }
        }
    }
}

/// What an agent of before had kept is not taken up any more where it could not be read at the start.
fn write(place: &mut Place, records: Vec<Record>, anew: bool) -> Outcome {
    match place {
        Place::Open(journal) => put(journal, records, anew),
        Place::Closed(dir) => {
            let (mut journal, _) = Journal::open(dir)?;
            let outcome = put(&mut journal, records, anew);
            *place = Place::Open(journal);
            outcome
        }
    }
}

fn put(journal: &mut Journal, records: Vec<Record>, anew: bool) -> Outcome {
    if anew {
        let (lines, left_out) = super::lines(records);
        if left_out > 0 {
            tracing::warn!(
                left_out,
                "the journal has no room for all that is to be kept; what matters least is left out"
            );
        }
        journal.rewrite(&lines)?;
    } else {
        let lines: Vec<String> = records.iter().filter_map(|record| serde_json::to_string(record).ok()).collect();
        journal.append(&lines, true)?;
    }
    Ok(journal.used())
}
