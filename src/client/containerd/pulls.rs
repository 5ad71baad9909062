//! Image pulls under way, which CRI does not show, put together from containerd's leases, blobs being written and manifests.
//! It reads; it changes nothing, and does not use the event stream, which queues without bound for a reader that stops.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use containerd_client::services::v1::Lease;

use super::blobs::Blobs;
use super::convert::{self, Holdings, Ingests, PullParts};
use super::{Containerd, OWN_IMAGE};
use crate::model::pull::Pull;
use crate::model::runtime::CallFailure;

/// At most so many pulls are looked into: each costs a call, and a kubelet runs few at a time.
const PULLS_AT_MOST: usize = 64;

/// What looks at the pulls of one containerd. It remembers the manifests it has read.
#[derive(Debug)]
pub struct Pulls {
    containerd: Containerd,
    blobs: Blobs,
}

impl Pulls {
    /// One that has read nothing yet.
    #[must_use]
    pub fn new(containerd: Containerd) -> Self {
        Self { containerd, blobs: Blobs::default() }
    }

    /// All pulls under way. While none is expected, leases are left alone until something is being written.
    ///
    /// # Errors
    /// How a call failed, such as where the runtime is not containerd.
    pub async fn all(&mut self, expected: bool) -> Result<Vec<Pull>, CallFailure> {
        let ingests = self.ingests().await?;
        if ingests.is_empty() && !expected {
            self.blobs.forget_layers();
            return Ok(Vec::new());
        }
        let mut pulls = Vec::new();
        for lease in convert::newest(self.containerd.leases().await?, PULLS_AT_MOST) {
            pulls.push(self.of(lease, &ingests).await?);
        }
        Ok(convert::without_leftovers(pulls))
    }

    /// The pulls under way that are not ours. It costs one call where there are none.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn others(&mut self) -> Result<Vec<Pull>, CallFailure> {
        let mut leases = self.containerd.leases().await?;
        leases.retain(|lease| !lease.labels.contains_key(OWN_IMAGE)); // of which a set has as many as images
        let leases = convert::newest(leases, PULLS_AT_MOST);
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let ingests = self.ingests().await?;
        let mut pulls = Vec::new();
        for lease in leases {
            pulls.push(self.of(lease, &ingests).await?);
        }
        Ok(convert::without_leftovers(pulls))
    }

    /// The pull that runs under this lease, or ran.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn under(&mut self, lease: Lease) -> Result<Pull, CallFailure> {
        let ingests = self.ingests().await?;
        self.of(lease, &ingests).await
    }

    async fn ingests(&self) -> Result<Ingests, CallFailure> {
        self.containerd.ingests().await.map(convert::by_digest)
    }

    /// What a lease holds, and what the manifests among that say.
    async fn of(&mut self, lease: Lease, ingests: &Ingests) -> Result<Pull, CallFailure> {
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
        Ok(convert::pull(&PullParts { lease, writing, documents, here }, ingests))
    }
}
