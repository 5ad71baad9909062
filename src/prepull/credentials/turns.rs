//! Whose turn it is: one at a time for each key, and a key is forgotten when nobody waits for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Mutex as Turn;

/// The turns that somebody has or waits for.
pub(super) struct Turns<K>(Mutex<HashMap<K, Weak<Turn<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits for its turn, which is over when what is returned is dropped.
    pub(super) async fn wait(&self, key: K) -> impl Drop + use<K> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(key, Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_for_each_key_and_no_key_stays() {
        let turns = Turns::default();
        let first = turns.wait("a").await;
        assert!(turns.wait("a").now_or_never().is_none());
        drop(turns.wait("b").await);
        drop(first);
        drop(turns.wait("a").await);
        drop(turns.wait("c").await);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
