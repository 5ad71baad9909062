//! What pulls would take, before they are made: whether an image is here, and else its size by the manifest as the runtime
//! resolves it, with its mirrors, proxies and credentials. A pull is begun for that and called off, under a lease of its own: what
//! others fetched stays theirs. An image that is so small that it is here before it can be measured stays.

use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::Lease;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::leases::{Leases, Owner};
use super::pull::{NameCause, Order, Puller};
use super::queue::{Outcome, Step};
use super::room::{self, Disk, Space};
use crate::client::containerd::Containerd;
use crate::client::containerd::pulls::Pulls;
use crate::client::cri::Cri;
use crate::clock::Clock;
use crate::model::pull::Pull;
use crate::model::settings::PrepullSet;

/// Between two looks whether the manifest is here.
const LOOK: Duration = Duration::from_millis(50);
/// A registry that does not answer within this time is not waited for.
const MEASURED_WITHIN: Duration = Duration::from_secs(60);

/// What is known of an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It is here.
    Present,
    /// It would have to be pulled.
    Missing {
        /// The bytes of its layers.
        total: u64,
        /// Those of them that are to be fetched.
        fetch: u64,
        /// What that takes of the disk, unpacked too.
        needs: u64,
    },
    /// It was so small that it is here by now.
    Pulled,
    /// It is not here, and can't be pulled: the runtime's words.
    Failed(Arc<str>),
    /// It is not here, and nothing tells its size before it is: the runtime is not containerd, or the registry does not answer.
    Unmeasured(&'static str),
    /// The runtime does not answer.
    Unanswered,
}

/// Asks one runtime.
pub struct Survey {
    puller: Puller,
    unheard: mpsc::Receiver<crate::model::observation::Observation>,
}

impl Survey {
    /// Of the runtime behind `cri`.
    #[must_use]
    pub fn new(cri: Cri, host_root: &std::path::Path, cause: NameCause, clock: Clock, stop: CancellationToken) -> Self {
        let (out, unheard) = mpsc::channel(64);
        let containerd = Containerd::new(&cri);
        let leases = Leases::new(containerd.clone(), clock, Owner::Plan);
        let disk = Disk::new(cri.clone(), host_root);
        Self {
            puller: Puller {
                cri,
                containerd,
                leases,
                disk,
                credentials: Credentials::new(clock),
                cause,
                clock,
                out,
                stop,
            },
            unheard,
        }
    }

    /// The disk that holds images; none where it is not seen.
    pub async fn space(&self) -> Option<Space> {
        self.puller.disk.space().await
    }

    /// Whether an image of a set is here, and what it would take.
    pub async fn find(&mut self, image: &Arc<str>, set: &PrepullSet) -> Found {
        match self.look(image, set).await {
            Some(found) => found,
            None => self.measure(&Order::of(image, &PrepullSet { min_free: 0, ..set.clone() })).await,
        }
    }

    /// Whether an image is here; nothing is asked of its registry.
    pub async fn look(&mut self, image: &Arc<str>, set: &PrepullSet) -> Option<Found> {
        let found = match self.puller.work(Step::Check, &Order::of(image, set)).await {
            Outcome::Present => Some(Found::Present),
            Outcome::Absent => None,
            _ => Some(Found::Unanswered),
        };
        while self.unheard.try_recv().is_ok() {} // nobody counts these calls
        found
    }

    /// Lets go of what a question that was broken off holds.
    pub async fn forget(&self) {
        if let Err(failure) = self.puller.leases.sweep(|_| false).await {
            tracing::debug!(error = %failure.text, "a lease is left to expire");
        }
    }

    async fn measure(&self, order: &Order) -> Found {
        let lease = match self.puller.leases.of(&order.image).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return Found::Unmeasured("only containerd tells the size of an image before it is here"),
            Err(_) => return Found::Unanswered,
        };
        let measuring = async {
            tokio::select! {
                outcome = Box::pin(self.puller.pull_under(order, Some(&lease))) => end(outcome),
                pull = Box::pin(self.listed(&lease)) => missing(&pull),
            }
        };
        let found = timeout(MEASURED_WITHIN, measuring).await;
        self.puller.leases.end(&lease).await;
        found.unwrap_or(Found::Unmeasured("the registry did not answer within a minute"))
    }

    /// The pull under this lease, once its layers are known.
    async fn listed(&self, lease: &Lease) -> Pull {
        let mut pulls = Pulls::new(self.puller.containerd.clone());
        loop {
            sleep(LOOK).await;
            if let Ok(pull) = pulls.under(lease.clone()).await
                && pull.complete_list
            {
                return pull;
            }
        }
    }
}

fn missing(pull: &Pull) -> Found {
    let total = pull.total().unwrap_or_default();
    Found::Missing { total, fetch: total.saturating_sub(pull.done()), needs: room::needs(pull) }
}

fn end(outcome: Outcome) -> Found {
    match outcome {
        Outcome::Failed { text, .. } => Found::Failed(text),
        Outcome::Unanswered => Found::Unanswered,
        _ => Found::Pulled,
    }
}
