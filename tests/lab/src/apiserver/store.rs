//! What the double remembers: objects, one counter of versions, and a bounded history that watches read from. It checks
//! nothing about an object but its version; what a request may say is decided before.

mod listeners;
mod shelf;
mod typed;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

pub(super) use self::listeners::Interest;
use self::listeners::Listeners;
pub(super) use self::shelf::Shelf;
use self::shelf::Shelves;
pub use self::typed::Subscription;
use super::clock::{Clock, rfc3339};
use super::resources::{EVENTS, RESOURCES, Resource};

/// The first version handed out: low numbers are ancient from the start, as on a server that has been up for a while.
const FIRST: u64 = 1000;

/// Where an object lives. The order is etcd's: resource, namespace, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Plural name of the resource.
    pub resource: &'static str,
    /// Empty for cluster-scoped resources.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

impl Key {
    /// A key from its parts.
    #[must_use]
    pub fn new(resource: &'static Resource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.plural, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn resource(&self) -> Option<&'static Resource> {
        RESOURCES.into_iter().find(|resource| resource.plural == self.resource)
    }
}

/// One write: what stood there before and what stands there now.
#[derive(Clone, Debug)]
pub struct Change {
    /// Version this write made.
    pub version: u64,
    /// Which object.
    pub key: Key,
    /// What stood there before; `None` if it was created.
    pub before: Option<Arc<Value>>,
    /// What stands there now; `None` if it was deleted.
    pub after: Option<Arc<Value>>,
}

/// That version is older than the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version is older than the history, which starts after {oldest}")]
pub struct TooOld {
    /// Version from which on everything is known.
    pub oldest: u64,
}

#[derive(Debug)]
struct Held {
    object: Arc<Value>,
    expires: Option<Timestamp>,
    /// As JSON, in bytes.
    size: u64,
}

/// What a reader had to go through, and at which version.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) objects: Vec<Arc<Value>>,
    /// Their size as JSON.
    pub(super) bytes: u64,
    pub(super) version: u64,
}

/// What was written since a version, and whoever writes from now on.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) backlog: Vec<Change>,
    pub(super) changes: mpsc::Receiver<Change>,
    pub(super) version: u64,
}

#[derive(Debug)]
struct Inner {
    objects: BTreeMap<Key, Held>,
    shelves: Shelves,
    expiring: BTreeSet<(Timestamp, Key)>,
    listeners: Listeners,
    history: VecDeque<Change>,
    version: u64,
    oldest: u64,
}

/// The objects of the double.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    moved: watch::Sender<u64>,
    clock: Clock,
    event_ttl: Duration,
    history: usize,
}

impl Inner {
    fn take(&mut self, key: &Key) -> Option<Arc<Value>> {
        let Held { object, expires, .. } = self.objects.remove(key)?;
        if let Some(at) = expires {
            self.expiring.remove(&(at, key.clone()));
        }
        if let Some(shelf) = key.resource().and_then(|resource| Shelf::of(resource, &object)) {
            self.shelves.take(&shelf, key);
        }
        Some(object)
    }

    fn put(&mut self, key: &Key, object: &Arc<Value>, expires: Option<Timestamp>) {
        if let Some(at) = expires {
            self.expiring.insert((at, key.clone()));
        }
        if let Some(shelf) = key.resource().and_then(|resource| Shelf::of(resource, object)) {
            self.shelves.put(shelf, key.clone());
        }
        self.objects.insert(key.clone(), Held { object: Arc::clone(object), expires, size: size(object) });
    }
}

impl Store {
    pub(super) fn new(clock: Clock, event_ttl: Duration, history: usize) -> Self {
        let inner = Inner {
            objects: BTreeMap::new(),
            shelves: Shelves::default(),
            expiring: BTreeSet::new(),
            listeners: Listeners::default(),
            history: VecDeque::new(),
            version: FIRST,
            oldest: FIRST,
        };
        Self { inner: Mutex::new(inner), moved: watch::Sender::new(FIRST), clock, event_ttl, history }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        self.expire(&mut inner);
        inner
    }

    /// Takes out the Events whose time is over, as etcd's lease does.
    fn expire(&self, inner: &mut Inner) {
        let now = self.clock.now();
        while let Some((at, key)) = inner.expiring.first().cloned().filter(|(at, _)| *at <= now) {
            self.commit(inner, &key, None);
            inner.expiring.remove(&(at, key));
        }
    }

    /// The version of the last write.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Tells when something was written.
    pub(super) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    pub(super) fn read(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().objects.get(key).map(|held| Arc::clone(&held.object))
    }

    /// Replaces what stands at a key by what `change` makes of it, in one step. `Ok(None)` from it deletes. What is
    /// unchanged is not written and keeps its version.
    ///
    /// # Errors
    /// Whatever `change` returns; nothing is written then.
    pub(super) fn write<E>(
        &self,
        key: &Key,
        change: impl FnOnce(Option<&Arc<Value>>) -> Result<Option<Value>, E>,
    ) -> Result<Option<Arc<Value>>, E> {
        let mut inner = self.lock();
        let before = inner.objects.get(key).map(|held| Arc::clone(&held.object));
        let after = change(before.as_ref())?;
        Ok(match (&before, &after) {
            (None, None) => None,
            (Some(before), Some(after)) if **before == *after => Some(Arc::clone(before)),
            _ => self.commit(&mut inner, key, after),
        })
    }

