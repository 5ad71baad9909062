//! Which findings are news. Keeps one story per subject UID and topic through first report, refreshes, changes and
//! ending, and yields what is to be told. Pure: `now` is an argument, and it neither writes nor filters.

mod story;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::notice::{Notice, Telling};
use crate::model::cause::EventType;
use crate::model::diagnosis::{Announcement, Diagnosis, Findings, Subject};
use crate::model::ids::NodeId;
use crate::model::settings::Timing;
use crate::model::stage::Topic;
use crate::model::{Time, since};
use story::{EVERY, Story};

/// How long the API server keeps an Event that nobody writes (Kubernetes: `--event-ttl`, one hour by default).
pub const EVENT_TTL: Duration = Duration::from_secs(3_600);

type Key = (Arc<str>, Topic);

/// All stories of this node.
#[derive(Debug, Default)]
pub struct Stories {
    stories: BTreeMap<Key, Story>,
    announced: BTreeMap<Announcement, Announced>,
}

impl Stories {
    /// Takes the findings of one look and yields what is to be told of them, in order per subject.
    pub fn turn(&mut self, now: Time, findings: &Findings, timing: &Timing) -> Vec<Notice> {
        if let Some(node) = node_of(findings) {
            self.adopt(node);
        }
        self.stories.retain(|(uid, _), story| !findings.gone.contains(uid) && !story.is_over(now, timing.reopen));
        let mut notices = self.diagnosed(now, &findings.diagnoses);
        notices.extend(self.cleared(now, findings, timing.clear));
        notices.extend(findings.announcements.iter().filter_map(|said| self.announce(now, said)));
        notices
    }

    /// A node story that began before the node's UID was known goes on under it.
    fn adopt(&mut self, node: &NodeId) {
        let nameless: Vec<Key> = self.stories.keys().filter(|(uid, _)| uid.is_empty()).cloned().collect();
        for key in nameless {
            if let Some(story) = self.stories.remove(&key) {
                self.stories.entry((Arc::clone(&node.uid), key.1)).or_insert(story);
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
                Some(story) => notices.extend(story.hear(now, diagnosis)),
                None => {
                    let (story, first) = Story::begin(now, diagnosis);
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
            if let Some(story) = self.stories.get_mut(&key(&cleared.subject, &cleared.topic)) {
                notices.extend(story.end(now, cleared, dwell));
            }
        }
        notices
    }

    /// Takes one announcement. A notice the first time; for a warning that goes on being true, again at half the Event TTL.
    pub fn announce(&mut self, now: Time, said: &Announcement) -> Option<Notice> {
        self.announced.retain(|_, before| since(before.heard, now) < EVENT_TTL);
        let named = Announcement { subject: nameless(&said.subject), ..said.clone() };
        let announced = self.announced.entry(named).or_insert(Announced { first: now, heard: now, told: 0 });
        announced.heard = now;
        let due = match said.kind {
            EventType::Normal => Duration::ZERO,
            EventType::Warning => since(announced.first, now),
        };
        if u64::from(announced.told) > due.as_secs() / EVERY.as_secs() {
            return None;
        }
        announced.told = announced.told.saturating_add(1);
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
#[derive(Debug)]
struct Announced {
    first: Time,
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
