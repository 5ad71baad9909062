//! Whether the node's clock follows a source of time, as far as systemd-timesyncd says that in a file. Sets no clock, and asks
//! no time server. How far it is from the API server's is seen on the way there: `apiserver/clock.rs`.

use std::path::Path;

use super::Node;
use super::lost::unknown;
use crate::host::Lost;
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
}
