//! What happens to first reports beyond the budget: they are counted, and the counts become one Event on the Node. A
//! story that was held back is told at a later refresh if there is budget by then, and ends in silence if not. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::memory::Record;
use super::notice::{Notice, Telling};
use crate::model::cause::EventType;
use crate::model::diagnosis::{Announcement, Subject, announced};
use crate::model::ids::NodeId;
use crate::model::{Time, since};

/// A storm is told once it has gathered so long, and its next wave no sooner.
const GATHER: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(600);

/// Held-back stories, and what is left to spend.
#[derive(Debug)]
pub struct Storm {
    held: BTreeSet<Held>,
    spent: Spent,
    changed: BTreeSet<Held>,
    spent_changed: bool,
}

/// A story, by its subject's UID and its own id.
pub(super) type Held = (Arc<str>, Arc<str>);

/// What is left to spend, and what is gathered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spent {
    budget: Budget,
    counts: BTreeMap<String, u32>,
    gathering: Option<Time>,
    told: Option<Time>,
}

impl Storm {
    /// Calm, with a full budget.
    #[must_use]
    pub fn calm(now: Time) -> Self {
        let spent = Spent { budget: Budget::full(now), counts: BTreeMap::new(), gathering: None, told: None };
        Self { held: BTreeSet::new(), spent, changed: BTreeSet::new(), spent_changed: false }
    }

    /// What changed since the last call, as it is now.
    pub(super) fn take_changes(&mut self) -> Vec<Record> {
        let held = std::mem::take(&mut self.changed);
        let held = held.into_iter().map(|of| Record::Held { is: self.held.contains(&of), of });
        let spent = std::mem::take(&mut self.spent_changed).then(|| Record::Spent(self.spent.clone()));
        held.chain(spent).collect()
    }

    /// All of it is to be kept anew.
    pub(super) fn mark_all(&mut self) {
        self.changed.extend(self.held.iter().cloned());
        self.spent_changed = true;
    }

    /// Takes up what was held back before.
    pub(super) fn recall_held(&mut self, of: Held, is: bool) {
        if is {
            self.held.insert(of)
        } else {
            self.held.remove(&of)
        };
    }

    /// Takes up what was left before.
    pub(super) fn recall_spent(&mut self, spent: Spent) {
        self.spent = spent;
    }

    /// Whether this notice goes out as an Event of its own. What is not `admitted` is nobody's storm: it waits for the
    /// brake and costs no budget.
    pub fn lets_pass(&mut self, notice: &Notice, now: Time, admitted: bool) -> bool {
        if matches!(notice.subject, Subject::Node(_)) {
            return true;
        }
        let key = (notice.subject.uid().into(), Arc::clone(&notice.story));
        match notice.telling {
            Telling::Announced => true,
            Telling::Ended => !self.release(&key),
            Telling::First => !admitted || self.begins(key, notice, now),
            Telling::Refresh | Telling::Changed => {
                !self.held.contains(&key) || (admitted && self.begins(key, notice, now))
            }
        }
    }

    fn begins(&mut self, key: (Arc<str>, Arc<str>), notice: &Notice, now: Time) -> bool {
        self.spent_changed = true;
        if self.spent.budget.take(notice.counted_as(), now) {
            self.release(&key);
            return true;
        }
        // A brief word only points to the node's own Event, which has the count already.
        if !notice.brief && self.held.insert(key.clone()) {
            self.changed.insert(key);
            *self.spent.counts.entry(notice.counted_as().to_owned()).or_default() += 1;
            self.spent.gathering.get_or_insert(now);
        }
        false
    }

    fn release(&mut self, key: &Held) -> bool {
        let held = self.held.remove(key);
        if held {
            self.changed.insert(key.clone());
        }
        held
    }

    /// Subjects that are gone have nothing to be told any more.
    pub fn forget(&mut self, gone: &[Arc<str>]) {
        self.changed.extend(self.held.extract_if(.., |(uid, _)| gone.contains(uid)));
    }

    /// The announcement that stands for what was held back, when it is time for it.
    pub fn announce(&mut self, node: &NodeId, now: Time) -> Option<Announcement> {
        let gathered = self.spent.gathering.is_some_and(|from| since(from, now) >= GATHER);
        let quiet = self.spent.told.is_none_or(|at| since(at, now) >= AGAIN);
        if !gathered || !quiet {
            return None;
        }
        self.spent_changed = true;
        self.spent.gathering = None;
        self.spent.told = Some(now);
        let counts = std::mem::take(&mut self.spent.counts);
        let sentence = sentence(&counts);
        Some(Announcement {
            subject: Subject::Node(node.clone()),
            reason: announced::HELD_BACK,
            kind: EventType::Warning,
            sentence,
        })
    }
}

fn sentence(counts: &BTreeMap<String, u32>) -> String {
    let total: u32 = counts.values().sum();
    let causes: Vec<String> = counts.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    format!(
        "{total} more {} of this node: {}. Many came at once, so their own Events are held back and come as the storm \
         passes. Platform: the log of kubewhy on this node lists them all.",
        if total == 1 { "report on a pod" } else { "reports on pods" },
        causes.join(", "),
    )
}

#[cfg(test)]
mod tests;
