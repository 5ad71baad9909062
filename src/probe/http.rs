//! The least of HTTP: one question without credentials to an address of this host, with a deadline and a bound.

use std::io::{Error, ErrorKind, Read as _, Result};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ANSWER_AT_MOST: u64 = 1 << 20;
/// So often may an answer come in parts; a server that drips is cut off.
const PARTS_AT_MOST: usize = 1024;

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// Asks one question; each step of it has the deadline.
pub(super) fn get(at: SocketAddr, path: &str, deadline: Duration) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&at, deadline)?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    ask(&mut stream, &at.to_string(), path)
}

/// Asks on a connection that has its deadlines.
pub(super) fn ask(stream: &mut (impl std::io::Read + std::io::Write), host: &str, path: &str) -> Result<Answer> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: kubewhy\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut stream = stream.take(ANSWER_AT_MOST);
    let mut part = [0; 4096];
    for _ in 0..PARTS_AT_MOST {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(part.get(..length).unwrap_or_default()),
            // Who closes without a word of goodbye has said all that counts.
            Err(_) if answer.windows(4).any(|four| four == b"\r\n\r\n") => break,
            Err(error) => return Err(error),
        }
    }
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.get(..3)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

impl Answer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}
