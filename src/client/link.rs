//! The one connection to the runtime's socket that all callers share. It is opened when first needed, given up at the
//! first sign that it broke or that the socket is another file than it was, and opened anew at a pace of its own. Whoever
//! gets a connection from here knows that a runtime of a supported CRI version answers on it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::backoff::Backoff;
use super::call::{self, Call};
use super::calls::CallCounts;
use super::cri::deadlines::Deadlines;
use super::cri::handshake;
use super::endpoint::{self, Endpoint, SocketFile};
use crate::clock::Clock;
use crate::model::runtime::{CallFailure, FailureKind, Method, RuntimeInfo};
use crate::model::{Time, after, since};

/// Waits between tries to connect. Their bound lies below the observers' period, so that an observer's try is a real one.
const RETRY_BASE: Duration = Duration::from_millis(50);
const RETRY_MOST: Duration = Duration::from_millis(800);

/// A connection that was seen to work.
#[derive(Clone, Debug)]
pub struct Live {
    /// To call on.
    pub channel: Channel,
    /// Who answers.
    pub runtime: Arc<RuntimeInfo>,
    /// Counts connections from 1: a new number is a new connection, perhaps to a new process.
    pub generation: u64,
    file: SocketFile,
}

impl Live {
    /// The socket's path.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.runtime.socket
    }
}

/// Why there is no connection, and at which step it failed.
#[derive(Clone, Debug)]
pub struct NoLink {
    /// [`Method::Connect`] or [`Method::Version`].
    pub method: Method,
    /// The reason.
    pub failure: CallFailure,
}

/// The shared connection.
#[derive(Debug)]
pub struct Link {
    endpoint: Endpoint,
    clock: Clock,
    deadlines: Deadlines,
    pub(super) containerd_calls: CallCounts,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    live: Option<Live>,
    generation: u64,
    /// The socket that a search found. It is not searched for again: another runtime's socket must not hide that this
    /// one is down.
    found: Option<PathBuf>,
    backoff: Backoff,
    /// The last failure, and until when it stands for an answer.
    closed: Option<(Time, NoLink)>,
}

