//! What the double remembers: objects, one counter of versions, and a bounded history that watches read from. It checks
//! nothing about an object but its version; what a request may say is decided before.

mod typed;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use self::typed::Subscription;
use super::clock::{Clock, rfc3339};
use super::resources::{EVENTS, Resource};

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
}

#[derive(Debug)]
struct Inner {
    objects: BTreeMap<Key, Held>,
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

impl Store {
    pub(super) fn new(clock: Clock, event_ttl: Duration, history: usize) -> Self {
        let inner = Inner { objects: BTreeMap::new(), history: VecDeque::new(), version: FIRST, oldest: FIRST };
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
        let over = |held: &Held| held.expires.is_some_and(|at| at <= now);
        let gone: Vec<Key> = inner.objects.iter().filter(|(_, held)| over(held)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.commit(inner, &key, None);
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
        let before = inner.objects.remove(key).map(|held| held.object);
        let after = after.map(|mut object| {
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            Arc::new(object)
        });
        if let Some(object) = &after {
            let expires = (key.resource == EVENTS.plural).then(|| self.clock.now() + self.event_ttl);
            inner.objects.insert(key.clone(), Held { object: Arc::clone(object), expires });
        }
        inner.history.push_back(Change { version, key: key.clone(), before, after: after.clone() });
        while inner.history.len() > self.history {
            inner.oldest = inner.history.pop_front().map_or(inner.oldest, |change| change.version);
        }
        self.moved.send_replace(version);
        after
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

    /// The objects of a resource as they stood at `version` (now, if `None`), in etcd's order, and that version.
    ///
    /// # Errors
    /// `TooOld` when that state can no longer be told.
    pub(super) fn snapshot(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
        version: Option<u64>,
    ) -> Result<(Vec<Arc<Value>>, u64), TooOld> {
        let inner = self.lock();
        let version = version.unwrap_or(inner.version);
        if version < inner.oldest {
            return Err(TooOld { oldest: inner.oldest });
        }
        let from = Bound::Included(Key::new(resource, namespace.unwrap_or_default(), ""));
        let inside = |key: &Key| key.resource == resource.plural && namespace.is_none_or(|ns| ns == key.namespace);
        let mut found: BTreeMap<Key, Arc<Value>> = inner
            .objects
            .range((from, Bound::Unbounded))
            .take_while(|(key, _)| inside(key))
            .map(|(key, held)| (key.clone(), Arc::clone(&held.object)))
            .collect();
        for change in inner.history.iter().rev().filter(|change| change.version > version && inside(&change.key)) {
            match &change.before {
                Some(before) => drop(found.insert(change.key.clone(), Arc::clone(before))),
                None => drop(found.remove(&change.key)),
            }
        }
        Ok((found.into_values().collect(), version))
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
