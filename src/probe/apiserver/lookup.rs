//! A name of the API server, looked up as the node does: in its hosts file, then at its name servers, which are others than
//! those of a pod. Two of them are asked at most, each for the addresses of either family.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::plain;
use crate::host::Lost;
use crate::probe::Node;

const HOSTS: &str = "/etc/hosts";
/// The node's own, then what systemd-resolved asks, which is seen where `/run` is.
const RESOLVERS: &[&str] = &["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
const FILE_AT_MOST: u64 = 256 << 10;
/// Two of them and the connections after them end before the look is given up.
const DEADLINE: Duration = Duration::from_secs(1);
const SERVERS_AT_MOST: usize = 2;
const ANSWER_AT_MOST: usize = 4096;
/// Record types (RFC 1035 3.2.2, RFC 3596 2.1).
const ADDRESS: u16 = 1;
const ADDRESS_6: u16 = 28;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Found(Vec<IpAddr>),
    /// It has no address, and who says so.
    Fails(String),
    /// It can't be asked from here.
    Unseen(String),
}

pub(super) fn find(node: &Node, name: &str) -> Lookup {
    if let Ok(address) = name.parse() {
        return Lookup::Found(vec![address]);
    }
    let listed = read(node, HOSTS).map(|hosts| in_hosts(&hosts, name)).unwrap_or_default();
    if !listed.is_empty() {
        return Lookup::Found(listed);
    }
    let mut unseen = String::new();
    for file in RESOLVERS {
        match read(node, file).map(|text| servers(&text)) {
            Ok(servers) if !servers.is_empty() => return ask_all(&servers, name),
            Ok(_) => unseen = format!("{file} names no server"),
            Err(lost) => unseen = lost.to_string(),
        }
    }
    Lookup::Unseen(format!("{name} cannot be looked up as the node does: {unseen}"))
}

fn read(node: &Node, file: &str) -> Result<String, Lost> {
    let content = node.root().read(Path::new(file), FILE_AT_MOST)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn in_hosts(hosts: &str, name: &str) -> Vec<IpAddr> {
    let named = hosts.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|known| known.eq_ignore_ascii_case(name)).then_some(address)
    });
    named.collect()
}

fn servers(resolv_conf: &str) -> Vec<SocketAddr> {
    let addresses = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok())?
    });
    addresses.take(SERVERS_AT_MOST).map(|address| SocketAddr::new(address, 53)).collect()
}

pub(super) fn ask_all(servers: &[SocketAddr], name: &str) -> Lookup {
    let mut failure = String::new();
    for server in servers {
        match ask(*server, name) {
            Ok(Answer { addresses, code: _ }) if !addresses.is_empty() => return Lookup::Found(addresses),
            Ok(Answer { code: 0 | 3, .. }) => return Lookup::Fails(format!("{server} knows no address of {name}")),
            Ok(Answer { code, .. }) => failure = format!("{server} fails to look {name} up (code {code})"),
            Err(error) => failure = format!("name server {server} does not answer: {}", plain(&error)),
        }
    }
    Lookup::Fails(failure)
}

struct Answer {
    code: u8,
    addresses: Vec<IpAddr>,
}

/// The addresses of either family, where one has any (Go: net/dnsclient_unix.go, goLookupIPCNAMEOrder).
fn ask(server: SocketAddr, name: &str) -> std::io::Result<Answer> {
    let four = query(server, name, ADDRESS)?;
    if four.code != 0 {
        return Ok(four);
    }
    match query(server, name, ADDRESS_6) {
        six if four.addresses.is_empty() => six,
        Ok(six) => Ok(Answer { code: 0, addresses: [four.addresses, six.addresses].concat() }),
        Err(_) => Ok(four),
    }
}

