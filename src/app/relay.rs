//! What one part sees that another needs: observations pass through here on their way to the engine, and a few of them
//! set a value that a part on the rim waits for. It judges nothing.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::model::observation::{Observation, Seen};
use crate::observe::host::CniDirs;
use crate::serve::metrics::Metrics;

/// A node's labels.
pub(super) type Labels = Vec<(Arc<str>, Arc<str>)>;

/// Values that are set from what passes.
pub(super) struct Relay {
    /// Where the runtime looks for CNI, unless the operator said.
    pub(super) cni_dirs: Option<watch::Sender<CniDirs>>,
    /// The Node's labels, by which pre-pull sets select it.
    pub(super) labels: watch::Sender<Labels>,
    /// Every observer has given its first answer, be it data or a failure.
    pub(super) ready: watch::Sender<bool>,
    /// Counts the calls to the runtime.
    pub(super) metrics: Metrics,
}

/// Which observers have given an answer.
#[derive(Debug, Default)]
struct Answered {
    runtime: bool,
    host: bool,
    api: bool,
}

impl Relay {
    /// Passes observations on until either end is closed.
    pub(super) async fn run(
        self,
        mut from: mpsc::Receiver<Observation>,
        to: mpsc::Sender<Observation>,
        standalone: bool,
    ) {
        let mut answered = Answered { api: standalone, ..Answered::default() };
        while let Some(observation) = from.recv().await {
            self.note(&observation.seen);
            if answered.note(&observation.seen) {
                self.ready.send_if_modified(|ready| !std::mem::replace(ready, true));
            }
            if to.send(observation).await.is_err() {
                return;
            }
        }
    }

    fn note(&self, seen: &Seen) {
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
                self.labels.send_if_modified(|labels| {
                    let new = *labels != node.labels;
                    labels.clone_from(&node.labels);
                    new
                });
            }
            _ => {}
        }
    }
}

impl Answered {
    /// Notes who answered; true once everybody has.
    fn note(&mut self, seen: &Seen) -> bool {
        match seen {
            Seen::RuntimeCall(_) => self.runtime = true,
            Seen::Cni(_) => self.host = true,
            Seen::PodsListed(_) | Seen::ApiServer(_) => self.api = true,
            _ => {}
        }
        self.runtime && self.host && self.api
    }
}
