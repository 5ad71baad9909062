//! The runtime over time: which of its calls fail, since when, and whether it was restarted.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::runtime::{CallFailure, CallOutcome, FailureKind, Method, RuntimeInfo};
use crate::model::{Time, since};

/// A restart buys quiet at most this often, so that a runtime that keeps crashing is not kept quiet about.
const RESTART_QUIET_AT_MOST_EVERY: Duration = Duration::from_secs(600);

/// A list is answered from memory, in milliseconds. What takes this long holds up the kubelet, which asks every second and
/// calls itself unhealthy after three minutes without (Kubernetes: pkg/kubelet/pleg/generic.go).
const SLOW: Duration = Duration::from_secs(2);

/// The runtime over time.
#[derive(Debug, Default)]
pub struct RuntimeTrack {
    /// Who answered last.
    pub info: Option<RuntimeInfo>,
    /// Quiet was granted for a restart at this moment.
    pub quiet_from: Option<Time>,
    /// The pause image its configuration names.
    pub sandbox_image: Option<std::sync::Arc<str>>,
    calls: BTreeMap<Method, Call>,
    slow: BTreeMap<Method, Slow>,
}

/// Calls of one kind that were answered, each of them late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Which call.
    pub method: Method,
    /// When the first of them was made.
    pub since: Time,
    /// How many in a row.
    pub calls: u32,
    /// How long the last one took.
    pub took: Duration,
    /// When that was answered.
    pub at: Time,
}

#[derive(Debug)]
enum Call {
    Works { since: Time },
    Fails(Failing),
}

/// A call that fails.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Which call.
    pub method: Method,
    /// Since when: the start of the first try that failed.
    pub since: Time,
    /// How often it failed since then.
    pub tries: u32,
    /// Its last failure.
    pub failure: CallFailure,
    /// When that was.
    pub at: Time,
}

impl RuntimeTrack {
    /// A new connection was answered. After a failure that is the runtime come back.
    pub fn found(&mut self, info: RuntimeInfo, at: Time) {
        let back = self.failing().is_some();
        let granted_lately = self.quiet_from.is_some_and(|last| since(last, at) < RESTART_QUIET_AT_MOST_EVERY);
        if back && self.info.is_some() && !granted_lately {
            self.quiet_from = Some(at);
        }
        self.info = Some(info);
        self.works(Method::Connect, at);
    }

    /// A call ended.
    pub fn called(&mut self, outcome: CallOutcome, at: Time) {
        self.timed(&outcome, at);
        match outcome.failure {
            None => {
                self.works(outcome.method, at);
                self.works(Method::Connect, at);
            }
            Some(failure) => self.fails(outcome.method, failure, began(at, outcome.took), at),
        }
    }

    /// A failure is another story, and ends none of this one: what hangs now was slow before.
    fn timed(&mut self, outcome: &CallOutcome, at: Time) {
        let CallOutcome { method, took, failure } = outcome;
        if !matches!(method, Method::ListPodSandbox | Method::ListContainers) || failure.is_some() {
            return;
        }
        if *took < SLOW {
            self.slow.remove(method);
            return;
        }
        let first = Slow { method: *method, since: began(at, *took), calls: 0, took: *took, at };
        let slow = self.slow.entry(*method).or_insert(first);
        (slow.calls, slow.took, slow.at) = (slow.calls.saturating_add(1), *took, at);
    }

    /// The list that has been answered late for longest, if one is.
    #[must_use]
    pub fn slow(&self) -> Option<&Slow> {
        self.slow.values().min_by_key(|slow| slow.since)
    }

    fn works(&mut self, method: Method, at: Time) {
        match self.calls.get(&method) {
            Some(Call::Works { .. }) => {}
            _ => {
                self.calls.insert(method, Call::Works { since: at });
            }
        }
    }

    fn fails(&mut self, method: Method, failure: CallFailure, began: Time, at: Time) {
        let (since, tries) = match self.calls.get(&method) {
            Some(Call::Fails(before)) if before.failure.kind.blind() == failure.kind.blind() => {
                (before.since, before.tries.saturating_add(1))
            }
            _ => (began, 1),
        };
        self.calls.insert(method, Call::Fails(Failing { method, since, tries, failure, at }));
    }

    /// The vital call that has failed longest, if any fails. An error that the runtime answered with is an answer, except
    /// where it says that it speaks no CRI version of ours; and what this agent can't see is no failure of the runtime.
    #[must_use]
    pub fn failing(&self) -> Option<&Failing> {
        self.all_failing().min_by_key(|failing| failing.since)
    }

    /// Whether a vital call failed more than once. It need not be the one that failed first: after a connection that broke
    /// in a list, it is the connecting that fails again.
    #[must_use]
    pub fn keeps_failing(&self) -> bool {
        self.all_failing().any(|failing| failing.tries > 1)
    }

    /// The vital call that failed last: where a broken connection was the first sign, what came of connecting anew.
    #[must_use]
    pub fn failed_last(&self) -> Option<&Failing> {
        self.all_failing().max_by_key(|failing| failing.at)
    }

    /// The vital call that fails because this agent can't get at the runtime, if one does.
    #[must_use]
    pub fn blind(&self) -> Option<&Failing> {
        self.unanswered().find(|failing| failing.failure.kind.blind())
    }

    /// That call, if it hangs: it was given up at its deadline at least twice in a row.
    #[must_use]
    pub fn hangs(&self, method: Method) -> Option<&Failing> {
        match self.calls.get(&method)? {
            Call::Fails(failing) if failing.tries > 1 && failing.failure.kind == FailureKind::TimedOut => Some(failing),
            _ => None,
        }
    }

    fn all_failing(&self) -> impl Iterator<Item = &Failing> {
        self.unanswered().filter(|failing| !failing.failure.kind.blind())
    }

    fn unanswered(&self) -> impl Iterator<Item = &Failing> {
        let failing = self.calls.values().filter_map(|call| match call {
            Call::Fails(failing) => Some(failing),
            Call::Works { .. } => None,
        });
        failing.filter(|failing| failing.method.vital() && failing.failure.kind != FailureKind::Answered)
    }

    /// Since when the vital calls all work; none while one fails or before the first list.
    #[must_use]
    pub fn well_since(&self) -> Option<Time> {
        let listed = self.calls.contains_key(&Method::ListPodSandbox);
        if self.unanswered().next().is_some() || !listed || self.slow().is_some() {
            return None;
        }
        self.calls
            .iter()
            .filter(|(method, _)| method.vital())
            .filter_map(|(_, call)| match call {
                Call::Works { since } => Some(*since),
                Call::Fails(_) => None,
            })
            .max()
    }
}

fn began(at: Time, took: Duration) -> Time {
    at.checked_sub(took).unwrap_or(at)
}
