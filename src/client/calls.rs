//! How often each method of containerd's own API was called. CRI calls are told one by one; these are only counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by method. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct CallCounts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl CallCounts {
    /// One more.
    pub fn count(&self, method: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(method).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts by now.
    #[must_use]
    pub fn by_method(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
