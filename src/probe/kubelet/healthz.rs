//! The kubelet's own word on its local health port: plain HTTP, no credentials (Kubernetes: cmd/kubelet/app/server.go).
//! It is on the host's loopback, which this process may not share.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::probe::{Node, http, listeners};

/// A kubelet that takes longer does not serve its node either.
const DEADLINE: Duration = Duration::from_secs(2);

/// What came of asking.
#[derive(Debug)]
pub(super) enum Health {
    /// It says `ok`.
    Well,
    /// It says something else, or nothing.
    Fails(String),
    /// Nobody listens there.
    Refused(SocketAddr),
    /// The kubelet is configured to have none.
    Off,
    /// It can't be asked from here, and why.
    Unseen(String),
}

impl Health {
    pub(super) fn ask(node: &Node, at: Option<SocketAddr>) -> Self {
        let Some(at) = at else { return Self::Off };
        match get(at) {
            Ok(200) => Self::Well,
            Ok(status) => Self::Fails(format!("its health check on {at} answers {status}")),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => refused(node, at),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                Self::Fails(format!("its health check on {at} does not answer in {} s", DEADLINE.as_secs()))
            }
            Err(error) => Self::Unseen(format!("{at}: {error}")),
        }
    }
}

/// Refused here means refused there only where the host's own table of sockets has no listener either.
fn refused(node: &Node, at: SocketAddr) -> Health {
    match listeners::tcp(node, at.port()) {
        Some(false) => Health::Refused(at),
        Some(true) => Health::Unseen(format!("{at} is heard on, in the host's network, which this process is not in")),
        None if node.mounts.prefix() == Path::new("/") => Health::Refused(at),
        None => Health::Unseen(format!("{at} refuses; whether that is the host's cannot be told")),
    }
}

/// The status of the answer.
fn get(at: SocketAddr) -> std::io::Result<u16> {
    Ok(http::get(at, "/healthz", DEADLINE)?.status)
}