impl Link {
    /// A link that is not connected yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, clock: Clock, deadlines: Deadlines) -> Self {
        let backoff = Backoff::new(RETRY_BASE, RETRY_MOST);
        let state = Mutex::new(State { live: None, generation: 0, found: None, backoff, closed: None });
        Self { endpoint, clock, deadlines, state, containerd_calls: CallCounts::default() }
    }

    /// The deadlines it was given.
    #[must_use]
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// The connection, opened if need be.
    ///
    /// # Errors
    /// Says why there is none. Between two tries the last failure is repeated.
    pub async fn live(&self) -> Result<Live, NoLink> {
        let mut state = self.state.lock().await;
        if let Some(live) = state.live.take_if(|live| SocketFile::at(live.socket()) != Some(live.file)) {
            tracing::debug!(socket = %live.socket().display(), "the runtime's socket is another file now");
        }
        if let Some(live) = &state.live {
            return Ok(live.clone());
        }
        if let Some((_, failure)) = state.closed.as_ref().filter(|(until, _)| *until > self.clock.now()) {
            return Err(failure.clone());
        }
        self.open(&mut state).await
    }

    async fn open(&self, state: &mut State) -> Result<Live, NoLink> {
        let candidates = state.found.as_ref().map_or_else(|| self.endpoint.candidates(), |path| vec![path.clone()]);
        match self.first_that_answers(&candidates, state.generation + 1).await {
            Ok(live) => {
                state.generation = live.generation;
                state.found = Some(live.socket().to_owned());
                state.live = Some(live.clone());
                state.closed = None;
                state.backoff.reset();
                Ok(live)
            }
            Err(failure) => {
                let until = after(self.clock.now(), state.backoff.wait());
                state.closed = Some((until, failure.clone()));
                Err(failure)
            }
        }
    }

    /// Tries the candidates in order. A socket that hangs ends the search: it is most likely the one that is meant.
    async fn first_that_answers(&self, candidates: &[PathBuf], generation: u64) -> Result<Live, NoLink> {
        let mut best: Option<NoLink> = None;
        for path in candidates {
            match self.connect(path, generation).await {
                Ok(live) => return Ok(live),
                Err(no) if no.failure.kind == FailureKind::TimedOut => return Err(no),
                Err(no) if best.as_ref().is_none_or(|b| b.failure.kind == FailureKind::NoSocket) => best = Some(no),
                Err(_) => {}
            }
        }
        let searched = candidates.len() > 1;
        match best {
            Some(no) if !(searched && no.failure.kind == FailureKind::NoSocket) => Err(no),
            _ => Err(NoLink { method: Method::Connect, failure: self.endpoint.nothing_found() }),
        }
    }

    async fn connect(&self, path: &Path, generation: u64) -> Result<Live, NoLink> {
        let connecting = async {
            let (stream, file) = endpoint::open(path).await?;
            Ok((channel_over(stream, path).await?, file))
        };
        let (channel, file) = timeout(self.deadlines.connect, connecting)
            .await
            .unwrap_or_else(|_| Err(call::timed_out(path, "a connection", self.deadlines.connect)))
            .map_err(|failure| NoLink { method: Method::Connect, failure })?;
        let runtime = handshake::greet(channel.clone(), path, self.deadlines.version)
            .await
            .map_err(|failure| NoLink { method: Method::Version, failure })?;
        Ok(Live { channel, runtime: Arc::new(runtime), generation, file })
    }

    /// Makes one call within a deadline on a connection from here; gives the connection up if it broke.
    ///
    /// # Errors
    /// The call's failure, in words.
    pub async fn exchange<T>(
        &self,
        live: &Live,
        what: &str,
        deadline: Duration,
        exchange: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, CallFailure> {
        match timeout(deadline, exchange).await {
            Ok(answer) => self.settle(live, answer).await.map(Response::into_inner),
            Err(_) => Err(call::timed_out(live.socket(), what, deadline)),
        }
    }

    /// Puts an error into words and gives the connection up if it broke.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn settle<T>(&self, live: &Live, answer: Result<T, Status>) -> Result<T, CallFailure> {
        match answer {
            Ok(value) => Ok(value),
            Err(status) if call::is_broken(&status) => {
                self.give_up(live.generation).await;
                Err(call::broken(live.socket(), &status))
            }
            Err(status) => Err(call::answered(live.socket(), &status)),
        }
    }

    async fn give_up(&self, generation: u64) {
        let mut state = self.state.lock().await;
        state.live.take_if(|live| live.generation == generation);
    }

    /// Like [`Link::live`] and a call on it, with the time both took.
    pub async fn timed<T>(
        &self,
        method: Method,
        exchange: impl AsyncFnOnce(&Live) -> Result<T, CallFailure>,
    ) -> Call<T> {
        let began = self.clock.now();
        let (method, result) = match self.live().await {
            Ok(live) => (method, exchange(&live).await),
            Err(no) => (no.method, Err(no.failure)),
        };
        let result = result.map_err(|failure| self.endpoint.as_the_host_names(failure));
        Call { method, took: since(began, self.clock.now()), result }
    }
}

/// An HTTP/2 channel over an open stream. It can't connect a second time: a broken channel is to be given up.
async fn channel_over(stream: UnixStream, path: &Path) -> Result<Channel, CallFailure> {
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = stream.take().ok_or_else(|| std::io::Error::other("the runtime closed it"));
        std::future::ready(stream)
    });
    tonic::transport::Endpoint::from_static("http://localhost").connect_with_connector(connector).await.map_err(|e| {
        let text = format!("cannot speak gRPC at {}: {e}", path.display());
        call::failure(FailureKind::Broken, path, &text)
    })
}
