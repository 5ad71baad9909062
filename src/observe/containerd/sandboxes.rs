//! Looks at containerd's own records of sandboxes in the making, which CRI does not list: only while a pod waits for its
//! sandbox, and only for the records of such pods. It reads; it changes nothing.

mod convert;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::client::containerd::Containerd;
use crate::clock::Clock;
use crate::model::ids::PodUid;
use crate::model::making::SandboxRecord;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::CallFailure;
use crate::observe::{Outlet, Pace};

/// At most so many pods are asked for at once: a question stays small, and a kubelet starts few at a time.
const PODS_AT_MOST: usize = 128;

/// Observes the sandboxes in the making of one containerd. Where the runtime is another it says so once.
#[derive(Debug)]
pub struct SandboxObserver {
    /// Whom it asks.
    pub containerd: Containerd,
    /// The pods whose sandbox may be in the making. While there are none it asks nothing.
    pub awaited: watch::Receiver<Arc<[PodUid]>>,
    /// How often it asks.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl SandboxObserver {
    /// Looks until `stop`. Sends [`Seen::SandboxRecords`] after every look, and of looks that fail alike the first.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        stop.run_until_cancelled(self.look_again_and_again(&out)).await;
    }

    async fn look_again_and_again(mut self, out: &Outlet) {
        let mut failing = None;
        // The engine that says who waits lives as long as the agent.
        while let Ok(pods) = self.awaited.wait_for(|pods| !pods.is_empty()).await.map(|pods| pods.clone()) {
            let looked = self.look(&pods).await;
            let failure = looked.as_ref().err().map(|failure| failure.kind);
            match looked {
                Err(failure) if failing == Some(failure.kind) => {}
                Err(CallFailure { text, .. }) => {
                    tracing::info!(reason = %text, "sandboxes in the making cannot be seen");
                    out.tell(Seen::SandboxRecords(Err(text))).await;
                }
                Ok(records) => out.tell(Seen::SandboxRecords(records)).await,
            }
            failing = failure;
            self.pace.rest().await;
        }
    }

    async fn look(&self, pods: &[PodUid]) -> Result<Result<Vec<SandboxRecord>, String>, CallFailure> {
        let pods = || pods.iter().filter(|pod| convert::is_plain(pod)).take(PODS_AT_MOST);
        let release = convert::release(&self.containerd.runtime().await?.version);
        if release >= (2, 0) {
            let list = self.containerd.sandboxes(pods().map(convert::named).collect()).await?;
            return Ok(Ok(list.into_iter().filter_map(convert::stored).collect()));
        }
        let list = self.containerd.containers(pods().map(convert::labelled).collect()).await?;
        let records: Vec<_> = list.into_iter().filter_map(convert::contained).collect();
        match records.is_empty() && release < (1, 7) {
            true => {
                Ok(Err(format!("containerd {}.{} may record a sandbox only after its network", release.0, release.1)))
            }
            false => Ok(Ok(records)),
        }
    }
}
