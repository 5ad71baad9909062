//! Runs the probes of the node, each at its own pace, on the blocking pool and with a deadline. One that hangs delays no
//! other, and is not run again while it hangs: its answer is that there is none.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::KubeletPlaces;
use super::asking::Asking;
use crate::clock::Clock;
use crate::host::{Mounts, Pids};
use crate::model::observation::{Observation, Seen};
use crate::model::reading::{Missing, Reading};
use crate::observe::Outlet;
use crate::probe::cni::CniDirs;
use crate::probe::{self, Node, Probe};

/// Looks at the node's own state.
#[derive(Clone, Debug)]
pub struct Prober {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Where the kubelet keeps what it has.
    pub kubelet: KubeletPlaces,
    /// Where CNI lives, as the runtime tells it by now.
    pub dirs: watch::Receiver<CniDirs>,
    /// The ids of the runtime's sandboxes, once it told them.
    pub sandboxes: watch::Receiver<Option<Arc<BTreeSet<Arc<str>>>>>,
    /// The API server's address as a Service.
    pub service: Option<SocketAddr>,
    /// The host's processes that were found before.
    pub pids: Arc<Pids>,
    /// The agent's clock.
    pub clock: Clock,
}

impl Prober {
    /// Runs until stopped.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let mut probes = JoinSet::new();
        for probe in probe::ALL {
            probes.spawn(self.clone().repeat(probe, Outlet::new(out.clone(), self.clock)));
        }
        let running = async { while probes.join_next().await.is_some() {} };
        stop.run_until_cancelled(running).await;
    }

    async fn repeat(self, probe: &'static Probe, out: Outlet) {
        let mut asking = Asking::default();
        loop {
            let asked = self.clone();
            let readings = match asking.ask(move || asked.look(probe)).await {
                Ok(readings) => readings,
                Err(none) => vec![Reading::unknown(probe.id, "", Missing::Answer, none.to_string())],
            };
            out.tell(Seen::Readings(readings)).await;
            tokio::time::sleep(jittered(probe.every)).await;
        }
    }

    fn look(&self, probe: &Probe) -> Vec<Reading> {
        match Mounts::at(&self.root) {
            Ok(mounts) => (probe.look)(&self.node(mounts)),
            Err(error) => {
                let why = format!("what is mounted below {} cannot be told: {error}", self.root.display());
                vec![Reading::unknown(probe.id, "", Missing::Access, why)]
            }
        }
    }

    fn node(&self, mounts: Mounts) -> Node {
        Node {
            mounts,
            now: self.clock.now(),
            kubelet_root: self.kubelet.root.clone(),
            pod_logs: self.kubelet.pod_logs.clone(),
            runtime_root: None,
            pids: self.pids.clone(),
            cni: self.dirs.borrow().clone(),
            sandboxes: self.sandboxes.borrow().clone(),
            service: self.service,
        }
    }
}

/// The span or up to a fifth more, so that probes drift apart.
fn jittered(span: Duration) -> Duration {
    span + span.mul_f64(0.2 * fastrand::f64())
}
