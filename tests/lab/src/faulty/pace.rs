//! How fast the bytes of a misbehaving repository come: the fault is asked anew before every piece, so that a transfer
//! feels a fault that begins or ends under it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use futures::Stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Fault, Faults, Shelf, lock};

const PIECE: usize = 64 * 1024;
/// A connection that is cut leaves one of these to pass for nothing.
const NARROW_PIECE: usize = 16 * 1024;
/// A slow transfer gives a tenth of its rate every tenth of a second.
const TICKS_PER_SECOND: u64 = 10;

/// Waits while the repository is silent, and returns the fault after that.
pub(super) async fn after_silence(faults: &mut watch::Receiver<Faults>, repository: &str) -> Fault {
    loop {
        let fault = current(faults, repository);
        if fault != Fault::Silent || faults.changed().await.is_err() {
            return fault;
        }
    }
}

/// The content in pieces, as fast as the fault of the moment lets them go.
pub(super) fn paced(
    shelf: Arc<Shelf>,
    [repository, digest]: [&str; 2],
    content: Bytes,
) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let faults = shelf.faults.subscribe();
    let (repository, digest) = (repository.to_owned(), digest.to_owned());
    let transfer = Transfer { shelf, repository, digest, faults, content, sent: 0 };
    futures::stream::unfold(transfer, |mut transfer| async move {
        let piece = transfer.next().await;
        (!piece.is_empty()).then(|| (Ok(piece), transfer))
    })
}

/// The link that narrow repositories share: pieces pass over it one after the other, so that each connection has its part.
#[derive(Debug, Default)]
pub(super) struct Link(Mutex<Option<Instant>>);

impl Link {
    /// When a piece of this size has passed that is handed over now.
    fn passes(&self, size: usize, rate: u64) -> Instant {
        let mut free = lock(&self.0);
        let begin = free.map_or_else(Instant::now, |free| free.max(Instant::now()));
        *free.insert(begin + Duration::from_secs_f64(size as f64 / rate as f64))
    }
}

struct Transfer {
    shelf: Arc<Shelf>,
    repository: String,
    digest: String,
    faults: watch::Receiver<Faults>,
    content: Bytes,
    sent: usize,
}

impl Transfer {
    /// The next piece; empty at the end.
    async fn next(&mut self) -> Bytes {
        let size = self.allowance().await.min(self.content.len() - self.sent);
        let piece = self.content.slice(self.sent..self.sent + size);
        self.sent += size;
        lock(&self.shelf.ledger).gave(&self.repository, &self.digest, size as u64);
        piece
    }

    /// How many bytes may go now, after waiting as long as the fault demands. At least one.
    async fn allowance(&mut self) -> usize {
        loop {
            match current(&mut self.faults, &self.repository) {
                Fault::Slow(rate) => {
                    tokio::time::sleep(Duration::from_secs(1) / TICKS_PER_SECOND as u32).await;
                    return as_size(rate / TICKS_PER_SECOND).max(1);
                }
                Fault::Narrow(rate) => {
                    let size = NARROW_PIECE.min(self.content.len() - self.sent);
                    tokio::time::sleep_until(self.shelf.link.passes(size, rate)).await;
                    return size;
                }
                Fault::Stalled(after) if self.sent < as_size(after) => return PIECE.min(as_size(after) - self.sent),
                Fault::Stalled(_) | Fault::Silent => {
                    if self.faults.changed().await.is_err() {
                        return PIECE;
                    }
                }
                Fault::Healthy | Fault::Status(_) | Fault::WrongDigest => return PIECE,
            }
        }
    }
}

fn as_size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn current(faults: &mut watch::Receiver<Faults>, repository: &str) -> Fault {
    faults.borrow_and_update().get(repository).copied().unwrap_or_default()
}
