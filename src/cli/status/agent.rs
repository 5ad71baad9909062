//! The agent of this node as `kubewhy status` knows it: somebody who answers on a Unix socket, within a deadline.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use crate::model::Time;
use crate::model::snapshot::Snapshot;
use crate::serve::api::convert::read::{self, Unreadable};
use crate::serve::api::wire::node_client::NodeClient;
use crate::serve::api::wire::{NodeState, SnapshotRequest, WatchRequest, WatchResponse};

/// An answer comes from memory: who takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there to answer.
    #[error(
        "no agent answers at {socket} ({why}). Start one with kubewhy run; or ask the one in its pod, with kubectl -n kubewhy \
         exec POD -- kubewhy status; or name its socket with --api-socket",
        socket = .socket.display()
    )]
    NoAgent {
        /// The socket that was tried.
        socket: PathBuf,
        /// What is there instead.
        why: &'static str,
    },
    /// The socket is another user's.
    #[error("not allowed to open {socket}; run this as the agent's user, which is root", socket = .0.display())]
    Forbidden(PathBuf),
    /// The socket can't be opened for another reason.
    #[error("{socket} can't be opened", socket = .path.display())]
    Io {
        /// The socket that was tried.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody is there and does not answer.
    #[error("the agent at {socket} gives no answer within {seconds} s; look at its log", socket = .0.display(), seconds = DEADLINE.as_secs())]
    Hangs(PathBuf),
    /// The agent refuses, or ends.
    #[error("the agent at {socket} says: {says}", socket = .socket.display())]
    Refuses {
        /// The socket that was tried.
        socket: PathBuf,
        /// What the agent says.
        says: String,
    },
    /// The agent is of another version.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// What the agent told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// The agent's clock when it told.
    pub(super) now: Time,
    /// The node's state after its last look.
    pub(super) snapshot: Snapshot,
}

/// A connection to the agent.
pub(super) struct Agent {
    socket: PathBuf,
    client: NodeClient<Channel>,
}

impl Agent {
    /// Connects.
    pub(super) async fn at(socket: &Path) -> Result<Self, NoAnswer> {
        let stream = UnixStream::connect(socket).await.map_err(|error| unreached(socket, error))?;
        let mut stream = Some(TokioIo::new(stream));
        let connector = tower::service_fn(move |_: http::Uri| {
            std::future::ready(stream.take().ok_or_else(|| io::Error::other("the agent closed it")))
        });
        let endpoint = Endpoint::from_static("http://localhost");
        match timeout(DEADLINE, endpoint.connect_with_connector(connector)).await {
            Ok(Ok(channel)) => Ok(Self { socket: socket.to_owned(), client: NodeClient::new(channel) }),
            Ok(Err(error)) => Err(NoAnswer::Refuses { socket: socket.to_owned(), says: error.to_string() }),
            Err(_) => Err(NoAnswer::Hangs(socket.to_owned())),
        }
    }

    /// What holds now.
    pub(super) async fn snapshot(&mut self) -> Result<Told, NoAnswer> {
        let asked = timeout(DEADLINE, self.client.snapshot(SnapshotRequest {})).await;
        let answer = asked.map_err(|_| NoAnswer::Hangs(self.socket.clone()))?;
        let answer = answer.map_err(|status| refused(&self.socket, &status))?.into_inner();
        told(answer.now, answer.state)
    }

    /// What holds now and from now on.
    pub(super) async fn watch(mut self) -> Result<Watched, NoAnswer> {
        let asked = timeout(DEADLINE, self.client.watch(WatchRequest {})).await;
        let answer = asked.map_err(|_| NoAnswer::Hangs(self.socket.clone()))?;
        let states = answer.map_err(|status| refused(&self.socket, &status))?.into_inner();
        Ok(Watched { socket: self.socket, states })
    }
}

/// What the agent tells from now on.
pub(super) struct Watched {
    socket: PathBuf,
    states: Streaming<WatchResponse>,
}

impl Watched {
    /// The next state. There is no deadline: an agent that looks at nothing tells nothing.
    pub(super) async fn next(&mut self) -> Result<Told, NoAnswer> {
        match self.states.message().await {
            Ok(Some(answer)) => told(answer.now, answer.state),
            Ok(None) => Err(NoAnswer::Refuses { socket: self.socket.clone(), says: "the agent ends".to_owned() }),
            Err(status) => Err(refused(&self.socket, &status)),
        }
    }
}

fn told(now: Option<prost_types::Timestamp>, state: Option<NodeState>) -> Result<Told, NoAnswer> {
    Ok(Told { now: read::time(now)?, snapshot: read::state(state.unwrap_or_default())? })
}

fn unreached(socket: &Path, error: io::Error) -> NoAnswer {
    let no_agent = |why| NoAnswer::NoAgent { socket: socket.to_owned(), why };
    match error.kind() {
        io::ErrorKind::NotFound => no_agent("there is no such socket"),
        io::ErrorKind::ConnectionRefused => no_agent("nobody listens"),
        io::ErrorKind::NotADirectory => no_agent("there is no such directory"),
        io::ErrorKind::PermissionDenied => NoAnswer::Forbidden(socket.to_owned()),
        io::ErrorKind::WouldBlock => NoAnswer::Hangs(socket.to_owned()),
        _ => NoAnswer::Io { path: socket.to_owned(), source: error },
    }
}

fn refused(socket: &Path, status: &Status) -> NoAnswer {
    NoAnswer::Refuses { socket: socket.to_owned(), says: status.message().to_owned() }
}
