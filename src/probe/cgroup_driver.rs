//! Whether kubelet and runtime manage cgroups by the same driver. Not asked where the runtime tells the kubelet which one
//! to use.

use super::Node;
use super::kubelet_config::KubeletConfig;
use super::lost::unknown;
use crate::model::reading::{Missing, Reading};

/// Its id.
pub const ID: &str = "cgroup-driver";

/// Where nothing else is said (Kubernetes: CgroupDriver in pkg/kubelet/apis/config/v1beta1/defaults.go).
const USUAL: &str = "cgroupfs";

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let Some(runtime) = &node.runtime_cgroup else {
        let why = "the runtime tells the kubelet which one to use, or its own is not known";
        return vec![Reading::unknown(ID, "", Missing::Subject, why)];
    };
    vec![match KubeletConfig::read(node) {
        Ok(config) => judge(config.get("cgroupDriver").unwrap_or(USUAL), runtime),
        Err(lost) => unknown(ID, "", &node.kubelet_root, &lost),
    }]
}

fn judge(kubelet: &str, runtime: &str) -> Reading {
    if kubelet == runtime {
        return Reading::fine(ID, "", format!("kubelet and runtime use {kubelet}"));
    }
    let says = format!("the kubelet uses {kubelet} and the runtime {runtime}");
    Reading::broken(ID, "", "CgroupFailure", says).with("ofkubelet", kubelet).with("ofruntime", runtime)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Host;
    use super::*;
    use crate::model::reading::Verdict::{self, Broken, Fine, Unknown};

    fn verdict(config: Option<&str>, runtime: Option<&str>) -> Verdict {
        let host = Host::default();
        let host = match config {
            Some(config) => host.file("/var/lib/kubelet/config.yaml", config),
            None => host,
        };
        let node = Node { runtime_cgroup: runtime.map(str::to_owned), ..host.node() };
        look(&node).remove(0).verdict
    }

    #[test]
    fn two_drivers_on_one_node_are_broken() {
        assert_eq!(verdict(Some("cgroupDriver: systemd"), Some("systemd")), Fine);
        assert_eq!(verdict(Some("cgroupDriver: systemd"), Some("cgroupfs")), Broken);
        assert_eq!(verdict(Some("kind: KubeletConfiguration"), Some("systemd")), Broken);
    }

    #[test]
    fn they_are_compared_only_where_both_are_known_and_it_matters() {
        assert_eq!(verdict(Some("cgroupDriver: systemd"), None), Unknown(Missing::Subject));
        assert_eq!(verdict(None, Some("systemd")), Unknown(Missing::Subject));
        assert_eq!(verdict(Some("[[["), Some("systemd")), Unknown(Missing::Answer));
    }
}
