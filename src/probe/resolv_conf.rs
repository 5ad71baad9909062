//! The resolv.conf of the node from which the kubelet makes those of the pods: whether it is there, and what of it works.
//! Asks no name server.

use std::path::{Path, PathBuf};

use super::Node;
use super::kubelet_config::KubeletConfig;
use super::lost::unknown;
use crate::host::Lost;
use crate::model::reading::{Reading, Verdict};

/// Its id.
pub const ID: &str = "resolv-conf";

/// Where nothing else is said (Kubernetes: ResolverConfig in pkg/kubelet/apis/config/v1beta1/defaults.go).
const USUAL: &str = "/etc/resolv.conf";
const SIZE_AT_MOST: u64 = 10 << 20;
/// The resolver of the C library asks no more of them (resolv.conf(5), MAXNS), and the kubelet hands on no more
/// (Kubernetes: MaxDNSNameservers in pkg/apis/core/validation).
const SERVERS: usize = 3;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let config = KubeletConfig::read(node);
    let told = config.as_ref().ok().and_then(|config| config.said("resolvConf"));
    if told == Some("") {
        return vec![Reading::fine(ID, "", "the kubelet is told to give pods none of the node")];
    }
    let file = PathBuf::from(told.unwrap_or(USUAL));
    vec![one(node, &file, config.is_ok_and(|config| config.is_certain()))]
}

/// Where not all is known that the kubelet was told, its flags may name another file.
fn one(node: &Node, file: &Path, known: bool) -> Reading {
    let shown = file.display();
    match node.root().read(file, SIZE_AT_MOST) {
        Ok(content) => judge(file, &String::from_utf8_lossy(&content)),
        Err(Lost::Missing) => {
            let verdict = if known { Verdict::Broken } else { Verdict::Suspect };
            let says = format!("{shown} is not there, or is a link that leads nowhere");
            let reading = Reading::broken(ID, "", "NodeResolvConfMissing", says).with("file", shown.to_string());
            Reading { verdict, ..reading }
        }
        Err(lost) => unknown(ID, "", file, &lost),
    }
}

/// With none or too many of them pods start, and some names do not resolve: that is no cause of the catalogue.
fn judge(file: &Path, text: &str) -> Reading {
    let shown = file.display();
    match text.lines().filter(|line| line.split_whitespace().next() == Some("nameserver")).count() {
        0 => Reading::suspect(ID, "", "", format!("{shown} names no name server")),
        servers @ 1..=SERVERS => Reading::fine(ID, "", format!("{shown} names {servers} name servers")),
        servers => {
            Reading::suspect(ID, "", "", format!("{shown} names {servers} name servers; the first {SERVERS} count"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{CONFIG, Host};
    use super::*;
    use crate::model::reading::Missing::{Access, Answer};
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};

    fn reading(host: &Host) -> Reading {
        look(&host.node()).remove(0)
    }

    #[test]
    fn the_file_that_the_kubelet_s_configuration_names_must_be_there() {
        let host = Host::default().file(CONFIG, "resolvConf: /run/systemd/resolve/resolv.conf\n").kubelet(&[]);
        let missing = reading(&host);
        assert_eq!((missing.verdict, missing.cause), (Broken, "NodeResolvConfMissing"));
        assert_eq!(missing.facts, [("file", "/run/systemd/resolve/resolv.conf".to_owned())]);
        let there = host.file("/run/systemd/resolve/resolv.conf", "# x\nnameserver 10.0.0.2\n");
        assert_eq!(reading(&there).verdict, Fine);
    }

    #[test]
    fn without_the_configuration_the_usual_one_is_only_suspected() {
        assert_eq!(reading(&Host::default()).verdict, Suspect);
        let dangling = Host::default().file(CONFIG, "a: b").link(USUAL, "../run/systemd/resolve/stub-resolv.conf");
        assert_eq!(reading(&dangling).verdict, Suspect);
        assert_eq!(reading(&dangling.kubelet(&[])).verdict, Broken);
        assert_eq!(reading(&Host::default().file(CONFIG, "resolvConf: \"\"")).verdict, Fine);
    }

    #[test]
    fn a_flag_names_another_file_than_the_configuration() {
        let host = Host::default().file(CONFIG, "resolvConf: /gone").file("/etc/r.conf", "nameserver 10.0.0.2\n");
        assert_eq!(reading(&host.kubelet(&["--resolv-conf=/gone", "--resolv-conf", "/etc/r.conf"])).verdict, Fine);
    }

    #[test]
    fn none_or_more_than_three_name_servers_are_suspect() {
        let with = |count: usize| Host::default().file(USUAL, "nameserver 10.0.0.2\n".repeat(count));
        assert_eq!([0, 1, 3, 4].map(|count| reading(&with(count)).verdict), [Suspect, Fine, Fine, Suspect]);
    }

    #[test]
    fn what_is_no_file_or_is_not_mounted_is_unknown() {
        for host in [Host::default().fifo(USUAL), Host::default().huge(USUAL), Host::default().link(USUAL, USUAL)] {
            assert_eq!(reading(&host).verdict, Unknown(Answer));
        }
        assert_eq!(reading(&Host::default().mounted(&["/run"], "")).verdict, Unknown(Access));
    }
}
