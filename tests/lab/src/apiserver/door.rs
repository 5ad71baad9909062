//! The listening socket and its connections: can be shut while the server lives (connections are refused and cut) and
//! opened again on the same port.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::fault::{Broken, Fault};

/// How long to wait before trying again to accept or to bind.
const AGAIN: Duration = Duration::from_millis(20);

/// A listener that closes while the fault `Refuse` stands.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    listener: Option<TcpListener>,
    faults: watch::Receiver<Vec<Broken>>,
    cut: CancellationToken,
    stopping: CancellationToken,
}

impl Door {
    pub(super) async fn open(faults: watch::Receiver<Vec<Broken>>, stopping: CancellationToken) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, listener: Some(listener), faults, cut: stopping.child_token(), stopping })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn is_shut(&mut self) -> bool {
        self.faults.borrow_and_update().iter().any(|broken| broken.fault == Fault::Refuse)
    }

    /// Shuts or opens as the faults say.
    async fn turn(&mut self) {
        if self.is_shut() {
            self.listener = None;
            self.cut.cancel();
        } else if self.listener.is_none() {
            self.listener = TcpListener::bind(self.address).await.ok();
            self.cut = self.stopping.child_token();
        }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            self.turn().await;
            let Some(listener) = &self.listener else {
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    _ = self.faults.changed() => {}
                }
                continue;
            };
            tokio::select! {
                biased;
                Ok(()) = self.faults.changed() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => return (Connection::new(stream, self.cut.clone()), address),
                    Err(_) => tokio::time::sleep(AGAIN).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that fails once it is cut.
pub(super) struct Connection {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Connection {
    fn new(stream: TcpStream, cut: CancellationToken) -> Self {
        Self { stream, cut: Box::pin(cut.cancelled_owned()) }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
