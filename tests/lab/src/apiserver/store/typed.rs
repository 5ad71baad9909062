//! The lab's own way into the store, past every check: what a test or the kubelet stand-in puts there simply stands.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::resources::{NAMESPACES, Resource};
use super::{Change, Key, Store};

impl Store {
    /// Puts an object there, status and all, in place of what stood there; its namespace is made if there is none.
    /// Returns what stands there now, with uid, creation time and version; `None` if `apiVersion` and `kind` are not
    /// served.
    pub fn put(&self, mut object: Value) -> Option<Arc<Value>> {
        let resource = Resource::of(&object)?;
        if resource.namespaced && object["metadata"]["namespace"].as_str().is_none_or(str::is_empty) {
            object["metadata"]["namespace"] = json!("default");
        }
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text("namespace"), text("name"));
        if resource.namespaced {
            self.ensure_namespace(&namespace);
        }
        self.settle(&Key::new(resource, &namespace, &name), |before| {
            for kept in ["uid", "creationTimestamp", "resourceVersion"] {
                if let Some(value) = before.map(|before| before["metadata"][kept].clone()) {
                    object["metadata"][kept] = value;
                }
            }
            self.stamp(&mut object);
            Some(object)
        })
    }

    /// Makes a namespace unless it is there.
    pub fn ensure_namespace(&self, name: &str) {
        self.settle(&Key::new(&NAMESPACES, "", name), |before| {
            Some(before.map_or_else(
                || {
                    let mut object = json!({
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
                    });
                    self.stamp(&mut object);
                    object
                },
                |before| Value::clone(before),
            ))
        });
    }

    /// One object.
    #[must_use]
    pub fn get(&self, resource: &'static Resource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.read(&Key::new(resource, namespace, name))
    }

    /// The objects of a resource in one namespace or in all, in etcd's order.
    #[must_use]
    pub fn list(&self, resource: &'static Resource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.snapshot(resource, namespace, None).map(|found| found.objects).unwrap_or_default()
    }

    /// Changes an object in place, if it is there, and returns what stands there now.
    pub fn edit(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Arc<Value>> {
        self.settle(&Key::new(resource, namespace, name), |before| {
            let mut object = Value::clone(before?);
            change(&mut object);
            Some(object)
        })
    }

    /// Takes an object out at once. Says whether it was there.
    pub fn delete(&self, resource: &'static Resource, namespace: &str, name: &str) -> bool {
        let mut there = false;
        self.settle(&Key::new(resource, namespace, name), |before| {
            there = before.is_some();
            None
        });
        there
    }

    /// Every write from now on.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>) -> Subscription {
        let moved = self.moved();
        Subscription { store: Arc::clone(self), at: self.version(), moved, ready: VecDeque::new() }
    }

    fn settle(&self, key: &Key, change: impl FnOnce(Option<&Arc<Value>>) -> Option<Value>) -> Option<Arc<Value>> {
        match self.write(key, |before| Ok::<_, Infallible>(change(before))) {
            Ok(after) => after,
            Err(never) => match never {},
        }
    }
}

/// Writes as they happen. A reader slower than the history is told nothing of what fell out of it.
#[derive(Debug)]
pub struct Subscription {
    store: Arc<Store>,
    at: u64,
    moved: watch::Receiver<u64>,
    ready: VecDeque<Change>,
}

impl Subscription {
    /// The next write; `None` once the store is gone.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(change);
            }
            match self.store.since(self.at) {
                Ok((changes, at)) => (self.ready, self.at) = (changes.into(), at),
                Err(gap) => self.at = gap.oldest,
            }
            if self.ready.is_empty() {
                self.moved.changed().await.ok()?;
            }
        }
    }
}
