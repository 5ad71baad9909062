//! Who is told of which writes while they happen: those who watch one shelf of a resource hear nothing of the others, so that
//! ten thousand watches cost a write no more than one (Kubernetes: apiserver/pkg/storage/cacher/cacher.go, indexedTrigger).

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::super::resources::Resource;
use super::Change;
use super::shelf::Shelf;

/// A listener that is further behind hears no more, as in the real one.
const BEHIND_AT_MOST: usize = 10_000;

/// What a watch is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::apiserver) enum Interest {
    /// Every object of a resource.
    Resource(&'static str),
    /// Those on one shelf.
    Shelf(Shelf),
}

/// All who listen.
#[derive(Debug, Default)]
pub(super) struct Listeners(HashMap<Interest, Vec<mpsc::Sender<Change>>>);

impl Listeners {
    pub(super) fn add(&mut self, interest: Interest) -> mpsc::Receiver<Change> {
        let (listener, changes) = mpsc::channel(BEHIND_AT_MOST);
        let all = self.0.entry(interest).or_default();
        all.retain(|other| !other.is_closed());
        all.push(listener);
        changes
    }

    /// Tells of a write whoever it may concern; an object that moved from one shelf to another concerns both.
    pub(super) fn tell(&mut self, resource: &'static Resource, change: &Change) {
        let shelf = |object: &Option<_>| Shelf::of(resource, object.as_deref()?);
        let (before, after) = (shelf(&change.before), shelf(&change.after));
        self.tell_one(&Interest::Resource(resource.plural), change);
        let moved = before.filter(|before| after.as_ref() != Some(before));
        for shelf in moved.into_iter().chain(after) {
            self.tell_one(&Interest::Shelf(shelf), change);
        }
    }

    fn tell_one(&mut self, interest: &Interest, change: &Change) {
        if let Some(all) = self.0.get_mut(interest) {
            all.retain(|listener| listener.try_send(change.clone()).is_ok());
        }
    }
}
