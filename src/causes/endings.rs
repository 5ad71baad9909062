//! The words on which a kubelet or a runtime ends. Data: the lines that are its last before its process exits, and those of
//! a kubelet that name a cause which only its own end proves. Every other cause that such a line names has its signs in the
//! catalogue.

use super::kubelet_start::{CGROUP_V1_REFUSED, KUBELET_CONFIG_INVALID, KUBELET_PORT_TAKEN};
use crate::model::cause::Cause;

/// Parts of a line after which the process exits, in lower case. Sources, all Kubernetes 1.36 where nothing else is said.
pub const LAST: &[&str] = &[
    // staging/src/k8s.io/component-base/cli/run.go: what the command returned, once there is a log
    "\"command failed\" err=",
    // The same on stderr before there is one; and cmd/kubelet/app/server.go up to 1.22, klog.Fatal
    "failed to run kubelet: ",
    "failed to load kubelet config file",
    "failed to parse kubelet flag",
    "failed to validate kubelet ",
    // pkg/kubelet/kubelet.go, initializeRuntimeDependentModules and Run: each before os.Exit
    "\"failed to start cadvisor\" err=",
    "\"kubelet failed to get node info\" err=",
    "\"failed to start containermanager\" err=",
    "\"failed to initialize internal modules\" err=",
    // pkg/kubelet/server/server.go
    "\"failed to listen and serve\" err=",
    "\"failed to create listener for podresources endpoint\" err=",
    // pkg/kubelet/certificate/transport.go
    "no valid client certificate is found and the server is responsive, exiting",
    "the currently active client certificate has expired and the server is responsive, exiting",
    // pkg/kubelet/kuberuntime/kuberuntime_manager.go
    "\"failed to register cri auth plugins\" err=",
    // k3s-io/k3s: pkg/daemons/executor/embed.go
    "kubelet exited: ",
    // logrus, as containerd, CRI-O and k3s use it: Fatal exits
    "level=fatal msg=",
];

/// The same, where the line begins with it: the Go runtime's words, and containerd's (containerd: cmd/containerd/main.go).
pub const LAST_BEGINS: &[&str] = &["panic: ", "fatal error: ", "containerd: "];

/// A new run begins, so that what stands before it is another one's end: systemd's words, and the kubelet's own first ones.
pub const FIRST: &[&str] = &[
    "systemd[1]: started kubelet",
    "started kubelet: the kubernetes node agent",
    "started kubelet.service",
    "started kubernetes kubelet",
    "starting lightweight kubernetes",
    "starting rancher kubernetes",
    "\"kubelet version\" kubeletversion=",
    "msg=\"starting containerd\"",
    "msg=\"starting cri-o, version:",
];

/// systemd was told to stop it: it did not end by itself.
pub const STOPPED: &[&str] = &[
    "stopping kubelet",
    "stopping lightweight kubernetes",
    "stopping rancher kubernetes",
    "stopping k0s",
    "stopping containerd",
    "stopping container runtime interface for oci",
];

/// What such a line is about, by all of these parts in lower case; the first that fits.
pub const NAMED: &[(&[&str], &Cause)] = &[
    // pkg/kubelet/apis/config/validation/validation_linux.go
    (&["kubelet is configured to not run on a host using cgroup v1"], &CGROUP_V1_REFUSED),
    // pkg/kubelet/server/server.go: ListenAndServeTLS on port 10250
    (&["failed to listen and serve", "bind: address already in use"], &KUBELET_PORT_TAKEN),
    // cmd/kubelet/app/server.go, NewKubeletCommand and mergeKubeletConfigurations
    (&["failed to load kubelet config file"], &KUBELET_CONFIG_INVALID),
    (&["failed to load kubelet dropin file"], &KUBELET_CONFIG_INVALID),
    (&["failed to merge kubelet configs"], &KUBELET_CONFIG_INVALID),
    (&["failed to parse kubelet flag"], &KUBELET_CONFIG_INVALID),
    (&["failed to validate kubelet flags"], &KUBELET_CONFIG_INVALID),
    (&["failed to validate kubelet configuration"], &KUBELET_CONFIG_INVALID),
    (&["failed to set feature gates from initial flags-based config"], &KUBELET_CONFIG_INVALID),
    (&["failed to run kubelet: bad --node-ip"], &KUBELET_CONFIG_INVALID),
    // pkg/kubelet/cm/container_manager_linux.go
    (&["failed to run kubelet", "invalid configuration: "], &KUBELET_CONFIG_INVALID),
    (&["failed to start containermanager", "invalid kernel flag: "], &KUBELET_CONFIG_INVALID),
    (&["failed to start containermanager", "invalid node allocatable configuration"], &KUBELET_CONFIG_INVALID),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_in_lower_case() {
        let parts = LAST
            .iter()
            .chain(LAST_BEGINS)
            .chain(FIRST)
            .chain(STOPPED)
            .chain(NAMED.iter().flat_map(|(parts, _)| *parts));
        for part in parts {
            assert!(!part.is_empty() && *part == part.to_lowercase(), "{part:?}");
        }
    }
}
