//! The other half of a CNI plugin: the file, socket or port of the network add-on's daemon, without which the plugin of the
//! loaded configuration fails. Connects to nobody: the kernel's tables say who listens.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cni::config::loaded;
use super::{Node, listeners};
use crate::host::Lost;
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "cni-backend";

const DOWN: &str = "CniBackendDown";

/// What a plugin needs of its daemon.
struct Backend {
    /// The plugin's type in the configuration.
    plugin: &'static str,
    needs: Needs,
    /// The fields of the configuration that may name another place, the one that counts first.
    fields: &'static [&'static str],
}

enum Needs {
    /// A file that the daemon writes when it is ready; empty where only the configuration names it.
    File(&'static str),
    /// A socket that the daemon listens on.
    Socket(&'static str),
    /// A socket of that name in a directory.
    SocketIn(&'static str, &'static str),
    /// A port of the loopback that it listens on.
    Port(u16),
}

/// `/var/run` is `/run` on the hosts of today (FHS 3.0, 5.13), and what this agent has mounted is `/run`.
const BACKENDS: &[Backend] = &[
    // flannel-io/cni-plugin: flannel.go, defaultSubnetFile
    Backend { plugin: "flannel", needs: Needs::File("/run/flannel/subnet.env"), fields: &["subnetFile"] },
    // projectcalico/calico: cni-plugin/internal/pkg/utils/utils.go, DetermineNodename
    Backend { plugin: "calico", needs: Needs::File("/var/lib/calico/nodename"), fields: &["nodename_file"] },
    // cilium/cilium: pkg/defaults/defaults.go, SockPath
    Backend { plugin: "cilium-cni", needs: Needs::Socket("/run/cilium/cilium.sock"), fields: &[] },
    // aws/amazon-vpc-cni-k8s: cmd/routed-eni-cni-plugin/cni.go, ipamdAddress
    Backend { plugin: "aws-cni", needs: Needs::Port(50_051), fields: &[] },
    // weaveworks/weave: plugin/net, api.NewClient with the default address
    Backend { plugin: "weave-net", needs: Needs::Port(6_784), fields: &[] },
    // k8snetworkplumbingwg/multus-cni: pkg/server/api/shim.go, ShimNetConf (the second name is that of 4.0 and before), and
    // socket.go; docs/configuration.md, readinessindicatorfile
    Backend {
        plugin: "multus-shim",
        needs: Needs::SocketIn("/run/multus", "multus.sock"),
        fields: &["daemonSocketDir", "socketDir"],
    },
    Backend { plugin: "multus", needs: Needs::File(""), fields: &["readinessindicatorfile"] },
    // ovn-org/ovn-kubernetes: go-controller/pkg/cni/types.go, serverSocketName
    Backend {
        plugin: "ovn-k8s-cni-overlay",
        needs: Needs::Socket("/run/ovn-kubernetes/cni/ovn-cni-server.sock"),
        fields: &[],
    },
    // antrea-io/antrea: pkg/cni/client.go, AntreaCNISocketAddr
    Backend { plugin: "antrea", needs: Needs::Socket("/run/antrea/cni.sock"), fields: &[] },
    // kubeovn/kube-ovn: cmd/cni, server_socket of dist/images/install.sh
    Backend {
        plugin: "kube-ovn",
        needs: Needs::Socket("/run/openvswitch/kube-ovn-daemon.sock"),
        fields: &["server_socket"],
    },
];

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let network = match loaded(node, ID) {
        Ok(network) => network,
        Err(told) => return told,
    };
    let none = |why| vec![Reading::unknown(ID, "", Missing::Subject, why)];
    let asked: Vec<Reading> = network.configured().into_iter().filter_map(|plugin| one(node, plugin)).collect();
    if asked.is_empty() { none("its plugins need no daemon") } else { asked }
}

fn one(node: &Node, plugin: &Value) -> Option<Reading> {
    let word = |field: &str| plugin.get(field).and_then(Value::as_str).filter(|word| !word.is_empty());
    let name = word("type")?;
    let backend = BACKENDS.iter().find(|backend| backend.plugin == name)?;
    // Calico does without where it is told to.
    if plugin.get("nodename_file_optional").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let named = backend.fields.iter().find_map(|field| word(field));
    let place = |usual: &str| named.unwrap_or(usual).replacen("/var/run/", "/run/", 1);
    match backend.needs {
        Needs::File(usual) => match place(usual) {
            unnamed if unnamed.is_empty() => None,
            file => Some(there(node, name, &file)),
        },
        Needs::Socket(usual) => Some(socket(node, name, &place(usual))),
        Needs::SocketIn(usual, file) => {
            let dir = place(usual);
            Some(socket(node, name, &format!("{}/{file}", dir.trim_end_matches('/'))))
        }
        Needs::Port(port) => Some(on_port(node, name, port)),
    }
}

fn there(node: &Node, plugin: &str, file: &str) -> Reading {
    match node.root().find(Path::new(file)) {
        Ok(_) => Reading::fine(ID, plugin, format!("{file} is there")),
        Err(Lost::Unknown(problem)) => Reading::unknown(ID, plugin, Missing::Access, problem),
        Err(_) => down(plugin, file, "is missing"),
    }
}

fn socket(node: &Node, plugin: &str, file: &str) -> Reading {
    let reading = there(node, plugin, file);
    let name = PathBuf::from(file);
    let heard = name.file_name().and_then(|name| listeners::unix(node, name.to_str()?));
    match (reading.cause.is_empty(), heard) {
        (true, Some(false)) => down(plugin, file, "has no listener"),
        _ => reading,
    }
}

fn on_port(node: &Node, plugin: &str, port: u16) -> Reading {
    match listeners::tcp(node, port) {
        Some(true) => Reading::fine(ID, plugin, format!("its daemon listens on port {port}")),
        Some(false) => {
            let says = format!("nobody listens on port {port}");
            Reading::broken(ID, plugin, DOWN, says).with("plugin", plugin).with("port", port.to_string())
        }
        None => Reading::unknown(ID, plugin, Missing::Access, "who listens in the host's network cannot be told"),
    }
}

fn down(plugin: &str, file: &str, absence: &str) -> Reading {
    let reading = Reading::broken(ID, plugin, DOWN, format!("{file} {absence}"));
    reading.with("plugin", plugin).with("file", file).with("absence", absence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict;
    use crate::probe::scene::{Host, of, verdict};

    fn host(plugins: &str) -> Host {
        let list = format!(r#"{{"cniVersion":"1.0.0","name":"shop","plugins":[{plugins},{{"type":"portmap"}}]}}"#);
        Host::new().file("etc/cni/net.d/10-shop.conflist", list).file("run/x", "").file("var/lib/x", "")
    }

    #[test]
    fn a_state_file_that_is_not_there_is_named() {
        let flannel = host(r#"{"type":"flannel"}"#);
        let readings = look(&flannel.node());
        assert_eq!(verdict(&readings, "flannel"), (Verdict::Broken, "CniBackendDown"));
        assert_eq!(of(&readings, "flannel").says, "/run/flannel/subnet.env is missing");
        let ready = flannel.file("run/flannel/subnet.env", "FLANNEL_MTU=1450\n");
        assert_eq!(verdict(&look(&ready.node()), "flannel").0, Verdict::Fine);
    }

    #[test]
    fn the_configuration_may_name_another_place_or_none() {
        let elsewhere = host(r#"{"type":"calico","nodename_file":"/var/run/calico/name"}"#);
        assert_eq!(of(&look(&elsewhere.node()), "calico").says, "/run/calico/name is missing");
        let optional = host(r#"{"type":"calico","nodename_file_optional":true}"#);
        assert_eq!(verdict(&look(&optional.node()), "").0, Verdict::Unknown(Missing::Subject));
        let multus = r#"{"type":"multus","readinessindicatorfile":"/run/shop/ready","delegates":[{"type":"flannel"}]}"#;
        let readings = look(&host(multus).node());
        assert_eq!(of(&readings, "multus").says, "/run/shop/ready is missing");
        assert_eq!(of(&readings, "flannel").verdict, Verdict::Broken, "a delegate has its daemon too");
        assert_eq!(verdict(&look(&host(r#"{"type":"multus"}"#).node()), "").0, Verdict::Unknown(Missing::Subject));
    }

    #[test]
    fn the_socket_of_multus_lies_in_the_directory_that_its_configuration_names() {
        for (field, file) in [
            ("", "/run/multus/multus.sock"),
            (r#","daemonSocketDir":"/run/multus/socket""#, "/run/multus/socket/multus.sock"),
            (r#","socketDir":"/var/run/m/""#, "/run/m/multus.sock"),
        ] {
            let shim = || host(&format!(r#"{{"type":"multus-shim"{field}}}"#));
            assert_eq!(of(&look(&shim().node()), "multus-shim").says, format!("{file} is missing"));
            assert_eq!(verdict(&look(&shim().file(file, "").node()), "multus-shim").0, Verdict::Fine);
        }
    }

    #[test]
    fn a_socket_left_behind_by_a_daemon_that_died_is_told_from_one_that_is_heard() {
        let table = |flags| {
            format!(
                "Num RefCount Protocol Flags Type St Inode Path\n0: 2 0 {flags} 1 1 9 /host/run/cilium/cilium.sock\n"
            )
        };
        let cilium = || host(r#"{"type":"cilium-cni"}"#).file("run/cilium/cilium.sock", "");
        let heard = cilium().file("proc/1/net/unix", table("00010000"));
        assert_eq!(verdict(&look(&heard.node()), "cilium-cni").0, Verdict::Fine);
        let dead = cilium().file("proc/1/net/unix", table("00000000"));
        assert_eq!(of(&look(&dead.node()), "cilium-cni").says, "/run/cilium/cilium.sock has no listener");
        assert_eq!(verdict(&look(&cilium().node()), "cilium-cni").0, Verdict::Fine, "the file is all that is seen");
    }

    #[test]
    fn a_port_is_looked_up_in_the_host_s_network() {
        let table = "  sl  local_address rem_address   st\n   0: 0100007F:C383 00000000:0000 0A 0\n";
        let heard = host(r#"{"type":"aws-cni"}"#).file("proc/1/net/tcp", table);
        assert_eq!(verdict(&look(&heard.node()), "aws-cni").0, Verdict::Fine);
        let silent = host(r#"{"type":"aws-cni"}"#).file("proc/1/net/tcp", table.replace(" 0A ", " 01 "));
        assert_eq!(verdict(&look(&silent.node()), "aws-cni"), (Verdict::Broken, "CniBackendDown"));
        assert_eq!(
            verdict(&look(&host(r#"{"type":"aws-cni"}"#).node()), "aws-cni").0,
            Verdict::Unknown(Missing::Access)
        );
    }

    #[test]
    fn hostile_tables_and_places_do_no_harm() {
        let host = host(r#"{"type":"antrea"}"#).link("run/antrea/cni.sock", "cni.sock").huge("proc/1/net/unix");
        assert_eq!(of(&look(&host.node()), "antrea").verdict, Verdict::Broken);
    }
}
