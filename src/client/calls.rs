//! How often what was asked. Calls of containerd's own API are counted by method, requests to the API server by what they
//! were; CRI calls are told one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by kind. Clones count together.
#[derive(Debug)]
pub struct Counts<K>(Arc<Mutex<BTreeMap<K, u64>>>);

/// Calls of containerd's own API, by method.
pub type CallCounts = Counts<&'static str>;

impl<K> Clone for Counts<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Copy + Ord> Counts<K> {
    /// One more.
    pub fn count(&self, kind: K) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts by now.
    #[must_use]
    pub fn by_now(&self) -> BTreeMap<K, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
