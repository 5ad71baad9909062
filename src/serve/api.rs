//! The node-local API: gRPC on a Unix socket that only the agent's own user may open (`proto/kubewhy/v1/kubewhy.proto`).
//! It answers from the last snapshot and asks neither the runtime nor the API server. A client can slow down itself and
//! nobody else; a path that is taken is a log line, and tried again.

mod connections;
pub mod convert;
mod node;
mod socket;
pub mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

pub use node::Sources;
use node::{Answering, MESSAGE_BYTES, WATCHERS};
use socket::Socket;
pub use socket::{is_served, unborn};
use wire::node_server::NodeServer;

use crate::client::backoff::Backoff;
use crate::model::wording;

/// Where it is by default: where `kubewhy status` looks, and what `deploy/base` mounts.
pub const DEFAULT_SOCKET: &str = "/run/kubewhy/kubewhy.sock";

/// Clients at once: those that watch, and as many that ask.
const CONNECTIONS: usize = 2 * WATCHERS;
/// Calls of one client at once.
const CALLS: u32 = 4;
/// Within this time a call is answered; of a watch, it begins.
const DEADLINE: Duration = Duration::from_secs(5);
/// A client that does not answer a ping is given up: its place is another's.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));
/// The name and the reason beside the message itself, and protobuf's framing.
const REQUEST_BYTES: usize = MESSAGE_BYTES + (64 << 10);
/// What a client gets to read what it still has coming when the agent ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// Between tries to take the path.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Serves the API at `path` until told to stop; the file is gone when this returns.
pub async fn serve(path: PathBuf, sources: Sources, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let listening = tokio::select! {
            listening = listen(&path) => listening,
            () = stop.cancelled() => return,
        };
        let (_socket, listener) = listening;
        tokio::select! {
            () = answer(listener, sources.clone(), &stop) => {}
            () = farewell(&stop) => tracing::debug!("a client of the node-local API did not read to the end"),
        }
    }
}

/// Takes the path, as long as it may last.
async fn listen(path: &Path) -> (Socket, UnixListener) {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    let mut said = false;
    loop {
        match Socket::listen(path).await {
            Ok(listening) => {
                tracing::info!(socket = %path.display(), "the node-local API is served");
                return listening;
            }
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    let reason = wording::chain(&error);
                    tracing::warn!(socket = %path.display(), reason, "the node-local API can't be served");
                }
                tokio::time::sleep(RETRY.0 / 5 + backoff.wait()).await;
            }
        }
    }
}

async fn answer(listener: UnixListener, sources: Sources, stop: &CancellationToken) {
    let node = NodeServer::new(Answering::new(sources, stop.clone())).max_decoding_message_size(REQUEST_BYTES);
    let served = Server::builder()
        .timeout(DEADLINE)
        .max_concurrent_streams(CALLS)
        .http2_keepalive_interval(Some(PING.0))
        .http2_keepalive_timeout(Some(PING.1))
        .add_service(node)
        .serve_with_incoming_shutdown(connections::incoming(listener, CONNECTIONS), stop.cancelled());
    if let Err(error) = served.await {
        let reason = wording::chain(&error);
        tracing::warn!(reason, "serving the node-local API ended; it starts again");
    }
}

async fn farewell(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}

#[cfg(test)]
mod tests;
