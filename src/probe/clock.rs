//! Whether the node's clock follows a source of time, and how far it is from another machine's. Sets no clock, and asks no
//! time server: of synchronisation it knows what systemd-timesyncd says in a file.

use std::path::Path;

use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimeParser;

use super::Node;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::Time;
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "clock";

/// Made at each start once the clock is set (systemd-timesyncd.service(8)).
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
/// There where that service runs at all.
const SERVICE: &str = "/run/systemd/timesync";

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    const OF: &str = "synchronised";
    vec![match (node.root().find(Path::new(SYNCHRONIZED)), node.root().find(Path::new(SERVICE))) {
        (Ok(_), _) => Reading::fine(ID, OF, "set by a time server since the start"),
        (Err(Lost::Missing), Ok(_)) => {
            let says = "no time server has answered systemd-timesyncd since the start";
            Reading::suspect(ID, OF, "ClockSkewed", says).with("clock", "was set by no time server since the start")
        }
        (Err(Lost::Missing), Err(_)) => {
            let why = "systemd-timesyncd does not keep it, and of others this is not known";
            Reading::unknown(ID, OF, Missing::Subject, why)
        }
        (Err(lost), _) => unknown(ID, OF, Path::new(SYNCHRONIZED), &lost),
    }]
}

/// How far this node's clock is ahead of the machine that answered with this `Date`, or behind it; none where that is no
/// date. It has whole seconds and travelled here: a second or two mean nothing (RFC 9110, 6.6.1).
#[must_use]
pub fn drift(date_header: &str, now: Time) -> Option<SignedDuration> {
    let theirs = DateTimeParser::new().parse_timestamp(date_header.trim()).ok()?;
    Some(now.duration_since(theirs))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Host;
    use super::*;
    use crate::model::reading::Verdict::{Fine, Suspect, Unknown};

    fn verdict(host: &Host) -> crate::model::reading::Verdict {
        look(&host.node()).remove(0).verdict
    }

    #[test]
    fn what_the_service_says_of_itself_is_believed_and_without_it_nothing_is_said() {
        assert_eq!(verdict(&Host::default().file(SYNCHRONIZED, "")), Fine);
        assert_eq!(verdict(&Host::default().dir(SERVICE)), Suspect);
        assert_eq!(verdict(&Host::default()), Unknown(Missing::Subject));
        assert_eq!(verdict(&Host::default().mounted(&["/proc"], "")), Unknown(Missing::Access));
        assert_eq!(verdict(&Host::default().link(SERVICE, SERVICE)), Unknown(Missing::Answer));
    }

    #[test]
    fn the_date_of_an_answer_tells_how_far_the_clocks_are_apart() {
        let now: Time = "2026-11-21T11:42:02Z".parse().unwrap();
        for (date, ahead) in [
            ("Sat, 21 Nov 2026 11:42:02 GMT", 0),
            ("Sat, 21 Nov 2026 11:37:02 GMT", 300),
            (" Sun, 22 Nov 2026 11:42:02 GMT", -86_400),
        ] {
            assert_eq!(drift(date, now), Some(SignedDuration::from_secs(ahead)), "{date}");
        }
        for date in ["", "yesterday", "Sat, 31 Feb 2026 11:42:02 GMT", "\u{fffd}", "2026-11-21"] {
            assert_eq!(drift(date, now), None, "{date}");
        }
    }
}
