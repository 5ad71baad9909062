//! One watch: the store's history through the request's selector, with bookmarks, until its deadline.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Shared;
use super::call::Call;
use super::fault::{Broken, Fault};
use super::journal::Read;
use super::refusal::Refusal;
use super::store::{Change, Found, Interest};

/// How long a watch lives that names no `timeoutSeconds`: the real one takes 30 to 60 minutes.
const UNTIL: Duration = Duration::from_secs(1800);

/// Opens a watch.
///
/// # Errors
/// 400 or 422-like refusals for a query that makes no sense.
pub(super) fn open(shared: &Arc<Shared>, call: Call, number: u64) -> Result<Body, Refusal> {
    let version = call.number("resourceVersion")?.unwrap_or(0);
    let timeout = call.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).map_or(UNTIL, Duration::from_secs);
    let initial = version == 0 || call.is_set("sendInitialEvents");
    let mut ready = Vec::new();
    let mut at = version;
    if initial {
        let found = standing(shared, &call)?;
        at = found.version;
        ready.extend(found.objects.into_iter().filter(|object| call.selector.matches(call.resource, object)));
    }
    let interest = call.shelf().map_or(Interest::Resource(call.resource.plural), Interest::Shelf);
    let now = Instant::now();
    let mut watcher = Watcher {
        bookmarks: call.is_set("allowWatchBookmarks"),
        changes: mpsc::channel(1).1,
        faults: shared.faults.subscribe(),
        shared: Arc::clone(shared),
        number,
        at,
        ready: VecDeque::new(),
        deadline: now + timeout,
        next_bookmark: now + shared.bookmark_every,
        ended: false,
        call,
    };
    ready.iter().for_each(|object| watcher.push_object("ADDED", object));
    if initial && watcher.bookmarks && watcher.call.is_set("sendInitialEvents") {
        watcher.push_bookmark(json!({"k8s.io/initial-events-end": "true"}));
    }
    watcher.listen(interest);
    Ok(Body::from_stream(futures::stream::unfold(watcher, Watcher::next)))
}

fn standing(shared: &Shared, call: &Call) -> Result<Found, Refusal> {
    if let Some(shelf) = call.shelf() {
        return Ok(shared.store.on_shelf(&shelf));
    }
    let lost = |_| Refusal::new(500, "InternalError", "the store lost its state");
    shared.store.snapshot(call.resource, call.namespace.as_deref(), None).map_err(lost)
}

struct Watcher {
    shared: Arc<Shared>,
    call: Call,
    number: u64,
    at: u64,
    ready: VecDeque<Bytes>,
    changes: mpsc::Receiver<Change>,
    faults: watch::Receiver<Vec<Broken>>,
    bookmarks: bool,
    deadline: Instant,
    next_bookmark: Instant,
    ended: bool,
}

impl Watcher {
    /// Takes what was written since its version, and hears of the rest as it is written.
    fn listen(&mut self, interest: Interest) {
        match self.shared.store.listen(interest, self.at) {
            Ok(heard) => {
                (self.changes, self.at) = (heard.changes, heard.version);
                heard.backlog.iter().for_each(|change| self.tell(change));
            }
            Err(gap) => {
                let message = format!("too old resource version: {} ({})", self.at, gap.oldest);
                self.push("ERROR", &Refusal::expired(message).status());
                self.ended = true;
            }
        }
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
            } else if !self.read_on() && !self.ended {
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

    /// Takes what has been written by now, and nothing else is older than its version then.
    fn read_on(&mut self) -> bool {
        let version = self.shared.store.version();
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.tell(&change),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.ended = true;
                    break;
                }
            }
        }
        self.at = self.at.max(version);
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
            (None, Some(after)) => self.push_object("ADDED", &after),
            (Some(_), Some(after)) => self.push_object("MODIFIED", &after),
            (Some(before), None) => {
                let mut last = Value::clone(&before);
                last["metadata"]["resourceVersion"] = json!(change.version.to_string());
                self.push_object("DELETED", &last);
            }
        }
    }

    async fn wait(&mut self) {
        tokio::select! {
            biased;
            change = self.changes.recv() => match change {
                Some(change) => self.tell(&change),
                None => self.ended = true,
            },
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
            self.read_on();
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

    fn push_object(&mut self, kind: &str, object: &Value) {
        let bytes = object.to_string().len() as u64;
        self.shared.journal.read(self.number, Read { objects: 1, bytes, stored: false });
        self.push(kind, object);
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.ready.push_back(line.into());
    }
}
