//! Whether kubelet and runtime manage cgroups by the same driver. Not asked where the runtime tells the kubelet which one
//! to use.

use super::ID;
use crate::model::reading::{Missing, Reading, Verdict};
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
        Ok(config) => judge(config.get("cgroupDriver").unwrap_or(USUAL), runtime, config.is_certain()),
        Err(lost) => unknown(ID, OF, &node.kubelet_root, &lost),
    }
}

/// What is not all seen may be overruled by a flag.
fn judge(kubelet: &str, runtime: &str, certain: bool) -> Reading {
    if kubelet == runtime {
        return Reading::fine(ID, OF, format!("kubelet and runtime use {kubelet}"));
    }
    let says = format!("the kubelet uses {kubelet} and the runtime {runtime}");
    let verdict = if certain { Verdict::Broken } else { Verdict::Suspect };
    let reading = Reading { verdict, ..Reading::broken(ID, OF, "CgroupFailure", says) };
    reading.with("ofkubelet", kubelet).with("ofruntime", runtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict::{Broken, Fine, Suspect, Unknown};
    use crate::probe::fixture::{CONFIG, Host};

    fn judged(host: &Host, runtime: Option<&str>) -> Verdict {
        look(&Node { runtime_cgroup: runtime.map(str::to_owned), ..host.node() }).verdict
    }

    fn verdict(config: &str, runtime: Option<&str>) -> Verdict {
        judged(&Host::default().file(CONFIG, config).kubelet(&[]), runtime)
    }

    #[test]
    fn two_drivers_on_one_node_are_broken() {
        assert_eq!(verdict("cgroupDriver: systemd", Some("systemd")), Fine);
        assert_eq!(verdict("cgroupDriver: systemd", Some("cgroupfs")), Broken);
        assert_eq!(verdict("kind: KubeletConfiguration", Some("systemd")), Broken);
    }

    #[test]
    fn a_flag_goes_over_the_file_and_where_none_is_seen_it_may() {
        let host = || Host::default().file(CONFIG, "cgroupDriver: cgroupfs");
        assert_eq!(judged(&host().kubelet(&["--cgroup-driver=systemd"]), Some("systemd")), Fine);
        assert_eq!(judged(&host(), Some("systemd")), Suspect);
    }

    #[test]
    fn they_are_compared_only_where_both_are_known_and_it_matters() {
        assert_eq!(verdict("cgroupDriver: systemd", None), Unknown(Missing::Subject));
        assert_eq!(judged(&Host::default(), Some("systemd")), Unknown(Missing::Subject));
        assert_eq!(verdict("[[[", Some("systemd")), Unknown(Missing::Answer));
    }
}
