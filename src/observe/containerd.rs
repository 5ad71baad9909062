//! Looks at image pulls through containerd's own API, since CRI shows none: while one is known or likely about every
//! second, else every ten. It changes nothing.

pub mod sandboxes;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Outlet, Pace};
use crate::client::containerd::Containerd;
use crate::client::containerd::pulls::Pulls;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::FailureKind;

/// Observes the pulls of one containerd. Where the runtime is another it says so once.
#[derive(Debug)]
pub struct ContainerdObserver {
    pulls: Pulls,
    clock: Clock,
    pace: Pace,
}

impl ContainerdObserver {
    /// An observer whose `pace` is busy while a pod waits for an image or an image is pre-pulled.
    #[must_use]
    pub fn new(containerd: Containerd, clock: Clock, pace: Pace) -> Self {
        Self { pulls: Pulls::new(containerd), clock, pace }
    }

    /// Looks until `stop`.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look_again_and_again(&out) => {}
        }
    }

    async fn look_again_and_again(mut self, out: &Outlet) {
        let mut failing: Option<FailureKind> = None;
        loop {
            match self.pulls.all(self.pace.is_busy()).await {
                Ok(pulls) => {
                    failing = None;
                    out.tell(Seen::Pulls(pulls)).await;
                }
                Err(failure) if failing != Some(failure.kind) => {
                    failing = Some(failure.kind);
                    tracing::info!(reason = %failure.text, "image pulls cannot be seen");
                    out.tell(Seen::PullsUnseen(failure.text)).await;
                }
                Err(_) => {}
            }
            self.pace.rest().await;
        }
    }
}
