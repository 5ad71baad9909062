//! One label of the Node for each pre-pull set that is complete, for schedulers and people: written and taken away on a
//! change alone. A set of which it is not known yet how it stands keeps the label that it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::writer::{Fault, Style, Writer};
use super::{Sets, Standing, Watched, Worn, standing};
use crate::client::backoff::Backoff;
use crate::model::settings::PrepullSettings;

/// All labels of ours begin so; a set's name follows.
pub const PREFIX: &str = "prepull.kubewhy.dev/";
/// What they say. A label that says nothing of this kind is not there.
const COMPLETE: &str = "complete";
/// What changes faster is not followed.
const AT_LEAST: Duration = Duration::from_secs(5);
/// Between tries that fail.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// By key, what it is to say; none: it is to go.
type Changes = BTreeMap<Arc<str>, Option<&'static str>>;

/// Keeps the labels.
pub(super) struct Labels {
    pub(super) watched: Watched,
    pub(super) writer: Arc<Writer>,
}

impl Labels {
    /// Never ends.
    pub(super) async fn keep(mut self) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        let (mut wanted, mut said) = (false, None);
        let mut written = Changes::new(); // since the Node was last seen
        loop {
            let changes = self.changes(&mut wanted, &mut written);
            if changes.is_empty() {
                self.watched.changed().await;
                continue;
            }
            match self.writer.patch(Style::Merge, &json!({"metadata": {"labels": &changes}})).await {
                Ok(()) => {
                    tracing::debug!(?changes, "the node's pre-pull labels are written");
                    written.extend(changes);
                    backoff.reset();
                    said = None;
                    sleep(AT_LEAST).await;
                }
                Err(fault) => {
                    say(&fault, &mut said);
                    sleep(AT_LEAST + backoff.wait()).await;
                }
            }
        }
    }

    /// What is to be written. Switched off, what was written before is taken back, once.
    fn changes(&mut self, wanted: &mut bool, written: &mut Changes) -> Changes {
        if self.watched.worn.has_changed().unwrap_or_default() {
            written.clear();
        }
        let settings = self.watched.settings.borrow_and_update();
        let worn = self.watched.worn.borrow_and_update();
        let sets = self.watched.sets.borrow_and_update();
        let before = std::mem::replace(wanted, *wanted || settings.node_labels);
        let Some(worn) = worn.as_ref().filter(|_| *wanted) else { return Changes::new() };
        let mut changes = due(worn, &settings, &sets);
        changes.retain(|key, value| written.get(key) != Some(value));
        *wanted = settings.node_labels || before && !changes.is_empty();
        changes
    }
}

/// How the labels of this Node are to change.
fn due(worn: &Worn, settings: &PrepullSettings, sets: &Sets) -> Changes {
    let has = |key: &str| worn.labels.iter().find(|(known, _)| **known == *key).map(|(_, value)| &**value);
    let mut changes: Changes =
        worn.labels.iter().filter(|(key, _)| key.starts_with(PREFIX)).map(|(key, _)| (key.clone(), None)).collect();
    let asked = settings.sets.iter().filter(|set| settings.node_labels && set.selects(&worn.labels));
    for set in asked {
        let key: Arc<str> = format!("{PREFIX}{}", set.name).into();
        match (standing(set, sets), has(&key)) {
            (Standing::Complete, Some(COMPLETE)) | (Standing::Unknown, Some(_)) => _ = changes.remove(&key),
            (Standing::Complete, _) => _ = changes.insert(key, Some(COMPLETE)),
            (Standing::Incomplete, _) | (Standing::Unknown, None) => {}
        }
    }
    changes
}

/// Once for each way to fail.
fn say(fault: &Fault, said: &mut Option<bool>) {
    let forbidden = matches!(fault, Fault::Forbidden(_));
    if said.replace(forbidden) == Some(forbidden) {
        return;
    }
    match fault {
        Fault::Forbidden(error) => tracing::warn!(
            %error,
            "the node's pre-pull labels may not be written; give patch on nodes, as deploy/prepull-marks does"
        ),
        Fault::Away(error) => tracing::warn!(%error, "the node's pre-pull labels cannot be written; it is tried again"),
        Fault::Changed => tracing::warn!("the node's pre-pull labels are found faulty; it is tried again"),
    }
}
