//! Whether kubelet and runtime manage cgroups by the same driver. Not asked where the runtime tells the kubelet which one
//! to use.

use super::ID;
use crate::model::reading::{Missing, Reading};
use crate::probe::Node;
use crate::probe::kubelet_config::KubeletConfig;
use crate::probe::lost::unknown;

const OF: &str = "driver";

/// Where nothing else is said (Kubernetes: CgroupDriver in pkg/kubelet/apis/config/v1beta1/defaults.go).
const USUAL: &str = "cgroupfs";

pub(super) fn look(node: &Node) -> Reading {
    let Some(runtime) = &node.runtime_cgroup else {
        let why = "the runtime tells the kubelet which one to use, or its own is not known";
        return Reading::unknown(ID, OF, Missing::Subject, why);
    };
    match KubeletConfig::read(node) {
        Ok(config) => judge(config.get("cgroupDriver").unwrap_or(USUAL), runtime),
        Err(lost) => unknown(ID, OF, &node.kubelet_root, &lost),
    }
}

fn judge(kubelet: &str, runtime: &str) -> Reading {
    if kubelet == runtime {
        return Reading::fine(ID, OF, format!("kubelet and runtime use {kubelet}"));
    }
    let says = format!("the kubelet uses {kubelet} and the runtime {runtime}");
    Reading::broken(ID, OF, "CgroupFailure", says).with("ofkubelet", kubelet).with("ofruntime", runtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict::{self, Broken, Fine, Unknown};
    use crate::probe::fixture::Host;

    fn verdict(config: Option<&str>, runtime: Option<&str>) -> Verdict {
        let host = Host::default();
        let host = match config {
            Some(config) => host.file("/var/lib/kubelet/config.yaml", config),
            None => host,
        };
        let node = Node { runtime_cgroup: runtime.map(str::to_owned), ..host.node() };
        look(&node).verdict
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
