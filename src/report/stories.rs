//! Which findings are news. Keeps one story per subject UID and topic through first report, refreshes, changes and
//! ending, and yields what is to be told. Pure: `now` is an argument, and it neither writes nor filters.

mod story;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::notice::{Notice, Telling};
use crate::model::diagnosis::{Announcement, Diagnosis, Findings, Subject};
use crate::model::ids::NodeId;
use crate::model::settings::Timing;
use crate::model::stage::Topic;
use crate::model::{Time, since};
use story::Story;

/// How long the API server keeps an Event that nobody writes (Kubernetes: `--event-ttl`, one hour by default).
pub const EVENT_TTL: Duration = Duration::from_secs(3_600);

type Key = (Arc<str>, Topic);

/// All stories of this node.
#[derive(Debug, Default)]
pub struct Stories {
    stories: BTreeMap<Key, Story>,
    announced: BTreeMap<Announcement, Time>,
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

    /// Takes one announcement; a notice unless the same was said within the Event TTL.
    pub fn announce(&mut self, now: Time, said: &Announcement) -> Option<Notice> {
        self.announced.retain(|_, at| since(*at, now) < EVENT_TTL);
        let named = Announcement { subject: nameless(&said.subject), ..said.clone() };
        if self.announced.contains_key(&named) {
            return None;
        }
        self.announced.insert(named, now);
        Some(Notice {
            at: now,
            telling: Telling::Announced,
            subject: said.subject.clone(),
            story: format!("announced: {}", said.sentence).into(),
            reason: said.reason,
            cause: None,
            kind: said.kind,
            sentence: said.sentence.clone(),
            field_path: None,
            evidence: Vec::new(),
            first: now,
            count: 1,
            brief: false,
        })
    }
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
