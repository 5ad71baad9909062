//! Whether the credentials of a set that fails have changed since: what they refused may be let in by now. Looks at them only
//! while a set fails, and keeps nothing of them but a mark.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::credentials::{Credentials, Mark};
use super::plan::PlannedSet;
use crate::clock::Clock;
use crate::model::settings::CredentialSource;
use crate::model::{Time, after};

/// Between two looks. The kubelet itself brings a rotated Secret only within about a minute.
const PERIOD: Duration = Duration::from_secs(15);

/// Looks at credentials.
pub(super) struct Changes {
    credentials: Credentials,
    clock: Clock,
    known: BTreeMap<Arc<str>, Known>,
    looking: JoinSet<(Arc<str>, Option<Mark>)>,
}

struct Known {
    source: CredentialSource,
    mark: Option<Mark>,
    /// None while it is being looked at.
    due: Option<Time>,
}

impl Changes {
    pub(super) fn new(credentials: Credentials, clock: Clock) -> Self {
        Self { credentials, clock, known: BTreeMap::new(), looking: JoinSet::new() }
    }

    /// Begins the looks that are due, at the sets that fail; what is known of others is forgotten.
    pub(super) fn look_at<'a>(&mut self, failing: impl Iterator<Item = &'a PlannedSet>, now: Time) {
        let sources: BTreeMap<Arc<str>, CredentialSource> = failing
            .filter_map(|planned| Some((planned.set.name.clone(), planned.set.credentials.as_ref()?.source.clone())))
            .collect();
        self.known.retain(|set, known| sources.get(set) == Some(&known.source));
        for (set, source) in sources {
            let first = Known { source, mark: None, due: Some(now) };
            let known = self.known.entry(set.clone()).or_insert(first);
            if known.due.is_some_and(|due| due <= now) {
                known.due = None;
                let (credentials, source) = (self.credentials.clone(), known.source.clone());
                self.looking.spawn(async move { (set, credentials.mark(&source).await) });
            }
        }
    }

    /// When the next look falls due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.known.values().filter_map(|known| known.due).min()
    }

    /// The next set whose credentials are not what they were at the look before.
    pub(super) async fn changed(&mut self) -> Arc<str> {
        loop {
            let Some(looked) = self.looking.join_next().await else { return pending().await };
            let Ok((set, mark)) = looked else { continue };
            let Some(known) = self.known.get_mut(&set) else { continue };
            known.due = Some(after(self.clock.now(), PERIOD));
            let changed = known.mark.is_some() && mark.is_some() && known.mark != mark;
            known.mark = mark.or(known.mark.take());
            if changed {
                return set;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::{CredentialSettings, PrepullSet};
    use tokio::time::{advance, timeout};

    /// Looks, and what that tells within the time that a look may take.
    async fn look(changes: &mut Changes, failing: &[PlannedSet]) -> Option<Arc<str>> {
        let now = changes.clock.now();
        changes.look_at(failing.iter(), now);
        timeout(Duration::from_secs(10), changes.changed()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_that_fails_is_told_once_when_its_credentials_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.json");
        std::fs::write(&file, r#"{"auths":{}}"#).unwrap();
        let credentials =
            Some(CredentialSettings { source: CredentialSource::File(file.clone()), any_pod_may_use: true });
        let set = PrepullSet { credentials, ..PrepullSet::new("base", vec!["a:1".into()]) };
        let failing = [PlannedSet { set, delay: Duration::ZERO, refused: None }];
        let clock = Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap());
        let mut changes = Changes::new(Credentials::new(clock), clock);
        assert_eq!(look(&mut changes, &failing).await, None, "the first look only learns");
        std::fs::write(&file, r#"{"auths":{"r.io":{}}}"#).unwrap();
        assert_eq!(look(&mut changes, &failing).await, None, "it is not looked at all the time");
        advance(PERIOD).await;
        assert_eq!(look(&mut changes, &failing).await.as_deref(), Some("base"));
        advance(PERIOD).await;
        assert_eq!(look(&mut changes, &failing).await, None);
        assert!(changes.next_due().is_some());
        assert_eq!(look(&mut changes, &[]).await, None);
        assert_eq!(changes.next_due(), None, "nothing fails any more");
    }
}
