//! Addresses of the AWS VPC CNI: its daemon tells how many it holds on a port of the host's loopback
//! (aws/amazon-vpc-cni-k8s: docs/troubleshooting.md, introspection). It attaches further interfaces as it needs them, up to
//! what the instance may have, which it does not tell: all of them taken is no proof that none is left.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::{EXHAUSTED, ID};
use crate::model::reading::{Missing, Reading, Unit};
use crate::probe::http;

const PORT: u16 = 61_679;
const DEADLINE: Duration = Duration::from_secs(2);
const OF: &str = "aws-cni";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Enis {
    #[serde(rename = "TotalIPs")]
    total: f64,
    #[serde(rename = "AssignedIPs")]
    assigned: f64,
}

pub(super) fn ask() -> Reading {
    let answer = http::get(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), "/v1/enis", DEADLINE);
    match answer {
        Ok(answer) if answer.status == 200 => judge(&answer.body),
        Ok(answer) => silent(&format!("its introspection answers {}", answer.status)),
        Err(error) => silent(&format!("its introspection on port {PORT}: {error}")),
    }
}

fn judge(body: &str) -> Reading {
    let Ok(Enis { total, assigned }) = serde_json::from_str(body) else {
        return silent("its introspection does not tell its addresses");
    };
    let says = format!("{assigned} of {total} on the interfaces that are attached");
    let reading = if assigned >= total && total > 0.0 {
        let soon = format!("all {total} of the attached interfaces are taken");
        Reading::suspect(ID, OF, EXHAUSTED, says).with("plugin", OF).with("soon", soon)
    } else {
        Reading::fine(ID, OF, says)
    };
    reading.of_amount(assigned, total, Unit::Count)
}

fn silent(why: &str) -> Reading {
    Reading::unknown(ID, OF, Missing::Answer, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict;

    #[test]
    fn the_addresses_that_are_attached_are_counted_and_never_called_the_last() {
        let body =
            |assigned| format!(r#"{{"TotalIPs":28,"AssignedIPs":{assigned},"ENIs":{{"eni-1":{{"IsPrimary":true}}}}}}"#);
        assert_eq!(judge(&body(7)).verdict, Verdict::Fine);
        assert_eq!((judge(&body(28)).verdict, judge(&body(28)).cause), (Verdict::Suspect, "PodIpExhausted"));
        assert_eq!(judge("{}").verdict, Verdict::Unknown(Missing::Answer));
    }
}
