//! The startup taint: taken off the Node once every essential set of it is complete, and after ten minutes whatever they
//! are: a registry that is down must not leave a cluster without nodes. Only the taint of that key goes, by steps that the
//! API server takes all or not at all, so that what others put there meanwhile stays.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::writer::{Fault, Style, Writer};
use super::{Standing, Watched, standing};
use crate::client::backoff::Backoff;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::prepull::StartupTaint;
use crate::model::{Time, since};

/// From when the taint was first seen on the Node, or the Node was made with it.
const PATIENCE: Duration = Duration::from_secs(600);
/// A younger Node was made with the taint that it has: an agent that keeps ending must not hold it for ever. On an older one
/// somebody may have put it just now.
const NEW: Duration = Duration::from_secs(3_600);
/// Another writer may be quicker this often in a row.
const RACES: usize = 5;
/// Between tries while the API server is away.
const AWAY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Between tries while it refuses.
const FORBIDDEN: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// Takes the taint off.
pub(super) struct Taint {
    pub(super) watched: Watched,
    pub(super) writer: Arc<Writer>,
    pub(super) clock: Clock,
    pub(super) out: mpsc::Sender<Observation>,
}

/// Since when a taint stands that is seen now, on a Node that was made then.
fn made_or(now: Time, created: Option<Time>) -> Time {
    created.filter(|created| since(*created, now) < NEW).map_or(now, |created| created.min(now))
}

/// What is to be done about it now.
enum Turn {
    /// Nothing, before something changes.
    Rest,
    /// Nothing, before this is over or something changes.
    Wait(Duration),
    /// It is to go, though these sets are not complete.
    Remove(Arc<str>, Vec<Arc<str>>),
}

impl Taint {
    /// Never ends, for a Node may be made anew with its taint.
    pub(super) async fn take_off(mut self) {
        let mut seen = None;
        let mut pace = Pace::new();
        loop {
            match self.turn(&mut seen) {
                Turn::Rest => self.watched.changed().await,
                Turn::Wait(left) => tokio::select! {
                    () = self.watched.changed() => {}
                    () = sleep(left) => {}
                },
                Turn::Remove(taint, unfinished) => match self.remove(&taint).await {
                    Ok(removed) => {
                        pace = Pace::new();
                        if removed {
                            self.tell_gone(taint, unfinished).await;
                        }
                        self.news_of_the_node().await;
                    }
                    Err(fault) => self.failed(fault, &taint, &mut pace).await,
                },
            }
        }
    }

    fn turn(&mut self, seen: &mut Option<(Arc<str>, Time)>) -> Turn {
        let settings = self.watched.settings.borrow_and_update();
        let worn = self.watched.worn.borrow_and_update();
        let sets = self.watched.sets.borrow_and_update();
        let key = settings.startup_taint.clone().zip(worn.as_ref()).filter(|(key, worn)| worn.taints.contains(key));
        let Some((key, worn)) = key else {
            *seen = None;
            return Turn::Rest;
        };
        let now = self.clock.now();
        let (_, first) =
            seen.take_if(|(of, _)| *of == key).unwrap_or_else(|| (key.clone(), made_or(now, worn.created)));
        *seen = Some((key.clone(), first));
        let essential = settings.sets.iter().filter(|set| set.essential && set.selects(&worn.labels));
        let unfinished = essential.filter(|set| standing(set, &sets) != Standing::Complete);
        let unfinished: Vec<_> = unfinished.map(|set| set.name.clone()).collect();
        let left = PATIENCE.saturating_sub(since(first, now));
        if unfinished.is_empty() || left.is_zero() { Turn::Remove(key, unfinished) } else { Turn::Wait(left) }
    }

    /// Whether it was there to be removed.
    async fn remove(&self, taint: &str) -> Result<bool, Fault> {
        for _ in 0..RACES {
            let taints = self.writer.taints().await?.unwrap_or_default();
            let steps = steps(&taints, taint);
            if steps.is_empty() {
                return Ok(false);
            }
            match self.writer.patch(Style::Steps, &Value::Array(steps)).await {
                Err(Fault::Changed) => {}
                done => return done.map(|()| true),
            }
        }
        Err(Fault::Away("the taints changed at every try".to_owned()))
    }

