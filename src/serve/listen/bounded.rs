//! So many connections at once and no more, and none that is silent or comes to no end with its request: whoever can reach
//! the address costs the agent a bounded amount of memory. One beyond waits in the kernel's queue, which is short, until
//! another leaves.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// A probe, a few Prometheus, and somebody with curl.
pub(super) const AT_ONCE: usize = 64;
/// A connection ends when no request begins for so long, or one that began is not whole and answered. Longer than any answer
/// takes.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// Lets connections in while there is room.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Bounded {
    /// With room for all.
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        (Connection { stream, patience: Box::pin(sleep(IDLE)), asks: false, _permit: permit }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. It makes room when it is dropped.
pub(super) struct Connection {
    stream: TcpStream,
    patience: Pin<Box<Sleep>>,
    /// Something was read since something was written.
    asks: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Waits anew where a request begins and where an answer moves on; else sees whether that was too long ago. The bytes of a
    /// request that trickle in win it no time.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>, reads: bool) -> Poll<io::Result<T>> {
        let goes_on = reads && self.asks;
        if moved.is_ready() && !goes_on {
            self.asks = reads;
            self.patience.as_mut().reset(Instant::now() + IDLE);
        }
        match self.patience.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => moved,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.in_time(cx, moved, true)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, moved, false)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
