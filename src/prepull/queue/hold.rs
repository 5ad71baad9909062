//! What is to be held of the images in the queue. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Queue;
use super::item::Item;

impl Queue {
    /// The images to keep that are here, each once, in the order of the configuration.
    #[must_use]
    pub fn kept(&self) -> Vec<Arc<str>> {
        let mut kept: Vec<Arc<str>> = Vec::new();
        for item in self.to_keep() {
            if item.here.is_some() && !kept.contains(&item.image) {
                kept.push(item.image.clone());
            }
        }
        kept
    }

    /// The images to keep of which it is known how they stand: none before all were looked at once, for they share the room
    /// that there is.
    #[must_use]
    pub fn decided(&self) -> BTreeSet<Arc<str>> {
        match self.to_keep().all(Item::is_known) {
            true => self.to_keep().map(|item| item.image.clone()).collect(),
            false => BTreeSet::new(),
        }
    }

    /// The images that need no lease: looked for, and in no set is anything pulled or to be pulled of them. Whoever pulled what
    /// is here, it is held by being an image.
    #[must_use]
    pub fn idle(&self) -> BTreeSet<Arc<str>> {
        let items = self.sets.iter().flat_map(|set| &set.items);
        let (idle, busy): (Vec<_>, Vec<_>) = items.partition(|item| item.is_idle());
        let busy: BTreeSet<&Arc<str>> = busy.into_iter().map(|item| &item.image).collect();
        idle.into_iter().map(|item| &item.image).filter(|image| !busy.contains(image)).cloned().collect()
    }

    fn to_keep(&self) -> impl Iterator<Item = &Item> {
        self.sets.iter().filter(|set| set.planned.set.keep).flat_map(|set| &set.items)
    }
}
