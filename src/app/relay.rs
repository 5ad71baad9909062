//! What one part sees that another needs: observations pass through here on their way to the engine, and a few of them
//! set a value that a part on the rim waits for. It judges nothing.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::diagnose::explain;
use crate::model::observation::{ConfigState, Observation, Seen};
use crate::model::verification::Verification;
use crate::observe::host::{CniDirs, Heard};
use crate::report::node_marks::{Sets, Worn};
use crate::serve::metrics::Metrics;

/// A node's labels.
pub(super) type Labels = Vec<(Arc<str>, Arc<str>)>;

/// Values that are set from what passes.
pub(super) struct Relay {
    /// Where the runtime looks for CNI, unless the operator said.
    pub(super) cni_dirs: Option<watch::Sender<CniDirs>>,
    /// What the runtime told that probes of the host need.
    pub(super) heard: watch::Sender<Heard>,
    /// The Node's labels, by which pre-pull sets select it.
    pub(super) labels: watch::Sender<Labels>,
    /// The Node's condition `DiskPressure`.
    pub(super) pressure: watch::Sender<bool>,
    /// Whether the kubelet verifies credentials of images that are present, by which sets with credentials are refused.
    pub(super) verification: watch::Sender<Verification>,
    /// What pre-pulling marks on the Node, as it is.
    pub(super) worn: watch::Sender<Option<Worn>>,
    /// How far the pre-pull sets are.
    pub(super) sets: watch::Sender<Sets>,
    /// The observers that have not given their first answer, be it data or a failure.
    pub(super) awaited: watch::Sender<Awaited>,
    /// Counts the calls to the runtime.
    pub(super) metrics: Metrics,
}

/// What has not answered yet.
pub(super) type Awaited = Vec<&'static str>;

const RUNTIME: &str = "the container runtime's socket";
const HOST: &str = "the CNI directories";
const API: &str = "the API server";

/// What must answer before the agent is ready.
pub(super) fn awaited(standalone: bool) -> Awaited {
    let api = (!standalone).then_some(API);
    [RUNTIME, HOST].into_iter().chain(api).collect()
}

impl Relay {
    /// Passes observations on until either end is closed.
    pub(super) async fn run(self, mut from: mpsc::Receiver<Observation>, to: mpsc::Sender<Observation>) {
        while let Some(observation) = from.recv().await {
            self.note(&observation.seen);
            if let Some(who) = answered(&observation.seen) {
                let is_new = self.awaited.send_if_modified(|awaited| {
                    let before = awaited.len();
                    awaited.retain(|other| *other != who);
                    awaited.len() < before
                });
                if is_new && self.awaited.borrow().is_empty() {
                    self.metrics.set_ready();
                }
            }
            if to.send(observation).await.is_err() {
                return;
            }
        }
    }

    fn note(&self, seen: &Seen) {
        self.heard.send_if_modified(|heard| heard.hear(seen));
        match seen {
            Seen::RuntimeStatus(status) => {
                if let (Some(dirs), Some(told)) = (&self.cni_dirs, CniDirs::told_by(status)) {
                    dirs.send_if_modified(|known| {
                        let new = *known != told;
                        *known = told;
                        new
                    });
                }
            }
            Seen::RuntimeCall(outcome) => self.metrics.observe_runtime_call(outcome),
            Seen::NodeChanged(node) => {
                let pressed = node.condition("DiskPressure").is_some_and(|condition| condition.status == Some(true));
                self.pressure.send_if_modified(|known| std::mem::replace(known, pressed) != pressed);
                self.labels.send_if_modified(|labels| {
                    let new = *labels != node.labels;
                    labels.clone_from(&node.labels);
                    new
                });
                let (labels, taints) = (node.labels.clone(), node.taints.clone());
                let worn = Some(Worn { created: node.created, labels, taints });
                self.worn.send_if_modified(|known| {
                    let new = *known != worn;
                    *known = worn;
                    new
                });
            }
            Seen::Config(state) => self.metrics.set_config_refused(matches!(state, ConfigState::Refused { .. })),
            Seen::NodeGone => _ = self.worn.send_replace(None),
            Seen::Prepull(progress) => {
                self.metrics.observe_prepull(progress, |text| explain::explain(text, None).cause);
                self.sets.send_modify(|sets| _ = sets.insert(progress.set.clone(), progress.clone()));
            }
            Seen::PrepullDropped(name) => {
                self.metrics.forget_prepull(name);
                self.sets.send_modify(|sets| _ = sets.remove(name));
            }
            Seen::Verification(policy) => {
                self.verification.send_if_modified(|known| {
                    let new = known != policy;
                    known.clone_from(policy);
                    new
                });
            }
            _ => {}
        }
    }
}

/// Who answered. An agent that can't get at the runtime's socket has not heard of the runtime.
fn answered(seen: &Seen) -> Option<&'static str> {
    match seen {
        Seen::RuntimeCall(call) if call.failure.as_ref().is_some_and(|failure| failure.kind.blind()) => None,
        Seen::RuntimeCall(_) => Some(RUNTIME),
        Seen::Cni(_) => Some(HOST),
        Seen::PodsListed(_) | Seen::ApiServer(_) => Some(API),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::observation::ApiState;
    use crate::model::runtime::{CallFailure, CallOutcome, FailureKind, Method};

    fn connecting(kind: FailureKind) -> Seen {
        let failure = Some(CallFailure { kind, socket: "/s".into(), text: String::new() });
        Seen::RuntimeCall(CallOutcome { method: Method::Connect, took: Duration::ZERO, failure })
    }

    #[test]
    fn a_failure_is_an_answer_but_not_being_let_in_is_none() {
        assert_eq!(answered(&connecting(FailureKind::NobodyListens)), Some(RUNTIME));
        assert_eq!(answered(&connecting(FailureKind::PermissionDenied)), None);
        assert_eq!(answered(&connecting(FailureKind::NoneFound)), None);
        for state in [ApiState::Answers, ApiState::Unreachable("refused".to_owned())] {
            assert_eq!(answered(&Seen::ApiServer(state)), Some(API));
        }
        assert_eq!((awaited(true), awaited(false)), (vec![RUNTIME, HOST], vec![RUNTIME, HOST, API]));
    }
}
