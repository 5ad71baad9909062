//! RuntimeSlow: the runtime answers its lists, but each of them late. One late answer is none: a disk that is busy for a
//! moment makes one.

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::runtime::Method;
use crate::model::since;
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::track::runtime::Slow;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence};

/// So many late answers in a row are no chance.
const CALLS: u32 = 3;

/// The runtime is slow.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let slow = view.world.runtime.slow()?;
    let took = format!("{:.1} s", slow.took.as_secs_f64());
    let facts = Facts::default()
        .with("calls", format!("its last {} lists of {}", slow.calls, listed(slow)))
        .with("took", &took)
        .with("for", span(since(slow.since, view.now)));
    Some(Suspicion {
        cause: &causes::RUNTIME_SLOW,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Runtime.into(),
        confidence: Confidence::Observed,
        since: slow.since,
        ripe: slow.calls >= CALLS,
        soon: false,
        facts,
        evidence: vec![evidence(&format!("CRI {}", slow.method.name()), format!("answered after {took}"), slow.at)],
        affected: Vec::new(),
        field_path: None,
    })
}

fn listed(slow: &Slow) -> &'static str {
    if slow.method == Method::ListContainers { "containers" } else { "sandboxes" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnose::look;
    use crate::model::observation::{Observation, Seen};
    use crate::model::runtime::{CallFailure, CallOutcome, FailureKind};
    use crate::model::settings::Settings;
    use crate::model::{Time, after};
    use crate::track::World;

    struct Scene {
        world: World,
        now: Time,
    }

    impl Scene {
        fn new() -> Self {
            Self { world: World::new("node-7"), now: "2026-11-21T03:00:00Z".parse().unwrap() }
        }

        /// Lists that took so many tenths of a second, two seconds apart.
        fn lists(mut self, tenths: &[u64]) -> Self {
            for took in tenths.iter().map(|tenths| Duration::from_millis(tenths * 100)) {
                self.now = after(self.now, took + Duration::from_secs(2));
                self.call(took, None);
            }
            self
        }

        fn call(&mut self, took: Duration, failure: Option<FailureKind>) {
            let failure = failure.map(|kind| CallFailure { kind, socket: "/s".into(), text: String::new() });
            let seen = Seen::RuntimeCall(CallOutcome { method: Method::ListPodSandbox, took, failure });
            self.world.apply(Observation { at: self.now, seen });
        }

        /// What is said, and how many things are known to be well.
        fn said(&self) -> (Vec<String>, usize) {
            let settings = Settings::default();
            let findings = look(View { world: &self.world, settings: &settings, standalone: true, now: self.now });
            let said = findings.diagnoses.iter().map(|diagnosis| diagnosis.sentence.clone()).collect();
            (said, findings.cleared.iter().filter(|cleared| cleared.topic.stage == Stage::Runtime).count())
        }
    }

    #[test]
    fn three_late_lists_in_a_row_are_told_with_how_late_and_how_long() {
        assert!(Scene::new().lists(&[1, 30, 30]).said().0.is_empty(), "two may be chance");
        let (said, well) = Scene::new().lists(&[1, 30, 30, 35]).said();
        assert!(
            said[0].starts_with(
                "The container runtime of this node is slow: its last 3 lists of sandboxes took 3.5 s each, for 13 s."
            ),
            "{said:?}"
        );
        assert_eq!(well, 0, "slow and well at once");
    }

    #[test]
    fn one_answer_in_time_ends_it_and_begins_the_count_anew() {
        let (said, well) = Scene::new().lists(&[30, 30, 30, 1]).said();
        assert_eq!((said.len(), well), (0, 1));
        assert!(Scene::new().lists(&[30, 30, 1, 30, 30]).said().0.is_empty());
    }

    #[test]
    fn a_runtime_that_stops_answering_is_down_not_slow() {
        let mut scene = Scene::new().lists(&[30, 30, 30]);
        for _ in 0..3 {
            scene.now = after(scene.now, Duration::from_secs(4));
            scene.call(Duration::from_secs(4), Some(FailureKind::TimedOut));
        }
        let (said, _) = scene.said();
        assert!(said.len() == 1 && said[0].contains("does not answer on this node"), "{said:?}");
    }
}
