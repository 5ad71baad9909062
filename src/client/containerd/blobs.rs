//! What this agent knows of blobs in containerd's content store: which are manifests, and which layers are there. Each
//! blob is read once and remembered within a bound, since a pull is looked at every second.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use containerd_client::services::v1::Info;

use super::Containerd;
use super::convert::{self, Document};
use crate::model::runtime::CallFailure;

/// Larger blobs are no manifests (the registries' common limit is 4 MiB, real ones are a few kilobytes).
const DOCUMENT_LIMIT: usize = 1 << 20;

/// How many blobs are remembered. When there are more all are forgotten: the few in use come back with the next look.
const REMEMBERED_AT_MOST: usize = 1_024;

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    /// Index or manifest by digest, or none for any other blob.
    documents: HashMap<Arc<str>, Option<Document>>,
    /// Layers that were there.
    layers: HashSet<Arc<str>>,
}

impl Blobs {
    /// The index or manifest of that digest; none if it is another kind of blob or gone.
    pub(super) async fn document(
        &mut self,
        containerd: &Containerd,
        digest: &Arc<str>,
    ) -> Result<Option<Document>, CallFailure> {
        match self.documents.get(digest) {
            Some(None) => return Ok(None),
            Some(Some(document)) if !document.repositories.is_empty() => return Ok(Some(document.clone())),
            _ => {}
        }
        let Some(info) = containerd.blob(digest).await? else { return Ok(None) };
        let document = self.read(containerd, digest, &info).await?;
        self.bound();
        self.documents.insert(digest.clone(), document.clone());
        Ok(document)
    }

    /// containerd names the repository in a label that it writes after the blob: one without is asked for again.
    async fn read(
        &self,
        containerd: &Containerd,
        digest: &Arc<str>,
        info: &Info,
    ) -> Result<Option<Document>, CallFailure> {
        let repositories = convert::repositories(&info.labels);
        if let Some(Some(known)) = self.documents.get(digest) {
            return Ok(Some(Document { repositories, ..known.clone() }));
        }
        if usize::try_from(info.size).map_or(true, |size| size > DOCUMENT_LIMIT) {
            return Ok(None);
        }
        let bytes = containerd.read_blob(digest, DOCUMENT_LIMIT).await?.unwrap_or_default();
        Ok(convert::layers(&bytes).map(|layers| Document { repositories, layers }))
    }

    /// Whether that layer is in the store. Asked once: what a pull needs is not collected under it.
    pub(super) async fn has_layer(&mut self, containerd: &Containerd, digest: &Arc<str>) -> Result<bool, CallFailure> {
        let here = self.layers.contains(digest) || containerd.blob(digest).await?.is_some();
        if here {
            self.bound();
            self.layers.insert(digest.clone());
        }
        Ok(here)
    }

    /// Layers may be collected once no pull runs.
    pub(super) fn forget_layers(&mut self) {
        self.layers.clear();
    }

    fn bound(&mut self) {
        if self.documents.len() >= REMEMBERED_AT_MOST {
            self.documents.clear();
        }
        if self.layers.len() >= REMEMBERED_AT_MOST {
            self.layers.clear();
        }
    }
}
