//! Which occurrences are one Event, which are too many (Kubernetes: client-go/tools/record/events_cache.go). No I/O.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::time::Instant;

use super::{Occurrence, Type};

/// Keys remembered of each kind before all are forgotten; client-go's LRU is as large.
const REMEMBERED: usize = 4096;
/// This many distinct messages of one reason within the window become one combined Event.
const DISTINCT: usize = 10;
const WINDOW: Duration = Duration::from_secs(600);
/// The budget of one object and type: a burst, then one in five minutes.
const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_secs(300);

/// An occurrence as it is to be written: created when `count` is 1, patched otherwise.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) name: String,
    pub(super) count: i32,
    pub(super) first: Timestamp,
    /// Whether it stands for many messages.
    pub(super) combined: bool,
    pub(super) what: Occurrence,
}

/// The memory of one recorder.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    groups: HashMap<Key, Group>,
    written: HashMap<Key, Written>,
    budgets: HashMap<Key, Budget>,
}

/// An object with whatever else tells Events apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    object: [Option<String>; 5],
    r#type: Type,
    reason: String,
    message: String,
}

#[derive(Debug)]
struct Group {
    messages: HashSet<String>,
    last: Instant,
}

#[derive(Debug, Clone)]
struct Written {
    name: String,
    count: i32,
    first: Timestamp,
}

#[derive(Debug)]
struct Budget {
    tokens: f64,
    at: Instant,
}

impl Correlator {
    /// The Event to write, or none when this object has spoken too often.
    pub(super) fn observe(&mut self, mut what: Occurrence, now: Instant) -> Option<Said> {
        let combined = self.joins_many(&what, now);
        if combined {
            what.message = format!("(combined from similar events): {}", what.message);
        }
        let mut key = key(&what);
        if combined {
            key.message.clear();
        }
        let fresh = Written { name: event_name(&what), count: 0, first: what.at };
        let written = remember(&mut self.written, key, || fresh);
        written.count += 1;
        let said = Said { name: written.name.clone(), count: written.count, first: written.first, combined, what };
        self.may_speak(&said.what, now).then_some(said)
    }

    fn joins_many(&mut self, what: &Occurrence, now: Instant) -> bool {
        let mut key = key(what);
        key.message.clear();
        let group = remember(&mut self.groups, key, || Group { messages: HashSet::new(), last: now });
        if now.duration_since(group.last) > WINDOW {
            group.messages.clear();
        }
        group.last = now;
        if group.messages.len() >= DISTINCT {
            return true;
        }
        group.messages.insert(what.message.clone());
        group.messages.len() >= DISTINCT
    }

    fn may_speak(&mut self, what: &Occurrence, now: Instant) -> bool {
        let key = Key { reason: String::new(), message: String::new(), ..key(&without_field(what)) };
        let budget = remember(&mut self.budgets, key, || Budget { tokens: BURST, at: now });
        let earned = now.duration_since(budget.at).as_secs_f64() / REFILL.as_secs_f64();
        budget.tokens = (budget.tokens + earned).min(BURST);
        budget.at = now;
        let may = budget.tokens >= 1.0;
        if may {
            budget.tokens -= 1.0;
        }
        may
    }
}

fn remember<V>(memory: &mut HashMap<Key, V>, key: Key, fresh: impl FnOnce() -> V) -> &mut V {
    if memory.len() >= REMEMBERED && !memory.contains_key(&key) {
        memory.clear();
    }
    memory.entry(key).or_insert_with(fresh)
}

fn key(what: &Occurrence) -> Key {
    let ObjectReference { kind, namespace, name, uid, field_path, .. } = what.about.clone();
    let object = [kind, namespace, name, uid, field_path];
    Key { object, r#type: what.r#type, reason: what.reason.clone(), message: what.message.clone() }
}

fn without_field(what: &Occurrence) -> Occurrence {
    let mut what = what.clone();
    what.about.field_path = None;
    what
}

fn event_name(what: &Occurrence) -> String {
    let object = what.about.name.as_deref().unwrap_or_default();
    format!("{object}.{:x}", what.at.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(message: &str) -> Occurrence {
        let about = ObjectReference { name: Some("pod".to_owned()), ..ObjectReference::default() };
        let at = Timestamp::UNIX_EPOCH;
        Occurrence { about, r#type: Type::Warning, reason: "Failed".to_owned(), message: message.to_owned(), at }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_words_are_counted_under_one_name() {
        let mut correlator = Correlator::default();
        let now = Instant::now();
        let counts = [1, 2, 3].map(|_| correlator.observe(occurrence("no"), now).unwrap().count);
        assert_eq!(counts, [1, 2, 3]);
        assert_eq!(correlator.observe(occurrence("other"), now).unwrap().count, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tenth_distinct_message_begins_a_combined_event() {
        let mut correlator = Correlator::default();
        let now = Instant::now();
        let said: Vec<Said> =
            (0..12).filter_map(|n| correlator.observe(occurrence(&format!("sandbox {n}")), now)).collect();
        assert_eq!(said[8].what.message, "sandbox 8");
        assert_eq!(said[9].what.message, "(combined from similar events): sandbox 9");
        assert_eq!((said[11].count, said[11].combined), (3, true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_may_speak_twenty_five_times_and_then_once_in_five_minutes() {
        let mut correlator = Correlator::default();
        let start = Instant::now();
        let heard = (0..40).filter(|_| correlator.observe(occurrence("no"), start).is_some()).count();
        assert_eq!(heard, 25);
        assert!(correlator.observe(occurrence("no"), start + Duration::from_secs(299)).is_none());
        assert!(correlator.observe(occurrence("no"), start + Duration::from_secs(301)).is_some());
    }
}
