//! One watch: the store's history through the request's selector, with bookmarks, until its deadline.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::call::Call;
use super::fault::{Broken, Fault};
use super::refusal::Refusal;
use super::store::Change;

/// How long a watch lives that names no `timeoutSeconds`: the real one takes 30 to 60 minutes.
const UNTIL: Duration = Duration::from_secs(1800);

/// Opens a watch.
///
/// # Errors
/// 400 or 422-like refusals for a query that makes no sense.
pub(super) fn open(shared: &Arc<Shared>, call: Call, number: u64) -> Result<Body, Refusal> {
    let version = call.number("resourceVersion")?.unwrap_or(0);
    let timeout = call.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map_or(UNTIL, Duration::from_secs);
    let now = Instant::now();
    let mut watcher = Watcher {
        bookmarks: call.is_set("allowWatchBookmarks"),
        moved: shared.store.moved(),
        faults: shared.faults.subscribe(),
        shared: Arc::clone(shared),
        number,
        at: version,
        ready: VecDeque::new(),
        deadline: now + timeout,
        next_bookmark: now + shared.bookmark_every,
        ended: false,
        call,
    };
    if version == 0 || watcher.call.is_set("sendInitialEvents") {
        watcher.replay()?;
    }
    Ok(Body::from_stream(futures::stream::unfold(watcher, Watcher::next)))
}

struct Watcher {
    shared: Arc<Shared>,
    call: Call,
    number: u64,
    at: u64,
    ready: VecDeque<Bytes>,
    moved: watch::Receiver<u64>,
    faults: watch::Receiver<Vec<Broken>>,
    bookmarks: bool,
    deadline: Instant,
    next_bookmark: Instant,
    ended: bool,
}

impl Watcher {
    /// The current state as ADDED first, and the bookmark that ends it if `sendInitialEvents` asks for that.
    fn replay(&mut self) -> Result<(), Refusal> {
        let namespace = self.call.namespace.as_deref();
        let (objects, at) = self
            .shared
            .store
            .snapshot(self.call.resource, namespace, None)
            .map_err(|_| Refusal::new(500, "InternalError", "the store lost its state"))?;
        self.at = at;
        for object in objects {
            if self.call.selector.matches(self.call.resource, &object) {
                self.push("ADDED", &object);
            }
        }
        if self.call.is_set("sendInitialEvents") && self.bookmarks {
            self.push_bookmark(json!({"k8s.io/initial-events-end": "true"}));
        }
        Ok(())
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if self.is_silent() {
                self.wait_silently().await;
            } else if let Some(line) = self.ready.pop_front() {
                self.shared.journal.sent(self.number, line.len());
                return Some((Ok(line), self));
            } else if self.ended {
                return None;
            } else if !self.read_on() {
                self.wait().await;
            }
            if self.is_silent() && Instant::now() >= self.deadline {
                return None;
            }
        }
    }

    fn is_silent(&self) -> bool {
        self.faults.borrow().iter().any(|broken| broken.fault == Fault::SilentWatch && broken.hits(&self.call))
    }

    async fn wait_silently(&mut self) {
        tokio::select! {
            _ = self.faults.changed() => {}
            () = tokio::time::sleep_until(self.deadline) => self.ended = true,
        }
    }

    /// Takes what was written since; says whether there is something to send.
    fn read_on(&mut self) -> bool {
        self.moved.borrow_and_update();
        match self.shared.store.since(self.at) {
            Ok((changes, at)) => {
                self.at = at;
                changes.iter().for_each(|change| self.tell(change));
            }
            Err(gap) => {
                let message = format!("too old resource version: {} ({})", self.at, gap.oldest);
                self.push("ERROR", &Refusal::expired(message).status());
                self.ended = true;
            }
        }
        !self.ready.is_empty()
    }

    /// An object that begins to match is ADDED, one that ceases to is DELETED.
    fn tell(&mut self, change: &Change) {
        let namespace = self.call.namespace.as_ref();
        let here = change.key.resource == self.call.resource.plural
            && namespace.is_none_or(|namespace| *namespace == change.key.namespace);
        let matching = |object: &Option<Arc<Value>>| {
            object.clone().filter(|object| here && self.call.selector.matches(self.call.resource, object))
        };
        match (matching(&change.before), matching(&change.after)) {
            (None, None) => {}
            (None, Some(after)) => self.push("ADDED", &after),
            (Some(_), Some(after)) => self.push("MODIFIED", &after),
            (Some(before), None) => {
                let mut last = Value::clone(&before);
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                self.push("DELETED", &last);
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            moved = self.moved.changed() => self.ended = moved.is_err(),
            _ = self.faults.changed() => {}
            () = tokio::time::sleep_until(self.next_bookmark) => self.bookmark(),
            () = tokio::time::sleep_until(self.deadline) => {
                self.bookmark();
                self.ended = true;
            }
        }
    }

    /// Only resources with a watch cache send bookmarks.
    fn bookmark(&mut self) {
        self.next_bookmark = Instant::now() + self.shared.bookmark_every;
        if self.bookmarks && self.call.resource.cached {
            self.push_bookmark(Value::Null);
        }
    }

    fn push_bookmark(&mut self, annotations: Value) {
        let mut object = json!({
            "kind": self.call.resource.kind, "apiVersion": self.call.resource.api_version(),
            "metadata": {"resourceVersion": self.at.to_string(), "creationTimestamp": null},
        });
        if !annotations.is_null() {
            object["metadata"]["annotations"] = annotations;
        }
        self.push("BOOKMARK", &object);
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.ready.push_back(line.into());
    }
}
