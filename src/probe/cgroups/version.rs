//! Whether the host's cgroups are of the version that kubelets of today take. Proof of nothing while the kubelet runs: it
//! looks when it starts.

use std::path::Path;

use super::ID;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading};
use crate::probe::Node;
use crate::probe::kubelet_config::KubeletConfig;
use crate::probe::lost::unknown;

const OF: &str = "version";

/// In the root of the second version's only hierarchy (Linux: Documentation/admin-guide/cgroup-v2.rst).
const V2: &str = "/sys/fs/cgroup/cgroup.controllers";
/// Hierarchies of the first version that no host is without.
const V1: &[&str] = &["/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd"];

pub(super) fn look(node: &Node) -> Reading {
    match node.root().find(Path::new(V2)) {
        Ok(_) => Reading::fine(ID, OF, "v2"),
        Err(Lost::Missing) => old(node),
        Err(lost) => unknown(ID, OF, Path::new(V2), &lost),
    }
}

/// From 1.35 on the kubelet refuses it unless it is told otherwise; which one this is, is not seen (Kubernetes: FailCgroupV1 in
/// pkg/kubelet/apis/config/v1beta1/defaults.go).
fn old(node: &Node) -> Reading {
    if !V1.iter().any(|file| node.root().find(Path::new(file)).is_ok()) {
        return Reading::unknown(ID, OF, Missing::Access, "no cgroups are seen");
    }
    match KubeletConfig::read(node).ok().as_ref().and_then(|config| config.get("failCgroupV1")) {
        Some("false") => Reading::fine(ID, OF, "v1, and the kubelet is told to run with it"),
        Some("true") => {
            Reading::suspect(ID, OF, "CgroupV1Refused", "v1, and the kubelet does not start with it (failCgroupV1)")
        }
        _ => Reading::fine(
            ID,
            "",
            "v1, with which kubelets from 1.35 on do not start unless told to (failCgroupV1: false)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Verdict::{self, Fine, Suspect, Unknown};
    use crate::probe::scene::Host;

    fn verdict(host: &Host) -> Verdict {
        look(&host.node()).verdict
    }

    fn old_host(config: &str) -> Host {
        Host::new().file("sys/fs/cgroup/memory/tasks", "").file("var/lib/kubelet/config.yaml", config)
    }

    #[test]
    fn the_first_version_matters_only_where_the_kubelet_refuses_it() {
        assert_eq!(verdict(&Host::new().file("sys/fs/cgroup/cgroup.controllers", "cpu memory\n")), Fine);
        assert_eq!(verdict(&old_host("failCgroupV1: false")), Fine);
        assert_eq!(verdict(&old_host("kind: KubeletConfiguration")), Fine, "its version is not known");
        let refused = old_host("failCgroupV1: true");
        assert_eq!(verdict(&refused), Suspect);
        assert_eq!(look(&refused.node()).cause, "CgroupV1Refused");
    }

    #[test]
    fn cgroups_that_are_not_seen_are_no_version() {
        assert_eq!(verdict(&Host::new().file("sys/fs/ext4/x", "")), Unknown(Missing::Access));
        assert_eq!(verdict(&Host::new()), Unknown(Missing::Access));
        let hybrid = Host::new().link("sys/fs/cgroup", "cgroup").huge("var/lib/kubelet/config.yaml");
        assert!(matches!(verdict(&hybrid), Unknown(_)));
    }
}
