//! Image pulls under way, as containerd's own API shows them: CRI itself shows none.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Time;

/// One pull: a lease of containerd's and what is written under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// The lease's id; it names the pull for as long as it runs.
    pub lease: Arc<str>,
    /// The pull is our own (pre-pull); its image then.
    pub own: Option<Arc<str>>,
    /// When it began.
    pub began: Option<Time>,
    /// Repositories it fetches from as `host/path`, host without port, where containerd knows by now
    /// (content label `containerd.io/distribution.source.<host>`).
    pub repositories: Vec<Arc<str>>,
    /// Digests of index and manifest that were fetched under it.
    pub manifests: Vec<Arc<str>>,
    /// Bytes that are here of the index or manifest that it is fetching; none where it fetches neither.
    pub document: Option<u64>,
    /// Its layers, from the manifest where that is there, else those being written.
    pub layers: Vec<Layer>,
    /// Whether `layers` is the whole list (the manifest was read), so that a percentage is honest.
    pub complete_list: bool,
}

impl Pull {
    /// Bytes that are there, over all layers.
    #[must_use]
    pub fn done(&self) -> u64 {
        sum(self.layers.iter().map(|l| l.offset))
    }

    /// Bytes in all, where the list of layers is whole.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.complete_list.then(|| sum(self.layers.iter().map(|l| l.total)))
    }

    /// What shows that it moves.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.done().saturating_add(self.document.unwrap_or_default()), manifests: self.manifests.len() }
    }
}

/// Where a pull was at one moment: it has moved where a later look finds another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    bytes: u64,
    manifests: usize,
}

/// The sum of sizes, the largest number where it is larger than that: a registry says what it likes.
#[must_use]
pub fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

/// One layer of a pull.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Its digest.
    pub digest: Arc<str>,
    /// Bytes that are there.
    pub offset: u64,
    /// Its size in bytes.
    pub total: u64,
    /// It is being written right now; else it waits, or is done.
    pub active: bool,
    /// It is another pull that writes it, and this one waits for that.
    pub elsewhere: bool,
    /// Last write, by containerd's clock.
    pub updated: Option<Time>,
}

/// What the node's pulls amount to at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Pulls that ask the registry, or wait for their turn to download.
    pub resolving: usize,
    /// Pulls whose bytes are on their way.
    pub downloading: usize,
    /// Pulls whose bytes are all here.
    pub unpacking: usize,
    /// Pulls that the kubelet asked for, of which the runtime shows no more.
    pub unseen: usize,
    /// Pods whose image waits for its turn, as far as can be told.
    pub queued: usize,
    /// Bytes that were seen arriving since the agent began to look; only ever grows.
    pub received: u64,
}
