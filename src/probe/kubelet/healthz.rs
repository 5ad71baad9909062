//! The kubelet's own word on its local health port: plain HTTP, no credentials (Kubernetes: cmd/kubelet/app/server.go).
//! It is on the host's loopback, which this process may not share.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::probe::Node;

/// A kubelet that takes longer does not serve its node either.
const DEADLINE: Duration = Duration::from_secs(2);
/// Listening sockets stand at the beginning of the table, before those of connections.
const TABLE_AT_MOST: u64 = 256 << 10;
/// State of a listening socket (Linux: include/net/tcp_states.h, TCP_LISTEN).
const LISTENS: &str = "0A";

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
    match listens(node, at.port()) {
        Some(false) => Health::Refused(at),
        Some(true) => Health::Unseen(format!("{at} is heard on, in the host's network, which this process is not in")),
        None if node.mounts.prefix() == Path::new("/") => Health::Refused(at),
        None => Health::Unseen(format!("{at} refuses; whether that is the host's cannot be told")),
    }
}

/// Whether somebody listens on that port in the host's network, by the tables of its first process (Linux:
/// Documentation/networking/proc_net_tcp.rst).
fn listens(node: &Node, port: u16) -> Option<bool> {
    let table = |file: &str| node.root().head(Path::new(file), TABLE_AT_MOST).ok();
    let [four, six] = ["/proc/1/net/tcp", "/proc/1/net/tcp6"].map(table);
    let ending = format!(":{port:04X}");
    let listener = |line: &str| {
        let mut fields = line.split_whitespace();
        fields.nth(1).is_some_and(|local| local.ends_with(&ending)) && fields.nth(1) == Some(LISTENS)
    };
    let among = |table: Vec<u8>| String::from_utf8_lossy(&table).lines().any(listener);
    Some(among(four?) || six.is_some_and(among))
}

/// The status of the answer.
fn get(at: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&at, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("GET /healthz HTTP/1.0\r\nHost: {at}\r\n\r\n").as_bytes())?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.get(..3)?.parse().ok());
    status.ok_or_else(|| std::io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}
