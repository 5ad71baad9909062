//! Where readers find what they ask for most without looking at the rest: the objects of a resource by the value of its one
//! indexed field, as the real API server's watch cache has them (Kubernetes: pkg/registry/core/pod/strategy.go, Indexers).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::resources::Resource;
use super::Key;

/// The objects of one resource with one value of its indexed field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::apiserver) struct Shelf {
    resource: &'static str,
    value: String,
}

impl Shelf {
    /// The shelf of that value.
    pub(in crate::apiserver) fn new(resource: &'static Resource, value: &str) -> Self {
        Self { resource: resource.plural, value: value.to_owned() }
    }

    /// The shelf on which an object stands.
    pub(super) fn of(resource: &'static Resource, object: &Value) -> Option<Self> {
        resource.field(resource.indexed, object).map(|value| Self { resource: resource.plural, value })
    }
}

/// All shelves, with the keys of what stands there.
#[derive(Debug, Default)]
pub(super) struct Shelves(BTreeMap<Shelf, BTreeSet<Key>>);

impl Shelves {
    pub(super) fn put(&mut self, shelf: Shelf, key: Key) {
        self.0.entry(shelf).or_default().insert(key);
    }

    pub(super) fn take(&mut self, shelf: &Shelf, key: &Key) {
        let Some(keys) = self.0.get_mut(shelf) else { return };
        keys.remove(key);
        if keys.is_empty() {
            self.0.remove(shelf);
        }
    }

    /// In etcd's order.
    pub(super) fn on<'a>(&'a self, shelf: &Shelf) -> impl Iterator<Item = &'a Key> + use<'a> {
        self.0.get(shelf).into_iter().flatten()
    }
}
