//! Which process is the kubelet, and what its command line and its configuration file tell: where it keeps what it has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::host::{Fit, Lost, Process};
use crate::probe::Node;
use crate::probe::kubelet_config::KubeletConfig;

/// Programs that are a kubelet or hold one: the name, and the argument that says so where others may be given. k0s and RKE2
/// start one of the usual name.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("kubelet", &[]),
    ("kubelite", &[]),
    ("hyperkube", &["kubelet"]),
    ("k3s", &["server", "agent"]),
    ("microshift", &["run"]),
];

/// The port by default (Kubernetes: staging/src/k8s.io/kubelet/config/v1beta1/types.go, healthzPort).
const HEALTHZ_PORT: u16 = 10_248;

/// Below the kubelet's root, where kubeadm and most distributions put its configuration (Kubernetes:
/// KubeletConfigurationFileName in cmd/kubeadm/app/constants).
const CONFIG: &str = "config.yaml";

/// Where distributions keep the kubelet's kubeconfig: kubeadm, EKS and others below the kubelet's root, k3s, RKE2, k0s,
/// MicroK8s.
const KUBECONFIGS: &[&str] = &[
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/k0s/kubelet.conf",
    "/var/snap/microk8s/current/credentials/kubelet.config",
];

/// The kubelet's process; a kubelet in a pod's container is of a cluster inside this one.
pub(in crate::probe) fn find(node: &Node) -> Result<Option<Process>, Lost> {
    let programs: Vec<&str> = PROGRAMS.iter().map(|(program, _)| *program).collect();
    let of_node = |process: &Process| is_kubelet(process) && !node.processes().is_of_pod(process.pid);
    node.processes().find("kubelet", &programs, |process| if of_node(process) { Fit::Surely } else { Fit::No })
}

fn is_kubelet(process: &Process) -> bool {
    let held = |argument: &[&str]| {
        argument.is_empty() || process.command.iter().skip(1).any(|word| argument.contains(&word.as_str()))
    };
    PROGRAMS.iter().any(|(program, argument)| *program == process.name() && held(argument))
}

/// Programs whose command line has all of the kubelet's flags. The others hold it, and have them from elsewhere.
const OWN_FLAGS: &[&str] = &["kubelet", "hyperkube"];

/// Whether its command line is the kubelet's own.
pub(in crate::probe) fn has_own_flags(process: &Process) -> bool {
    OWN_FLAGS.contains(&process.name())
}

/// Where the kubelet keeps what it has, as the host names it.
#[derive(Debug)]
pub(in crate::probe) struct Places {
    /// `--config`; none where it was given none.
    pub(in crate::probe) config: Option<PathBuf>,
    /// `--config-dir`, where one is named.
    pub(in crate::probe) drop_ins: Option<PathBuf>,
    /// `--kubeconfig`.
    pub(in crate::probe) kubeconfig: Option<PathBuf>,
    /// `--bootstrap-kubeconfig`, where one is named.
    pub(in crate::probe) bootstrap: Option<PathBuf>,
    /// `--cert-dir`.
    pub(in crate::probe) certificates: PathBuf,
}

impl Places {
    /// As its command line says, or by default.
    pub(in crate::probe) fn of(node: &Node, process: Option<&Process>) -> Self {
        let named = |name: &str| process?.option(&[name]).map(PathBuf::from).filter(|path| path.is_absolute());
        let root = named("--root-dir").unwrap_or_else(|| node.kubelet_root.clone());
        let unseen = process.is_none_or(|process| !has_own_flags(process));
        let usual = || KUBECONFIGS.iter().map(PathBuf::from).find(|path| node.root().find(path).is_ok());
        Self {
            config: named("--config").or_else(|| unseen.then(|| root.join(CONFIG))),
            drop_ins: named("--config-dir"),
            kubeconfig: named("--kubeconfig").or_else(usual),
            bootstrap: named("--bootstrap-kubeconfig"),
            certificates: named("--cert-dir").unwrap_or_else(|| root.join("pki")),
        }
    }
}

/// Where the kubelet says that it is well, by its configuration or by default; nothing where that is switched off.
pub(in crate::probe) fn healthz(config: Option<&KubeletConfig>) -> Option<SocketAddr> {
    let said = |name: &str| config?.get(name);
    let port = said("healthzPort").and_then(|port| port.parse().ok()).unwrap_or(HEALTHZ_PORT);
    let told: Option<IpAddr> = said("healthzBindAddress").and_then(|address| address.parse().ok());
    let address = told.filter(|address| !address.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
    (port > 0).then(|| SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_is_known_by_its_command_line_and_others_that_speak_of_it_are_not() {
        for (line, is) in [
            ("/usr/bin/kubelet --config=/x", true),
            ("/usr/local/bin/k3s agent", true),
            ("/snap/microk8s/7000/kubelite --kubelet-args-file=/x", true),
            ("/hyperkube kubelet --v=2", true),
            ("/usr/local/bin/k3s kubectl get pods", false),
            ("tail -f /var/log/kubelet", false),
            ("/usr/bin/kubelet-exporter", false),
            ("sh -c kubelet", false),
        ] {
            let command = line.split(' ').map(str::to_owned).collect();
            assert_eq!(is_kubelet(&Process { pid: 1, command, state: 'S', start: 1 }), is, "{line}");
        }
    }
}
