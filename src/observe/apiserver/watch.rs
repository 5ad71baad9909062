//! One list and watch, followed for as long as the agent runs: what it yields is handed on, its failures are told once and
//! retried with backoff. Knows nothing of what it watches.
//!
//! The kube crate's watcher re-opens a watch where it stopped and lists again after 410 Gone. What it does not do is done
//! here: it retries without any pause, it is silent when a watch that failed to open opens again, and an HTTP 410 at the
//! opening keeps it at the same lost version for ever.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::standing::Standing;
use crate::client::apiserver::{DEADLINE, state_after};
use crate::client::backoff::Backoff;
use crate::model::observation::{ApiState, Seen};
use crate::observe::Outlet;

/// Waits between failing attempts.
const RETRY_BASE: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(30);

/// A failing attempt ends within the client's deadline, so a watch that is silent for longer has been opened.
const OPENED: Duration = DEADLINE.saturating_add(Duration::from_secs(1));

/// The server ends a watch after about so long, and it is opened anew where it stopped. Spread, so that the watches of
/// nodes that started together drift apart. A connection that died unseen is noticed after as long.
const LENGTH: std::ops::Range<u32> = 240..300;

type Items<K> = Pin<Box<dyn Stream<Item = watcher::Result<Event<K>>> + Send>>;

/// Where observations go, and how the API server stands.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) resource: &'static str,
    pub(super) standing: Standing,
    pub(super) out: Outlet,
}

impl Feed {
    async fn stands(&self, state: ApiState) {
        self.standing.note(self.resource, state, &self.out).await;
    }
}

/// Follows the objects that the field selector `fields` leaves, until `stop`. `tell` makes of each event what is to be
/// sent.
pub(super) async fn follow<K>(
    api: Api<K>,
    fields: &str,
    feed: Feed,
    stop: CancellationToken,
    tell: impl FnMut(Event<K>) -> Option<Seen> + Send,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let open = || -> Items<K> { Box::pin(watcher(api.clone(), config(fields))) };
    stop.run_until_cancelled(keep_following(open, &feed, tell)).await;
}

async fn keep_following<K: Send>(
    open: impl Fn() -> Items<K>,
    feed: &Feed,
    mut tell: impl FnMut(Event<K>) -> Option<Seen> + Send,
) {
    let mut items = open();
    let mut backoff = Backoff::new(RETRY_BASE, RETRY_MOST);
    let mut failing = false;
    loop {
        let next = next(&mut items, failing).await;
        if next.was_answered() {
            failing = false;
            backoff.reset();
            feed.stands(ApiState::Answers).await;
        }
        match next {
            Next::Opened => {}
            Next::Event(event) => {
                if let Some(seen) = tell(event) {
                    feed.out.tell(seen).await;
                }
            }
            Next::Failed(error) => {
                failing = true;
                if let Some(state) = standing_after(&error, feed.resource) {
                    feed.stands(state).await;
                }
                tokio::time::sleep(backoff.wait()).await;
                if lost(&error) {
                    items = open();
                }
            }
        }
    }
}

enum Next<K> {
    Opened,
    Event(Event<K>),
    Failed(watcher::Error),
}

impl<K> Next<K> {
    /// `Init` comes before the list is asked for.
    fn was_answered(&self) -> bool {
        matches!(self, Self::Opened) || matches!(self, Self::Event(event) if !matches!(event, Event::Init))
    }
}

async fn next<K>(items: &mut Items<K>, failing: bool) -> Next<K> {
    let item = match failing {
        true => tokio::time::timeout(OPENED, items.next()).await,
        false => Ok(items.next().await),
    };
    match item {
        Ok(Some(Ok(event))) => Next::Event(event),
        Ok(Some(Err(error))) => Next::Failed(error),
        Ok(None) => Next::Failed(watcher::Error::NoResourceVersion), // a watcher's stream has no end
        Err(_) => Next::Opened,
    }
}

/// A list at version 0 comes from the API server's watch cache, where pods are indexed by node; any other may read every
/// pod of the cluster from etcd (Kubernetes: apiserver/pkg/storage/cacher). The kube crate asks for version 0 only where
/// no page size is set.
fn config(fields: &str) -> watcher::Config {
    let config = watcher::Config::default().any_semantic().fields(fields).timeout(fastrand::u32(LENGTH));
    watcher::Config { page_size: None, ..config }
}

/// What a failure says of the API server. A watch that breaks off says nothing: only the next attempt does.
fn standing_after(error: &watcher::Error, resource: &str) -> Option<ApiState> {
    match error {
        watcher::Error::InitialListFailed(error) => Some(state_after(error, "list", resource)),
        watcher::Error::WatchStartFailed(error) => Some(state_after(error, "watch", resource)),
        watcher::Error::WatchError(status) if status.code != 410 => {
            Some(state_after(&kube::Error::Api(status.clone()), "watch", resource))
        }
        watcher::Error::NoResourceVersion => Some(ApiState::Unreachable("its answer has no resource version".into())),
        watcher::Error::WatchError(_) | watcher::Error::WatchFailed(_) => None,
    }
}

/// The version to watch from is gone, said as an HTTP status.
fn lost(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}
