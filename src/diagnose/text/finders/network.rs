//! Facts about sandboxes, CNI plugins and addresses.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("plugin", "failed to find plugin \"", "\"", Word),
    find("dirs", " in path [", "]", Path),
    find("plugin", "error invoking delegateadd - \"", "\"", Word),
    find("plugin", "plugin type=\"", "\"", Word),
    find("plugin", "plugin type='", "'", Word),
    find("plugin", "cni plugin \"", "\"", Word),
    find("network", "to network \"", "\"", Word),
    find("network", "to cni network \"", "\"", Word),
    find("network", "\" name=\"", "\"", Word),
    find("dir", "networks found in ", " :;,\"", Path),
    find("dir", "network config found in ", " :;,\"", Path),
    find("dir", "configuration file in ", " :;,\"", Path),
    find("file", "config list file ", " :;,\"", Path),
    find("file", "cni config file ", " :;,\"", Path),
    find("file", "'subnet.env' file: open ", ":", Path),
    find("file", "loadflannelsubnetenv failed: open ", ":", Path),
    find("file", "failed (add): stat ", ":", Path),
    find("file", "network: stat ", ":", Path),
    find("file", "readinessindicatorfile @ ", " ", Path),
    find("file", "sandbox: open ", ":", Path),
    find("file", "failed: open ", ":", Path),
    find("cniversion", "cni versions; config is \"", "\"", Word),
    find("range", "in range set: ", " \"',;]", Word),
    find("range", "available in pools: [", "]", Any),
    find("port", "open hostport ", " ", Number),
    find("port", "dial tcp 127.0.0.1:", ": ", Number),
    find("port", "listen tcp4 0.0.0.0:", ": ", Number),
    find("port", "listen tcp 0.0.0.0:", ": ", Number),
    find("port", "listen tcp4 :", ": ", Number),
    find("port", "listen tcp :", ": ", Number),
    find("port", "bind for 0.0.0.0:", ": ", Number),
    find("port", "bind for :::", ": ", Number),
    find("handler", "no runtime for \"", "\"", Word),
    find("handler", "runtime handler \"", "\"", Word),
    find("handler", "find runtime handler ", " ", Word),
    find("handler", "runtimehandler \"", "\"", Word),
];

#[cfg(test)]
mod tests {
    use crate::diagnose::text::facts;

    #[test]
    fn network_failures_name_what_they_are_about() {
        for (text, known) in [
            (
                r#"plugin type="weave-net" name="weave" failed (add): Post "http://127.0.0.1:6784/ip/51ab": dial tcp 127.0.0.1:6784: connect: connection refused"#,
                &[("plugin", "weave-net"), ("network", "weave"), ("port", "6784")][..],
            ),
            (
                r#"plugin type="antrea" failed (add): rpc error: dial unix /var/run/antrea/cni.sock: connect: connection refused"#,
                &[("plugin", "antrea"), ("socket", "/var/run/antrea/cni.sock")],
            ),
            (
                r#"plugin type="calico" failed (add): stat /var/lib/calico/nodename: no such file or directory"#,
                &[("plugin", "calico"), ("file", "/var/lib/calico/nodename")],
            ),
            (
                r#"delegateAdd: error invoking DelegateAdd - "macvlan": failed to allocate for range 0: no IP addresses available in range set: 10.1.0.5-10.1.0.9"#,
                &[("plugin", "macvlan"), ("range", "10.1.0.5-10.1.0.9")],
            ),
            (
                r#"failed to find plugin "loopback" in path [/opt/cni/bin /usr/lib/cni]"#,
                &[("plugin", "loopback"), ("dirs", "/opt/cni/bin /usr/lib/cni")],
            ),
            (
                "failed to load CNI config list file /etc/cni/net.d/10-shopnet.conflist: error parsing configuration list",
                &[("file", "/etc/cni/net.d/10-shopnet.conflist")],
            ),
            ("Unable to update cni config: no networks found in /etc/cni/net.d", &[("dir", "/etc/cni/net.d")]),
            (
                "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
                &[("port", "8080")],
            ),
            ("failed to find runtime handler kata from runtime list map[runc:0xc0]", &[("handler", "kata")]),
        ] {
            let facts = facts(text);
            for (name, value) in known {
                assert_eq!(facts.get(name), Some(*value), "{name} of {text}");
            }
        }
    }
}
