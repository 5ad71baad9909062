//! One list and watch, followed for as long as the agent runs: what it yields is handed on, its failures are told once and
//! retried. Knows nothing of what it watches.
//!
//! Nothing is asked for without a pause, be it the first list, but the watch after its list, and the watch after one that
//! lived as long as was asked: a server that takes watches and ends them at once is asked no more often than one that
//! refuses them.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::standing::Standing;
use crate::client::apiserver::{retry_after, state_after};
use crate::client::backoff::Backoff;
use crate::clock::Clock;
use crate::model::observation::{ApiState, Seen};
use crate::model::since;
use crate::observe::Outlet;

/// The first list waits a random part of the spread of first reports, taken so often: all agents may have begun at once, and
/// each begins with four requests, two lists and the watches after them.
const FIRST_LIST: u32 = 6;
/// Waits between failing attempts. The longest is long enough for all nodes of a large cluster to be back without a rush: each
/// may first be told that its version is lost, and then list and watch.
const RETRY_BASE: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(120);
/// A watch that lived for so long was no failure, although it may have ended before its time.
const STEADY: Duration = Duration::from_secs(60);
/// A steady watch that ended before its time: so did those of all other nodes, if the API server restarted. They come back
/// within this time.
const COMEBACK: Duration = Duration::from_secs(30);

/// The server ends a watch after about so long, and it is opened anew where it stopped. Each time another length, so that the
/// watches of nodes that started together drift apart.
const LENGTH: std::ops::Range<u32> = 600..900;
/// The server sends a bookmark every minute (Kubernetes: apiserver/pkg/storage/cacher/cacher.go, defaultBookmarkFrequency).
/// A watch that says nothing for longer than this is dead, though nobody said so. Where there are no bookmarks this costs
/// fifteen openings an hour.
const SILENT: Duration = Duration::from_secs(240);

/// What happened to the objects that are followed.
pub(super) enum Change<K> {
    /// These are there, and no others.
    Listed(Vec<K>),
    /// It is so now.
    Is(K),
    /// It was so when it went.
    Gone(K),
}

/// Where observations go, and how the API server stands.
pub(super) struct Feed {
    pub(super) resource: &'static str,
    pub(super) standing: Standing,
    pub(super) out: Outlet,
    pub(super) clock: Clock,
    /// Over which nodes that do the same at once are to drift apart.
    pub(super) spread: Duration,
}

/// Follows the objects that the field selector `fields` leaves, until `stop`. `tell` makes of each change what is to be
/// sent.
pub(super) async fn follow<K>(
    api: Api<K>,
    fields: &str,
    feed: Feed,
    stop: CancellationToken,
    tell: impl FnMut(Change<K>) -> Option<Seen> + Send,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let backoff = Backoff::new(RETRY_BASE, RETRY_MOST);
    let follower =
        Follower { api, fields: fields.to_owned(), feed, tell, version: None, backoff, not_before: Duration::ZERO };
    stop.run_until_cancelled(follower.run()).await;
}

struct Follower<K, T> {
    api: Api<K>,
    fields: String,
    feed: Feed,
    tell: T,
    /// What is known already. None: it must be listed.
    version: Option<String>,
    backoff: Backoff,
    /// What the server has asked for, beside the backoff.
    not_before: Duration,
}

/// Why a watch is over, as far as it matters to what comes next.
enum End {
    /// It ended without a fault of what was sent, or was never opened.
    Cut,
    /// What comes after the known version can't be had.
    Lost,
}

impl<K, T> Follower<K, T>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    T: FnMut(Change<K>) -> Option<Seen> + Send,
{
    async fn run(mut self) {
        let first = self.feed.spread * FIRST_LIST;
        self.rest(first.mul_f64(fastrand::f64())).await;
        loop {
            match self.version.take() {
                None => self.list().await,
                Some(version) => self.watch(version).await,
            }
        }
    }

