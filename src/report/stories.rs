//! Which findings are news. Keeps one story per subject UID and topic through first report, refreshes, changes and
//! ending, and yields what is to be told. Pure: `now` is an argument, and it neither writes nor filters.

mod story;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::memory::Record;
use super::notice::{Notice, Telling};
use crate::model::cause::EventType;
use crate::model::diagnosis::{Announcement, Diagnosis, Findings, Subject};
use crate::model::ids::NodeId;
use crate::model::settings::Timing;
use crate::model::stage::Topic;
use crate::model::{Time, since};
use story::EVERY;
pub(super) use story::Story;

/// How long the API server keeps an Event that nobody writes (Kubernetes: `--event-ttl`, one hour by default).
pub const EVENT_TTL: Duration = Duration::from_secs(3_600);

pub(super) type Key = (Arc<str>, Topic);

/// All stories of this node.
#[derive(Debug, Default)]
pub struct Stories {
    stories: BTreeMap<Key, Story>,
    announced: BTreeMap<Announcement, Announced>,
    changed: Changed,
}

/// What is to be kept of the last turns.
#[derive(Debug, Default)]
struct Changed {
    stories: BTreeSet<Key>,
    announced: BTreeSet<Announcement>,
}

impl Changed {
    /// What a turn makes of a story; it is to be kept if that changed it.
    fn by(&mut self, key: Key, story: &mut Story, turn: impl FnOnce(&mut Story) -> Option<Notice>) -> Option<Notice> {
        let before = story.state();
        let notice = turn(story);
        if story.state() != before {
            self.stories.insert(key);
        }
        notice
    }
}

impl Stories {
    /// Takes the findings of one look and yields what is to be told of them, in order per subject.
    pub fn turn(&mut self, now: Time, findings: &Findings, timing: &Timing) -> Vec<Notice> {
        if let Some(node) = node_of(findings) {
            self.adopt(node);
        }
        let over = self
            .stories
            .extract_if(.., |(uid, _), story| findings.gone.contains(uid) || story.is_over(now, timing.reopen));
        self.changed.stories.extend(over.map(|(key, _)| key));
        let mut notices = self.diagnosed(now, &findings.diagnoses);
        notices.extend(self.cleared(now, findings, timing.clear));
        notices.extend(findings.announcements.iter().filter_map(|said| self.announce(now, said)));
        notices
    }

    /// What changed since the last call, as it is now.
    pub(super) fn take_changes(&mut self) -> Vec<Record> {
        let Changed { stories, announced } = std::mem::take(&mut self.changed);
        let stories = stories.into_iter().map(|of| Record::Story { is: self.stories.get(&of).cloned(), of });
        let announced = announced.into_iter().map(|of| Record::Announced { is: self.announced.get(&of).copied(), of });
        stories.chain(announced).collect()
    }

    /// All of it is to be kept anew.
    pub(super) fn mark_all(&mut self) {
        self.changed.stories.extend(self.stories.keys().cloned());
        self.changed.announced.extend(self.announced.keys().cloned());
    }

    /// Takes up a story of before, as if it was heard of at that time: from then on, what is well has to prove it.
    pub(super) fn recall(&mut self, of: Key, is: Option<Story>, heard: Time) {
        match is {
            Some(story) => _ = self.stories.insert(of, story.recalled(heard)),
            None => _ = self.stories.remove(&of),
        }
    }

    /// Takes up what was announced before; it was heard of last at that time.
    pub(super) fn recall_announced(&mut self, of: Announcement, is: Option<Announced>, heard: Time) {
        match is {
            Some(announced) => _ = self.announced.insert(of, Announced { heard, ..announced }),
            None => _ = self.announced.remove(&of),
        }
    }

    /// A node story that began before the node's UID was known goes on under it.
    fn adopt(&mut self, node: &NodeId) {
        let nameless: Vec<Key> = self.stories.keys().filter(|(uid, _)| uid.is_empty()).cloned().collect();
        for key in nameless {
            if let Some(story) = self.stories.remove(&key) {
                let named = (Arc::clone(&node.uid), key.1.clone());
                self.stories.entry(named.clone()).or_insert(story);
                self.changed.stories.extend([key, named]);
            }
        }
    }

