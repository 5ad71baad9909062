//! Who listens in the host's network, by the tables that the kernel keeps of its first process: also where this process is
//! in a network of its own. Connects to nobody.

use std::path::Path;

use super::Node;

/// Listening sockets stand at the beginning of the table, before those of connections.
const TCP_AT_MOST: u64 = 256 << 10;
/// Here they stand anywhere.
const UNIX_AT_MOST: u64 = 4 << 20;
/// State of a listening socket (Linux: include/net/tcp_states.h, TCP_LISTEN).
const TCP_LISTENS: &str = "0A";
/// Flag of a listening socket (Linux: include/uapi/linux/net.h, __SO_ACCEPTCON).
const UNIX_LISTENS: &str = "00010000";

/// Whether somebody listens on that TCP port; nothing where the tables can't be read (Linux:
/// Documentation/networking/proc_net_tcp.rst).
pub(super) fn tcp(node: &Node, port: u16) -> Option<bool> {
    let [four, six] = ["/proc/1/net/tcp", "/proc/1/net/tcp6"].map(|table| head(node, table, TCP_AT_MOST));
    let ending = format!(":{port:04X}");
    let listener = |line: &str| {
        let mut fields = line.split_whitespace();
        fields.nth(1).is_some_and(|local| local.ends_with(&ending)) && fields.nth(1) == Some(TCP_LISTENS)
    };
    let among = |table: String| table.lines().any(listener);
    Some(among(four?) || six.is_some_and(among))
}

/// Whether somebody listens on a socket file of that name, wherever its maker sees it (Linux: proc_pid_net(5), unix).
pub(super) fn unix(node: &Node, name: &str) -> Option<bool> {
    let table = head(node, "/proc/1/net/unix", UNIX_AT_MOST)?;
    let listener = |line: &str| {
        let listens = line.split_whitespace().nth(3) == Some(UNIX_LISTENS);
        listens && line.rsplit('/').next() == Some(name)
    };
    Some(table.lines().any(listener))
}

fn head(node: &Node, table: &str, limit: u64) -> Option<String> {
    let content = node.root().head(Path::new(table), limit).ok()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}
