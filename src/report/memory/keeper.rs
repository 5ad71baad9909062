//! The journal on a thread of its own: a disk that hangs holds up nothing but that thread. At most one write is under way;
//! what changes meanwhile goes with the next one.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::journal::{Journal, Trouble};
use super::super::tally::Kept;
use super::Record;
use crate::client::backoff::Backoff;
use crate::model::{Time, after};

/// An answer of the disk is waited for so long before an Event goes out that is not kept yet.
const PATIENCE: Duration = Duration::from_secs(1);
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

/// The way to the journal.
#[derive(Debug)]
pub(in crate::report) struct Keeper {
    place: Option<Place>,
    writing: Option<oneshot::Receiver<(Place, Result<(), Trouble>)>>,
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
        Self { place: Some(place), writing: None, anew: true, backoff, not_before: None, kept }
    }

    /// How the journal stands. A disk that has not answered in time is no better than one that refuses.
    pub(in crate::report) fn kept(&self) -> Kept {
        Kept { failing: self.kept.failing || self.writing.is_some(), ..self.kept }
    }

    /// What is to be kept, if anything can be.
    pub(in crate::report) fn due(&mut self, now: Time) -> Due {
        if let Some(writing) = &mut self.writing {
            match writing.try_recv() {
                Ok(written) => self.settle(written, now),
                Err(oneshot::error::TryRecvError::Empty) => return Due::Nothing,
                Err(oneshot::error::TryRecvError::Closed) => self.writing = None,
            }
        }
        match &self.place {
            None => Due::Nothing,
            Some(_) if self.not_before.is_some_and(|at| now < at) => Due::Nothing,
            Some(_) if self.anew => Due::All,
            Some(_) => Due::Changes,
        }
    }

    /// Keeps these, and waits for that a little; false where all is to be kept anew at once.
    pub(in crate::report) async fn keep(&mut self, records: Vec<Record>, now: Time) -> bool {
        let Some(place) = self.place.take() else { return true };
        let anew = self.anew;
        let (told, mut writing) = oneshot::channel();
        tokio::task::spawn_blocking(move || drop(told.send(write(place, records, anew))));
        match tokio::time::timeout(PATIENCE, &mut writing).await {
            Ok(Ok(written)) => self.settle(written, now),
            Ok(Err(_)) => {}
            Err(_) => self.writing = Some(writing),
        }
        !(self.anew && self.not_before.is_none())
    }

    fn settle(&mut self, (place, result): (Place, Result<(), Trouble>), now: Time) {
        let used = if let Place::Open(journal) = &place { journal.used() } else { 0 };
        (self.place, self.writing) = (Some(place), None);
        match result {
            Ok(()) => {
                self.kept.bytes = used;
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
fn write(place: Place, records: Vec<Record>, anew: bool) -> (Place, Result<(), Trouble>) {
    let mut journal = match place {
        Place::Open(journal) => journal,
        Place::Closed(dir) => match Journal::open(&dir) {
            Ok((journal, _)) => journal,
            Err(error) => return (Place::Closed(dir), Err(error.into())),
        },
    };
    let result = if anew {
        let (lines, left_out) = super::lines(records);
        if left_out > 0 {
            tracing::warn!(
                left_out,
                "the journal has no room for all that is to be kept; what matters least is left out"
            );
        }
        journal.rewrite(&lines)
    } else {
        let lines: Vec<String> = records.iter().filter_map(|record| serde_json::to_string(record).ok()).collect();
        journal.append(&lines, true)
    };
    (Place::Open(journal), result)
}
