//! The service itself: answers from the newest snapshot, and lets whoever watches have the newest one each time they are
//! ready for it. A reader that does not read costs one message and holds up nobody.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use tokio::sync::{Semaphore, watch};
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::convert;
use super::wire::node_server::Node;
use super::wire::{ExplainRequest, ExplainResponse, SnapshotRequest, SnapshotResponse, WatchRequest, WatchResponse};
use crate::clock::Clock;
use crate::model::explanation::Explanation;
use crate::model::snapshot::Snapshot;

/// Clients that may watch at once.
pub(super) const WATCHERS: usize = 8;
/// The longest message that is explained, in bytes.
pub(super) const MESSAGE_BYTES: usize = 256 << 10;

/// What the API answers from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The agent's clock.
    pub clock: Clock,
    /// The node's state after the last look.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Explains a message that came with a reason, or without one.
    pub explain: fn(&str, Option<&str>) -> Explanation,
}

pub(super) struct Answering {
    sources: Sources,
    watchers: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Answering {
    pub(super) fn new(sources: Sources, stop: CancellationToken) -> Self {
        Self { sources, watchers: Arc::new(Semaphore::new(WATCHERS)), stop }
    }
}

type Watched = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Node for Answering {
    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Result<Response<SnapshotResponse>, Status> {
        let newest = self.sources.snapshots.borrow().clone();
        let now = convert::time(self.sources.clock.now());
        Ok(Response::new(SnapshotResponse { now: Some(now), state: Some(convert::state(&newest)) }))
    }

    type WatchStream = Watched;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Watched>, Status> {
        let place = self.watchers.clone().try_acquire_owned();
        let place = place.map_err(|_| Status::resource_exhausted(format!("{WATCHERS} clients watch already")))?;
        let clock = self.sources.clock;
        let states = WatchStream::new(self.sources.snapshots.clone()).map(move |newest| {
            let _held = &place;
            let now = convert::time(clock.now());
            Ok(WatchResponse { now: Some(now), state: Some(convert::state(&newest)) })
        });
        let ended = futures::stream::once(async { Err(Status::unavailable("the agent ends")) });
        let states = states.take_until(self.stop.clone().cancelled_owned()).chain(ended);
        Ok(Response::new(Box::pin(states)))
    }

    async fn explain(&self, request: Request<ExplainRequest>) -> Result<Response<ExplainResponse>, Status> {
        let ExplainRequest { message, reason } = request.into_inner();
        if message.trim().is_empty() {
            return Err(Status::invalid_argument("there is nothing to explain; message is empty"));
        }
        if message.len() > MESSAGE_BYTES {
            return Err(Status::invalid_argument("this is more than 256 KiB; pass on the part that matters"));
        }
        let reason = Some(reason.as_str()).filter(|reason| !reason.is_empty());
        let explanation = convert::explanation((self.sources.explain)(&message, reason));
        Ok(Response::new(ExplainResponse { explanation: Some(explanation) }))
    }
}
