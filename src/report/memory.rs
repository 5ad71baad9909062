//! What reporting remembers over the agent's end: its stories, what waits to be written, and what it has spent. Knows what
//! is kept, and of the disk only that it may refuse; it is never waited for longer than a bound, and never a reason to say
//! nothing.

mod keeper;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::journal::{Found, Journal};
use super::notice::{Notice, Telling};
use super::stories::{Announced, Key, Story};
use super::storm::{Held, Spent};
use super::tally::Kept;
use crate::model::diagnosis::Announcement;
use crate::model::ids::NodeId;
use crate::model::stage::Topic;

pub(super) use keeper::{Due, Keeper};

/// One line of the journal: from here on it is so, or no longer is. The later one holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Record {
    /// The node that all this is about.
    Node(NodeId),
    /// A story.
    Story { of: Key, is: Option<Story> },
    /// What waits to be written.
    Event { of: u64, is: Option<Box<Notice>> },
    /// What was left to spend.
    Spent(Spent),
    /// What was said once.
    Announced { of: Announcement, is: Option<Announced> },
    /// A story that a storm held back.
    Held { of: Held, is: bool },
}

impl Record {
    /// Where not all of it finds room, what goes last. A first report can be told anew, an ending can't.
    fn worth(&self) -> u8 {
        match self {
            Self::Node(_) => 0,
            Self::Story { .. } => 1,
            Self::Event { is: Some(notice), .. } if notice.telling == Telling::Ended => 2,
            Self::Event { .. } => 3,
            Self::Spent(_) => 4,
            Self::Announced { .. } => 5,
            Self::Held { .. } => 6,
        }
    }

    /// The story whose first report this is.
    fn begins(&self) -> Option<Held> {
        match self {
            Self::Event { is: Some(notice), .. } if notice.telling == Telling::First => {
                Some((notice.subject.uid().into(), Arc::clone(&notice.story)))
            }
            _ => None,
        }
    }

    /// The story that this is.
    fn story(&self) -> Option<Held> {
        match self {
            Self::Story { of: (uid, _), is: Some(story) } => Some((Arc::clone(uid), Arc::clone(story.id()))),
            _ => None,
        }
    }
}

/// What was kept by the agent that ran here before, and the way to keep more.
#[derive(Debug, Default)]
pub struct Memory {
    records: Vec<Record>,
    keeper: Option<Keeper>,
}

impl Memory {
    /// Opens the journal in `dir`, blocking. What can't be read or understood is a line in the log; the rest holds.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        match Journal::open(dir) {
            Ok((journal, found)) => {
                let (records, damaged) = understood(&found);
                Self { records, keeper: Some(Keeper::start(journal, damaged)) }
            }
            Err(error) => {
                let (keeper, dir) = (Some(Keeper::closed(dir.to_owned())), dir.display());
                tracing::warn!(%dir, %error, "the state directory can't be used; until it can, a restart may repeat or lose some");
                Self { records: Vec::new(), keeper }
            }
        }
    }

    /// The node that it is all about, as far as it was known.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Node(node) => Some(node.clone()),
            _ => None,
        })
    }

    /// The UIDs of the subjects that were told of and whose trouble has not ended, and what about them.
    #[must_use]
    pub fn open_stories(&self) -> Vec<(Arc<str>, Topic)> {
        let mut open = BTreeSet::new();
        for record in &self.records {
            match record {
                Record::Story { of, is: Some(story) } if story.is_open() => _ = open.insert(of),
                Record::Story { of, .. } => _ = open.remove(of),
                _ => {}
            }
        }
        open.into_iter().cloned().collect()
    }

    /// How the journal stands.
    pub(super) fn kept(&self) -> Kept {
        self.keeper.as_ref().map_or(Kept { failing: true, ..Kept::default() }, Keeper::kept)
    }

    pub(super) fn into_parts(self) -> (Vec<Record>, Option<Keeper>) {
        (self.records, self.keeper)
    }
}

/// What the lines say, and how many say nothing any more.
fn understood(found: &Found) -> (Vec<Record>, usize) {
    let mut strange = 0_usize;
    let mut last = String::new();
    let mut read = |line: &String| {
        serde_json::from_str(line).inspect_err(|error| (strange, last) = (strange + 1, error.to_string())).ok()
    };
    let records: Vec<Record> = found.lines.iter().filter_map(&mut read).collect();
    if found.damaged > 0 || strange > 0 {
        let (damaged, kept) = (found.damaged, records.len());
        tracing::warn!(damaged, strange, kept, last, "some of what was kept of before can't be read; the rest holds");
    }
    (records, found.damaged + strange)
}

/// As lines, and how many did not fit. A story whose first report waits goes with it: where that finds no room, it is told
/// anew.
fn lines(mut records: Vec<Record>) -> (Vec<String>, usize) {
    let waiting: BTreeSet<Held> = records.iter().filter_map(Record::begins).collect();
    records.sort_by_cached_key(|record| match record.story().filter(|story| waiting.contains(story)) {
        Some(story) => (3, Some(story), false),
        None => (record.worth(), record.begins(), true),
    });
    let lines = records.iter().map(|record| serde_json::to_string(record).unwrap_or_default());
    let mut lines = super::journal::fitting(lines);
    let (kept, left_out) = records.split_at(lines.len());
    if let Some(untold) = left_out.first().and_then(Record::begins)
        && kept.last().and_then(Record::story) == Some(untold)
    {
        lines.pop();
    }
    let left_out = records.len() - lines.len();
    (lines, left_out)
}

#[cfg(test)]
mod tests;
