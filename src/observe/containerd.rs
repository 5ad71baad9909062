//! Looks at image pulls through containerd's own API, since CRI shows none: while one is known or likely about every
//! second, else every ten. It reads leases, blobs being written and manifests; it changes nothing, and does not use the
//! event stream, which queues without bound for a reader that stops.

mod blobs;
mod convert;
pub mod sandboxes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use containerd_client::services::v1::Lease;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::blobs::Blobs;
use self::convert::{Holdings, PullParts};
use super::{Outlet, Pace};
use crate::client::containerd::Containerd;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::pull::Pull;
use crate::model::runtime::{CallFailure, FailureKind};

/// At most so many pulls are looked into: each costs a call, and a kubelet runs few at a time.
const PULLS_AT_MOST: usize = 64;

/// Observes the pulls of one containerd. Where the runtime is another it says so once.
#[derive(Debug)]
pub struct ContainerdObserver {
    containerd: Containerd,
    clock: Clock,
    pace: Pace,
    blobs: Blobs,
}

impl ContainerdObserver {
    /// An observer whose `pace` is busy while a pod waits for an image or an image is pre-pulled.
    #[must_use]
    pub fn new(containerd: Containerd, clock: Clock, pace: Pace) -> Self {
        Self { containerd, clock, pace, blobs: Blobs::default() }
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
            match self.look().await {
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

    /// All pulls under way. While none is expected, leases are left alone until something is being written.
    async fn look(&mut self) -> Result<Vec<Pull>, CallFailure> {
        let ingests = convert::by_digest(self.containerd.ingests().await?);
        if ingests.is_empty() && !self.pace.is_busy() {
            self.blobs.forget_layers();
            return Ok(Vec::new());
        }
        let mut pulls = Vec::new();
        for lease in convert::newest(self.containerd.leases().await?, PULLS_AT_MOST) {
            let parts = self.parts(lease, &ingests).await?;
            pulls.push(convert::pull(&parts, &ingests));
        }
        Ok(convert::without_leftovers(pulls))
    }

    /// What a lease holds, and what the manifests among that say.
    async fn parts(&mut self, lease: Lease, ingests: &convert::Ingests) -> Result<PullParts, CallFailure> {
        let Holdings { blobs, writing } = convert::holdings(self.containerd.lease_resources(&lease.id).await?);
        let mut documents = HashMap::new();
        for digest in &blobs {
            if let Some(document) = self.blobs.document(&self.containerd, digest).await? {
                documents.insert(digest.clone(), document);
            }
        }
        let mut here: HashSet<Arc<str>> = blobs.into_iter().collect();
        for layer in documents.values().flat_map(|document| &document.layers) {
            let known = here.contains(&layer.digest) || ingests.contains_key(&layer.digest);
            if !known && self.blobs.has_layer(&self.containerd, &layer.digest).await? {
                here.insert(layer.digest.clone());
            }
        }
        Ok(PullParts { lease, writing, documents, here })
    }
}
