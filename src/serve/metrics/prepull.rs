//! Pre-pulling in numbers, by set: names that the operator chose, as many as the configuration has. A set that leaves it leaves the
//! metrics too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{Metrics, START_SECONDS, gauged, register, table};
use crate::model::prepull::SetProgress;

/// What a pull that did not fail is counted as.
const OK: &str = "ok";
const STATES: [&str; 3] = ["wanted", "present", "failed"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySet {
    set: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySetAndState {
    set: Arc<str>,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySetAndResult {
    set: Arc<str>,
    result: &'static str,
}

/// The sets' metrics. Clones are the same ones.
#[derive(Clone)]
pub(super) struct Prepulls {
    images: Family<BySetAndState, Gauge>,
    complete: Family<BySet, Gauge>,
    bytes: Family<BySet, Counter>,
    pulls: Family<BySetAndResult, Counter>,
    seconds: Histogram,
    known: Arc<Mutex<BTreeMap<Arc<str>, Known>>>,
}

/// What was told of a set last, and what its pulls were counted as so far.
struct Known {
    last: SetProgress,
    results: BTreeSet<&'static str>,
}

impl Prepulls {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            images: register(registry, &table::PREPULL_IMAGES, Family::default()),
            complete: register(registry, &table::PREPULL_COMPLETE, Family::default()),
            bytes: register(registry, &table::PREPULL_BYTES, Family::default()),
            pulls: register(registry, &table::PREPULL_PULLS, Family::default()),
            seconds: register(registry, &table::PREPULL_SECONDS, Histogram::new(START_SECONDS)),
            known: Arc::default(),
        }
    }

    /// A pull of the agent's own has succeeded.
    pub(super) fn pulled_in(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }

    fn stands(&self, now: &SetProgress) {
        let numbers = [now.images, now.here.len(), now.failed.len()];
        for (state, number) in STATES.into_iter().zip(numbers) {
            self.images.get_or_create(&BySetAndState { set: now.set.clone(), state }).set(gauged(number));
        }
        self.complete.get_or_create(&BySet { set: now.set.clone() }).set(now.complete().into());
    }

    fn moved(
        &self,
        before: Option<&SetProgress>,
        now: &SetProgress,
        cause: fn(&str) -> &'static str,
    ) -> BTreeSet<&'static str> {
        let set = || now.set.clone();
        let bytes = now.bytes.saturating_sub(before.map_or(0, |before| before.bytes));
        self.bytes.get_or_create(&BySet { set: set() }).inc_by(bytes);
        let pulled = now.pulled.saturating_sub(before.map_or(0, |before| before.pulled));
        let failed = now.failed.iter().filter(|failure| {
            let mut known = before.iter().flat_map(|before| &before.failed);
            known.find(|known| known.image == failure.image).is_none_or(|known| known.tries != failure.tries)
        });
        let results = failed
            .map(|failure| (failure.cause.unwrap_or_else(|| cause(&failure.text)), 1))
            .chain([(OK, pulled as u64)]);
        results
            .map(|(result, count)| {
                self.pulls.get_or_create(&BySetAndResult { set: set(), result }).inc_by(count);
                result
            })
            .collect()
    }
}

impl Metrics {
    /// A pre-pull set moved. `cause` names the cause of a failure by the runtime's words.
    pub fn observe_prepull(&self, now: &SetProgress, cause: fn(&str) -> &'static str) {
        self.prepulls.stands(now);
        let mut known = self.prepulls.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.remove(&now.set);
        let mut results = self.prepulls.moved(before.as_ref().map(|known| &known.last), now, cause);
        results.extend(before.into_iter().flat_map(|known| known.results));
        known.insert(now.set.clone(), Known { last: now.clone(), results });
    }

    /// A pre-pull set is asked for no more.
    pub fn forget_prepull(&self, set: &Arc<str>) {
        let Prepulls { images, complete, bytes, pulls, known, .. } = &self.prepulls;
        for state in STATES {
            images.remove(&BySetAndState { set: set.clone(), state });
        }
        complete.remove(&BySet { set: set.clone() });
        bytes.remove(&BySet { set: set.clone() });
        let forgotten = known.lock().unwrap_or_else(PoisonError::into_inner).remove(set);
        for result in forgotten.into_iter().flat_map(|known| known.results) {
            pulls.remove(&BySetAndResult { set: set.clone(), result });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::counted;
    use crate::model::prepull::{PullFailure, SetProgress};

    fn named(text: &str) -> &'static str {
        if text == "gone" { "ImageNotFound" } else { "Unclassified" }
    }

    fn progress(pulled: usize, bytes: u64, failed: &[(&str, u32)]) -> SetProgress {
        let failure = |(text, tries): &(&str, u32)| PullFailure {
            image: "a:1".into(),
            text: (*text).into(),
            cause: None,
            tries: *tries,
        };
        SetProgress {
            set: "base".into(),
            images: 3,
            present: 1,
            pulled,
            bytes,
            here: vec!["x".into(); pulled + 1].into(),
            missing: Vec::new().into(),
            gone: 0,
            failed: failed.iter().map(failure).collect(),
            settled: true,
            refused: None,
            waits: None,
        }
    }

    #[test]
    fn a_set_is_counted_as_it_moves_and_leaves_with_its_last_line() {
        let metrics = counted();
        for now in [
            progress(0, 0, &[]),
            progress(0, 0, &[("gone", 1)]),
            progress(0, 0, &[("gone", 2)]),
            progress(1, 500, &[("gone", 2)]),
            progress(2, 700, &[]),
        ] {
            metrics.observe_prepull(&now, named);
        }
        let text = metrics.text().unwrap();
        for line in [
            "kubewhy_prepull_images{set=\"base\",state=\"wanted\"} 3",
            "kubewhy_prepull_images{set=\"base\",state=\"present\"} 3",
            "kubewhy_prepull_images{set=\"base\",state=\"failed\"} 0",
            "kubewhy_prepull_complete{set=\"base\"} 1",
            "kubewhy_prepull_bytes_total{set=\"base\"} 700",
            "kubewhy_prepull_pulls_total{set=\"base\",result=\"ok\"} 2",
            "kubewhy_prepull_pulls_total{set=\"base\",result=\"ImageNotFound\"} 2",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        metrics.forget_prepull(&"base".into());
        assert!(!metrics.text().unwrap().contains("set=\"base\""));
    }
}