    async fn list(&mut self) {
        // Version 0 comes from the API server's watch cache, where pods are indexed by node; any other, and any limit, may
        // read every pod of the cluster from etcd (Kubernetes: apiserver/pkg/storage/cacher).
        let all = ListParams::default().fields(&self.fields).at("0");
        match self.api.list(&all).await {
            Ok(list) => match list.metadata.resource_version.filter(|version| !version.is_empty()) {
                Some(version) => {
                    self.version = Some(version);
                    self.stands(ApiState::Answers).await;
                    self.hand_on(Change::Listed(list.items)).await;
                    return;
                }
                None => self.stands(ApiState::Unreachable("its answer has no resource version".into())).await,
            },
            Err(error) => self.refused("list", &error).await,
        }
        let pause = self.backoff.wait();
        self.rest(pause).await;
    }

    async fn watch(&mut self, version: String) {
        let length = fastrand::u32(LENGTH);
        let began = self.feed.clock.now();
        self.version = Some(version);
        if let End::Lost = self.watch_until_it_ends(length).await {
            self.version = None;
        }
        let lived = since(began, self.feed.clock.now());
        if lived >= STEADY {
            self.backoff.reset();
        }
        let pause = match lived {
            full if full >= Duration::from_secs(length.into()) => Duration::ZERO,
            steady if steady >= STEADY => COMEBACK.mul_f64(fastrand::f64()),
            _ => self.backoff.wait(),
        };
        self.rest(pause).await;
    }

    async fn rest(&mut self, pause: Duration) {
        tokio::time::sleep(pause + std::mem::take(&mut self.not_before)).await;
    }

    async fn watch_until_it_ends(&mut self, length: u32) -> End {
        let params = WatchParams::default().fields(&self.fields).timeout(length);
        let opened = self.api.watch(&params, self.version.as_deref().unwrap_or_default()).await;
        let mut items = match opened {
            Ok(items) => items.boxed(),
            Err(error) => return self.failed(&error).await,
        };
        self.stands(ApiState::Answers).await;
        while let Ok(Some(item)) = tokio::time::timeout(SILENT, items.next()).await {
            let (version, change) = match item {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    (object.resource_version(), Some(Change::Is(object)))
                }
                Ok(WatchEvent::Deleted(object)) => (object.resource_version(), Some(Change::Gone(object))),
                Ok(WatchEvent::Bookmark(bookmark)) => (Some(bookmark.metadata.resource_version), None),
                Ok(WatchEvent::Error(status)) => return self.failed(&kube::Error::Api(status.boxed())).await,
                Err(error) => return self.broke_off(&error).await,
            };
            let Some(version) = version.filter(|version| !version.is_empty()) else { return End::Lost };
            self.version = Some(version);
            if let Some(change) = change {
                self.hand_on(change).await;
            }
        }
        End::Cut
    }

    /// The server said no, or nothing.
    async fn failed(&mut self, error: &kube::Error) -> End {
        if matches!(error, kube::Error::Api(status) if status.code == 410) {
            return End::Lost;
        }
        self.refused("watch", error).await;
        End::Cut
    }

    async fn refused(&mut self, verb: &str, error: &kube::Error) {
        self.not_before = retry_after(error).unwrap_or_default();
        self.stands(state_after(error, verb, self.feed.resource)).await;
    }

    /// A watch that breaks off says nothing of the API server: only the next attempt does. What can't be read is lost.
    async fn broke_off(&mut self, error: &kube::Error) -> End {
        match error {
            kube::Error::Api(_) => self.failed(error).await,
            kube::Error::SerdeError(_) => End::Lost,
            _ => End::Cut,
        }
    }

    async fn stands(&self, state: ApiState) {
        self.feed.standing.note(self.feed.resource, state, &self.feed.out).await;
    }

    async fn hand_on(&mut self, change: Change<K>) {
        if let Some(seen) = (self.tell)(change) {
            self.feed.out.tell(seen).await;
        }
    }
}