fn query(server: SocketAddr, name: &str, kind: u16) -> std::io::Result<Answer> {
    let local: SocketAddr = if server.is_ipv6() { ([0; 16], 0).into() } else { ([0; 4], 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.connect(server)?;
    let id = fastrand::u16(..);
    socket.send(&question(id, name, kind))?;
    let mut answer = [0; ANSWER_AT_MOST];
    let length = socket.recv(&mut answer)?;
    let wrong = || std::io::Error::other("the answer is not one of a name server");
    parse(answer.get(..length).unwrap_or_default(), id, kind).ok_or_else(wrong)
}

fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    // Recursion is desired; one question.
    let mut message = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.').map(str::as_bytes) {
        let label = label.get(..label.len().min(63)).unwrap_or_default();
        message.push(u8::try_from(label.len()).unwrap_or_default());
        message.extend_from_slice(label);
    }
    message.push(0);
    message.extend_from_slice(&[kind.to_be_bytes(), 1u16.to_be_bytes()].concat());
    message
}

/// Header, the question again, then records. Names are passed over (RFC 1035 4.1).
fn parse(message: &[u8], id: u16, kind: u16) -> Option<Answer> {
    let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    if word(0)? != id || message.get(2)? & 0x80 == 0 {
        return None;
    }
    let code = message.get(3)? & 0x0f;
    let mut at = past_name(message, 12)? + 4;
    let mut addresses = Vec::new();
    for _ in 0..word(6)? {
        at = past_name(message, at)?;
        let (found, length) = (word(at)?, usize::from(word(at + 8)?));
        let data = message.get(at + 10..at + 10 + length)?;
        if found == kind {
            let four = <[u8; 4]>::try_from(data).map(IpAddr::from);
            addresses.extend(four.or_else(|_| <[u8; 16]>::try_from(data).map(IpAddr::from)).ok());
        }
        at += 10 + length;
    }
    Some(Answer { code, addresses })
}

fn past_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::scene::Host;

    /// A name server that knows one address of everything.
    fn server(code: u8, address: [u8; 4]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let mut answer = question[..length].to_vec();
                (answer[2], answer[3], answer[7]) = (0x81, code, u8::from(code == 0));
                if code == 0 {
                    answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                    answer.extend_from_slice(&address);
                }
                drop(socket.send_to(&answer, from));
            }
        });
        at
    }

    #[test]
    fn name_servers_are_asked_in_turn_and_a_denial_ends_it() {
        let (broken, knows, denies) = (server(2, [0; 4]), server(0, [192, 0, 2, 7]), server(3, [0; 4]));
        assert_eq!(ask_all(&[broken, knows], "api.example.com"), Lookup::Found(vec!["192.0.2.7".parse().unwrap()]));
        let denied = ask_all(&[denies, knows], "api.example.com");
        assert_eq!(denied, Lookup::Fails(format!("{denies} knows no address of api.example.com")));
    }

    #[test]
    fn the_node_s_own_files_decide() {
        let host = Host::new()
            .file("etc/hosts", "127.0.0.1 localhost\n192.0.2.9\tx API.example.com # old\nfd00::9 api.example.com\n");
        let both = ["192.0.2.9", "fd00::9"].map(|address| address.parse().unwrap());
        assert_eq!(find(&host.node(), "api.example.com"), Lookup::Found(both.into()));
        assert!(matches!(find(&host.node(), "other.example.com"), Lookup::Unseen(_)));
        let hostile = Host::new()
            .pipe("etc/hosts")
            .huge("etc/resolv.conf")
            .link("run/systemd/resolve/resolv.conf", "resolv.conf");
        assert!(matches!(find(&hostile.node(), "api.example.com"), Lookup::Unseen(_)));
        assert_eq!(
            servers("#x\nsearch a\nnameserver 10.0.0.2\nnameserver\nnameserver fd00::1\nnameserver 10.0.0.3").len(),
            2
        );
    }

    #[test]
    fn an_answer_cut_anywhere_is_none_or_a_shorter_one() {
        let mut answer = question(7, "api.example.com", ADDRESS);
        (answer[2], answer[7]) = (0x81, 1);
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        assert_eq!(parse(&answer, 7, ADDRESS).unwrap().addresses.len(), 1);
        assert!(parse(&answer, 8, ADDRESS).is_none(), "another question's");
        assert!((0..answer.len()).all(|end| parse(&answer[..end], 7, ADDRESS).is_none()));
    }
}
