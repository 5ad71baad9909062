//! The name server of a lab: every name under `.lab` is this machine, no other name exists, and a name can be taken away
//! and given back. Answers only A questions, and only inside the lab's network.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

const ADDRESS: &str = "127.0.0.1:53";
/// RFC 1035 section 4.1.1: where the questions begin.
const HEADER: usize = 12;
const NO_SUCH_NAME: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];
/// RFC 1035 section 4.1: name (a pointer to the question), A, IN, 1 s to live, four bytes: 127.0.0.1.
const ANSWER: [u8; 16] = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1];

type Gone = Arc<Mutex<BTreeSet<String>>>;

/// The running name server. Dropped, it ends.
#[derive(Debug)]
pub struct Names {
    gone: Gone,
    server: AbortHandle,
}

impl Drop for Names {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Names {
    /// Starts the server.
    ///
    /// # Errors
    /// When its port is taken.
    pub async fn start() -> anyhow::Result<Self> {
        let socket = UdpSocket::bind(ADDRESS).await.with_context(|| format!("cannot listen on {ADDRESS}"))?;
        let gone = Gone::default();
        let server = tokio::spawn(serve(socket, Arc::clone(&gone))).abort_handle();
        Ok(Self { gone, server })
    }

    /// From now on there is no such name.
    pub fn forget(&self, name: &str) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// The name is back.
    pub fn restore(&self, name: &str) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

async fn serve(socket: UdpSocket, gone: Gone) {
    let mut packet = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let reply = packet.get(..length).and_then(|query| reply(query, &gone));
        if let Some(reply) = reply {
            drop(socket.send_to(&reply, from).await);
        }
    }
}

/// The answer to a query with one question.
fn reply(query: &[u8], gone: &Gone) -> Option<Vec<u8>> {
    let (name, end) = name(query)?;
    let kind = query.get(end..end + 2)?;
    let known = name.ends_with(".lab") && !gone.lock().unwrap_or_else(PoisonError::into_inner).contains(&name);
    let answers = u8::from(known && kind == TYPE_A);
    let mut reply = query.get(..2)?.to_vec();
    // A response, recursion desired and available; one question; our answers; nothing else.
    reply.extend([0x81, 0x80 | if known { 0 } else { NO_SUCH_NAME }, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend(query.get(HEADER..end + 4)?);
    reply.extend(&ANSWER[..ANSWER.len() * usize::from(answers)]);
    Some(reply)
}

/// The name asked for, in lower case, and where its type stands.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str) -> Vec<u8> {
        let mut packet = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend(label.bytes());
        }
        packet.extend([0, 0, 1, 0, 1]);
        packet
    }

    #[test]
    fn a_name_of_the_lab_is_this_machine_and_no_other_name_exists() {
        let gone = Gone::default();
        assert!(reply(&query("registry.lab"), &gone).unwrap().ends_with(&[127, 0, 0, 1]));
        assert_eq!(reply(&query("registry.example"), &gone).unwrap()[3] & 0xf, NO_SUCH_NAME);
    }

    #[test]
    fn a_name_can_be_taken_away() {
        let gone = Gone::default();
        gone.lock().unwrap().insert("registry.lab".to_owned());
        assert_eq!(reply(&query("registry.lab"), &gone).unwrap()[3] & 0xf, NO_SUCH_NAME);
    }

    #[test]
    fn half_a_question_is_not_answered() {
        assert_eq!(reply(&query("registry.lab")[..20], &Gone::default()), None);
    }
}