    /// What is known of the Node is older than what was read just now.
    async fn news_of_the_node(&mut self) {
        tokio::select! {
            Ok(()) = self.watched.worn.changed() => {}
            Ok(()) = self.watched.settings.changed() => {}
            else => std::future::pending().await,
        }
    }

    async fn tell_gone(&self, taint: Arc<str>, unfinished: Vec<Arc<str>>) {
        if unfinished.is_empty() {
            tracing::info!(%taint, "the startup taint is gone: the essential pre-pull sets are complete");
        } else {
            let sets = unfinished.join(", ");
            tracing::warn!(%taint, %sets, "the startup taint is gone after 10 min; these pre-pull sets are not complete");
        }
        self.tell(StartupTaint::Gone { taint, unfinished }).await;
    }

    async fn failed(&mut self, fault: Fault, taint: &Arc<str>, pace: &mut Pace) {
        let news = pace.news(&fault);
        let wait = pace.wait(&fault);
        match fault {
            Fault::Forbidden(error) if news => {
                tracing::warn!(
                    %taint,
                    %error,
                    "the startup taint may not be taken off; give patch on nodes, as deploy/prepull-marks does"
                );
                self.tell(StartupTaint::Stays { taint: taint.clone(), why: error }).await;
            }
            Fault::Away(error) if news => {
                tracing::warn!(%taint, %error, "the startup taint cannot be taken off; it is tried again");
            }
            _ => {}
        }
        tokio::select! {
            () = sleep(wait) => {}
            Ok(()) = self.watched.settings.changed() => {}
        }
    }

    async fn tell(&self, what: StartupTaint) {
        let seen = Seen::StartupTaint(what);
        if self.out.send(Observation { at: self.clock.now(), seen }).await.is_err() {
            tracing::debug!("the taint was taken off after the end");
        }
    }
}

/// How failures are paced and which of them is news.
struct Pace {
    away: Backoff,
    forbidden: Backoff,
    last: Option<bool>,
}

impl Pace {
    fn new() -> Self {
        let [away, forbidden] = [AWAY, FORBIDDEN].map(|(base, most)| Backoff::new(base, most));
        Self { away, forbidden, last: None }
    }

    fn news(&mut self, fault: &Fault) -> bool {
        let forbidden = matches!(fault, Fault::Forbidden(_));
        self.last.replace(forbidden) != Some(forbidden)
    }

    fn wait(&mut self, fault: &Fault) -> Duration {
        match fault {
            Fault::Forbidden(_) => FORBIDDEN.0 + self.forbidden.wait(),
            Fault::Away(_) | Fault::Changed => AWAY.0 + self.away.wait(),
        }
    }
}

/// Last first, so that no step moves the place of the next.
fn steps(taints: &[String], key: &str) -> Vec<Value> {
    let places = taints.iter().enumerate().rev().filter(|(_, taint)| *taint == key).map(|(place, _)| place);
    let step = |place: usize| {
        let path = format!("/spec/taints/{place}");
        [json!({"op": "test", "path": format!("{path}/key"), "value": key}), json!({"op": "remove", "path": path})]
    };
    places.flat_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_taints_of_the_key_go_from_the_end_and_each_is_looked_at_first() {
        let taints = ["a", "images", "b", "images"].map(str::to_owned);
        let paths: Vec<_> =
            steps(&taints, "images").iter().map(|step| (step["op"].clone(), step["path"].clone())).collect();
        let expected = [
            ("test", "/spec/taints/3/key"),
            ("remove", "/spec/taints/3"),
            ("test", "/spec/taints/1/key"),
            ("remove", "/spec/taints/1"),
        ];
        assert_eq!(paths, expected.map(|(op, path)| (json!(op), json!(path))));
        assert!(steps(&taints, "image").is_empty());
    }
}
