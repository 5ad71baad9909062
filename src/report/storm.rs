//! What happens to first reports beyond the budget: they are counted, and the counts become one Event on the Node. A
//! story that was held back is told at a later refresh if there is budget by then, and ends in silence if not. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::notice::{Notice, Telling};
use crate::model::cause::EventType;
use crate::model::diagnosis::{Announcement, Subject};
use crate::model::ids::NodeId;
use crate::model::{Time, since};

/// The reason of the Event that stands for those that were held back.
pub const FOLDED: &str = "PodReportsHeldBack";
/// A storm is told once it has gathered so long, and its next wave no sooner.
const GATHER: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(600);

/// Held-back stories, by subject UID and story.
#[derive(Debug)]
pub struct Storm {
    budget: Budget,
    held: BTreeSet<(Arc<str>, Arc<str>)>,
    counts: BTreeMap<&'static str, u32>,
    gathering: Option<Time>,
    told: Option<Time>,
}

impl Storm {
    /// Calm, with a full budget.
    #[must_use]
    pub fn calm(now: Time) -> Self {
        Self { budget: Budget::full(now), held: BTreeSet::new(), counts: BTreeMap::new(), gathering: None, told: None }
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
            Telling::Ended => !self.held.remove(&key),
            Telling::First => !admitted || self.begins(key, notice, now),
            Telling::Refresh | Telling::Changed => {
                !self.held.contains(&key) || (admitted && self.begins(key, notice, now))
            }
        }
    }

    fn begins(&mut self, key: (Arc<str>, Arc<str>), notice: &Notice, now: Time) -> bool {
        if self.budget.take(notice.counted_as(), now) {
            self.held.remove(&key);
            return true;
        }
        // A brief word only points to the node's own Event, which has the count already.
        if !notice.brief && self.held.insert(key) {
            *self.counts.entry(notice.counted_as()).or_default() += 1;
            self.gathering.get_or_insert(now);
        }
        false
    }

    /// Subjects that are gone have nothing to be told any more.
    pub fn forget(&mut self, gone: &[Arc<str>]) {
        self.held.retain(|(uid, _)| !gone.contains(uid));
    }

    /// The announcement that stands for what was held back, when it is time for it.
    pub fn announce(&mut self, node: &NodeId, now: Time) -> Option<Announcement> {
        let gathered = self.gathering.is_some_and(|from| since(from, now) >= GATHER);
        let quiet = self.told.is_none_or(|at| since(at, now) >= AGAIN);
        if !gathered || !quiet {
            return None;
        }
        self.gathering = None;
        self.told = Some(now);
        let counts = std::mem::take(&mut self.counts);
        let sentence = sentence(&counts);
        Some(Announcement { subject: Subject::Node(node.clone()), reason: FOLDED, kind: EventType::Warning, sentence })
    }
}

fn sentence(counts: &BTreeMap<&'static str, u32>) -> String {
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