    fn diagnosed(&mut self, now: Time, diagnoses: &[Diagnosis]) -> Vec<Notice> {
        let mut heard = BTreeSet::new();
        let mut notices = Vec::new();
        for diagnosis in diagnoses {
            let key = key(&diagnosis.subject, &diagnosis.topic);
            if !heard.insert(key.clone()) {
                continue; // one cause per topic: the first outranks
            }
            match self.stories.get_mut(&key) {
                Some(story) => notices.extend(self.changed.by(key, story, |story| story.hear(now, diagnosis))),
                None => {
                    let (story, first) = Story::begin(now, diagnosis);
                    self.changed.stories.insert(key.clone());
                    self.stories.insert(key, story);
                    notices.push(first);
                }
            }
        }
        notices
    }

    fn cleared(&mut self, now: Time, findings: &Findings, dwell: Duration) -> Vec<Notice> {
        let mut notices = Vec::new();
        for cleared in &findings.cleared {
            let key = key(&cleared.subject, &cleared.topic);
            let Some(story) = self.stories.get_mut(&key) else { continue };
            notices.extend(self.changed.by(key, story, |story| story.end(now, cleared, dwell)));
        }
        notices
    }

    /// Takes one announcement. A notice the first time; for a warning that goes on being true, again at half the Event TTL.
    pub fn announce(&mut self, now: Time, said: &Announcement) -> Option<Notice> {
        let stale = self.announced.extract_if(.., |_, before| since(before.heard, now) >= EVENT_TTL);
        self.changed.announced.extend(stale.map(|(said, _)| said));
        let named = Announcement { subject: nameless(&said.subject), ..said.clone() };
        let announced = self.announced.entry(named.clone()).or_insert(Announced { first: now, heard: now, told: 0 });
        announced.heard = now;
        let due = match said.kind {
            EventType::Normal => Duration::ZERO,
            EventType::Warning => since(announced.first, now),
        };
        if u64::from(announced.told) > due.as_secs() / EVERY.as_secs() {
            return None;
        }
        announced.told = announced.told.saturating_add(1);
        self.changed.announced.insert(named);
        Some(Notice {
            at: now,
            telling: if announced.told > 1 { Telling::Refresh } else { Telling::Announced },
            subject: said.subject.clone(),
            story: format!("announced: {}", said.sentence).into(),
            reason: said.reason,
            cause: None,
            kind: said.kind,
            sentence: said.sentence.clone(),
            in_full: None,
            field_path: None,
            evidence: Vec::new(),
            first: announced.first,
            count: announced.told,
            brief: false,
        })
    }
}

/// How often something was announced.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Announced {
    first: Time,
    #[serde(skip)]
    heard: Time,
    told: u32,
}

fn key(subject: &Subject, topic: &Topic) -> Key {
    (subject.uid().into(), topic.clone())
}

/// The subject without the node's UID: what was announced before the UID was known is not news when it is.
fn nameless(subject: &Subject) -> Subject {
    match subject {
        Subject::Node(node) => Subject::Node(NodeId { name: Arc::clone(&node.name), uid: "".into() }),
        pod @ Subject::Pod(_) => pod.clone(),
    }
}

/// The node's own name and UID, if the findings tell its UID.
#[must_use]
pub fn node_of(findings: &Findings) -> Option<&NodeId> {
    let diagnosed = findings.diagnoses.iter().map(|d| &d.subject);
    let cleared = findings.cleared.iter().map(|c| &c.subject);
    let announced = findings.announcements.iter().map(|a| &a.subject);
    diagnosed.chain(cleared).chain(announced).find_map(|subject| match subject {
        Subject::Node(node) if !node.uid.is_empty() => Some(node),
        _ => None,
    })
}
