//! Addresses of Cilium: its daemon tells how many of the node's range are taken, on the socket that its CNI plugin uses too
//! (cilium/cilium: api/v1/openapi.yaml, GET /healthz, IPAMStatus). What it writes is a sentence for people
//! (pkg/ipam/hostscope.go and crd.go, Dump), and the answer may be long: it is searched, not parsed.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{EXHAUSTED, ID, SOON};
use crate::model::reading::{Missing, Reading, Unit};
use crate::probe::{Node, http, listeners};

const SOCKET: &str = "/run/cilium/cilium.sock";
const NAME: &str = "cilium.sock";
const DEADLINE: Duration = Duration::from_secs(2);
const OF: &str = "cilium-cni";

/// What the sentence says: `7/254 allocated from 10.244.1.0/24`, or without a range where more can be attached.
#[derive(Debug, PartialEq)]
struct Allocated<'a> {
    used: f64,
    limit: f64,
    range: Option<&'a str>,
}

pub(super) fn ask(node: &Node) -> Reading {
    // One that is gone or stopped is told by another probe.
    if listeners::unix(node, NAME) == Some(false) {
        return silent("its daemon does not listen");
    }
    let file = match node.root().find(Path::new(SOCKET)) {
        Ok(file) => file,
        Err(lost) => return Reading::unknown(ID, OF, Missing::Access, lost.to_string()),
    };
    match get(&file) {
        Ok(answer) if answer.status == 200 => match allocated(&answer.body) {
            Some(allocated) => judge(&allocated),
            None => silent("its daemon does not tell its addresses"),
        },
        Ok(answer) => silent(&format!("its daemon answers {}", answer.status)),
        Err(error) => silent(&format!("its daemon at {SOCKET}: {error}")),
    }
}

fn get(socket: &Path) -> std::io::Result<http::Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    http::ask(&mut stream, "localhost", "/v1/healthz")
}

fn allocated(body: &str) -> Option<Allocated<'_>> {
    let (_, ipam) = body.split_once("\"ipam\":")?;
    let (_, sentence) = ipam.split_once("IPv4: ")?;
    let (shares, rest) = sentence.split_once(" allocated")?;
    let (used, limit) = shares.split_once('/')?;
    let range = rest.strip_prefix(" from ").and_then(|rest| rest.split(['"', ',', ' ']).next());
    Some(Allocated { used: used.parse().ok()?, limit: limit.parse().ok()?, range })
}

/// A range is all that there is; without one the operator attaches more, up to what it does not tell here.
fn judge(allocated: &Allocated<'_>) -> Reading {
    let Allocated { used, limit, range } = *allocated;
    let of = range.map_or_else(|| "attached so far".to_owned(), |range| format!("in {range}"));
    let says = format!("{used} of {limit} {of} are taken");
    let full = limit > 0.0 && used >= limit;
    let reading = match range {
        Some(range) if full => Reading::broken(ID, OF, EXHAUSTED, says).with("range", range),
        Some(range) if used >= SOON * limit => {
            Reading::suspect(ID, OF, EXHAUSTED, says.clone()).with("range", range).with("soon", says)
        }
        None if full => Reading::suspect(ID, OF, EXHAUSTED, says.clone()).with("soon", says),
        _ => Reading::fine(ID, OF, says),
    };
    reading.with("plugin", OF).of_amount(used, limit, Unit::Count)
}

fn silent(why: &str) -> Reading {
    Reading::unknown(ID, OF, Missing::Answer, why)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;
    use crate::model::reading::Verdict::{self, Broken, Fine, Suspect, Unknown};
    use crate::probe::scene::Host;

    fn body(sentence: &str) -> String {
        format!(
            r#"{{"cilium":{{"state":"Ok"}},"controllers":[],"ipam":{{"ipv4":[],"status":"{sentence}"}},"kvstore":{{}}}}"#
        )
    }

    /// A daemon that gives this answer once.
    fn host(answer: &str) -> Host {
        let host = Host::new().file("run/cilium/state/x", "");
        let listener = UnixListener::bind(host.path(SOCKET)).unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{answer}");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(stream.read(&mut [0; 256]));
            drop(stream.write_all(answer.as_bytes()));
        });
        host
    }

    fn verdict(answer: &str) -> Verdict {
        ask(&host(answer).node()).verdict
    }

    #[test]
    fn a_range_of_its_own_fills_up() {
        for (used, expected) in [(7, Fine), (229, Suspect), (254, Broken)] {
            let sentence =
                format!("IPv4: {used}/254 allocated from 10.244.1.0/24, IPv6: 9/65534 allocated from fd00::/112");
            let reading = ask(&host(&body(&sentence)).node());
            assert_eq!(reading.verdict, expected, "{reading:?}");
            assert_eq!(reading.says, format!("{used} of 254 in 10.244.1.0/24 are taken"));
        }
    }

    #[test]
    fn what_is_attached_is_never_called_the_last() {
        assert_eq!(verdict(&body("IPv4: 16/16 allocated")), Suspect);
        assert_eq!(verdict(&body("IPv4: 15/16 allocated, ")), Fine);
    }

    #[test]
    fn another_answer_or_none_tells_nothing() {
        for answer in ["", "{}", "{\"ipam\":", &body("Not running"), &body("IPv4: a/b allocated")] {
            assert_eq!(verdict(answer), Unknown(Missing::Answer), "{answer}");
        }
        let nobody = Host::new().file("run/cilium/cilium.sock", "");
        assert_eq!(ask(&nobody.node()).verdict, Unknown(Missing::Answer));
    }
}