    fn commit(&self, inner: &mut Inner, key: &Key, after: Option<Value>) -> Option<Arc<Value>> {
        inner.version += 1;
        let version = inner.version;
        let before = inner.take(key);
        let after = after.map(|mut object| {
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            Arc::new(object)
        });
        if let Some(object) = &after {
            let expires = (key.resource == EVENTS.plural).then(|| self.clock.now() + self.event_ttl);
            inner.put(key, object, expires);
        }
        let change = Change { version, key: key.clone(), before, after: after.clone() };
        if let Some(resource) = key.resource() {
            inner.listeners.tell(resource, &change);
        }
        inner.history.push_back(change);
        while inner.history.len() > self.history {
            inner.oldest = inner.history.pop_front().map_or(inner.oldest, |change| change.version);
        }
        self.moved.send_replace(version);
        after
    }

    /// Forgets what was written, as a server that starts anew does: whoever watches from an older version is too late.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.history.clear();
        inner.oldest = inner.version;
    }

    /// Every write after `version`, oldest first, and the version they lead to.
    ///
    /// # Errors
    /// `TooOld` when some of them are no longer known.
    pub(super) fn since(&self, version: u64) -> Result<(Vec<Change>, u64), TooOld> {
        let inner = self.lock();
        if version < inner.oldest {
            return Err(TooOld { oldest: inner.oldest });
        }
        let known = inner.history.partition_point(|change| change.version <= version);
        let changes = inner.history.range(known..).cloned().collect();
        Ok((changes, inner.version))
    }

    /// What was written after `version`, and what is from now on, as far as it may concern who is interested in this.
    ///
    /// # Errors
    /// `TooOld` when some of it is no longer known.
    pub(super) fn listen(&self, interest: Interest, version: u64) -> Result<Heard, TooOld> {
        let mut inner = self.lock();
        if version < inner.oldest {
            return Err(TooOld { oldest: inner.oldest });
        }
        let known = inner.history.partition_point(|change| change.version <= version);
        let backlog = inner.history.range(known..).cloned().collect();
        Ok(Heard { backlog, changes: inner.listeners.add(interest), version: inner.version })
    }

    /// The size of an object as JSON, in bytes; `None` if there is none.
    pub(super) fn weight(&self, key: &Key) -> Option<u64> {
        self.lock().objects.get(key).map(|held| held.size)
    }

    /// What stands on a shelf now, in etcd's order.
    pub(super) fn on_shelf(&self, shelf: &Shelf) -> Found {
        let inner = self.lock();
        let held: Vec<&Held> = inner.shelves.on(shelf).filter_map(|key| inner.objects.get(key)).collect();
        Found {
            objects: held.iter().map(|held| Arc::clone(&held.object)).collect(),
            bytes: held.iter().map(|held| held.size).sum(),
            version: inner.version,
        }
    }

    /// The objects of a resource as they stood at `version` (now, if `None`), in etcd's order.
    ///
    /// # Errors
    /// `TooOld` when that state can no longer be told.
    pub(super) fn snapshot(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        version: Option<u64>,
    ) -> Result<Found, TooOld> {
        let inner = self.lock();
        let version = version.unwrap_or(inner.version);
        if version < inner.oldest {
            return Err(TooOld { oldest: inner.oldest });
        }
        let from = Bound::Included(Key::new(resource, namespace.unwrap_or_default(), ""));
        let inside = |key: &Key| key.resource == resource.plural && namespace.is_none_or(|ns| ns == key.namespace);
        let standing = inner.objects.range((from, Bound::Unbounded)).take_while(|(key, _)| inside(key));
        let bytes = standing.clone().map(|(_, held)| held.size).sum();
        let mut found: BTreeMap<Key, Arc<Value>> =
            standing.map(|(key, held)| (key.clone(), Arc::clone(&held.object))).collect();
        for change in inner.history.iter().rev().filter(|change| change.version > version && inside(&change.key)) {
            match &change.before {
                Some(before) => drop(found.insert(change.key.clone(), Arc::clone(before))),
                None => drop(found.remove(&change.key)),
            }
        }
        Ok(Found { objects: found.into_values().collect(), bytes, version })
    }

    /// Fills in what every new object gets: uid and time of creation, unless it brings them.
    pub(super) fn stamp(&self, object: &mut Value) {
        let metadata = &mut object["metadata"];
        if metadata["uid"].as_str().is_none_or(str::is_empty) {
            metadata["uid"] = json!(new_uid());
        }
        if metadata["creationTimestamp"].is_null() {
            metadata["creationTimestamp"] = json!(rfc3339(self.clock.now()));
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// As JSON, in bytes.
fn size(object: &Value) -> u64 {
    object.to_string().len() as u64
}

/// A random (version 4) UUID.
fn new_uid() -> String {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
