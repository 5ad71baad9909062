//! The least of HTTP: one question without credentials to an address of this host, with a deadline and a bound.

use std::io::{Error, ErrorKind, Read as _, Result};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const ANSWER_AT_MOST: u64 = 1 << 20;
/// All of an answer comes within this; a server that drips is cut off.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

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
    let end = Instant::now() + ANSWER_WITHIN;
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(_) if Instant::now() > end => return Err(ErrorKind::TimedOut.into()),
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_server_that_drips_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (_never, waits) = channel::<()>();
            let (mut stream, _) = listener.accept().unwrap();
            drop(stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n"));
            while stream.write_all(b"x").is_ok() {
                _ = waits.recv_timeout(Duration::from_millis(20));
            }
        });
        let begun = Instant::now();
        assert_eq!(get(at, "/", Duration::from_secs(1)).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() < 4 * ANSWER_WITHIN);
    }
}
