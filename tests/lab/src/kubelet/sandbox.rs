//! The sandbox of a pod as the kubelet orders it (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go). Pure:
//! namespaces of the host, labels and directories; no ports, no sysctls, no runtime classes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use k8s_cri::v1 as cri;
use k8s_openapi::api::core::v1::Pod;

use super::container::security;
use super::relist::UID_LABEL;
use super::status::spec;

/// Namespace, name and uid of a pod, which nearly every call needs.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Identity {
    pub(super) fn of(pod: &Pod) -> Self {
        let meta = &pod.metadata;
        Self {
            namespace: meta.namespace.clone().unwrap_or_else(|| "default".to_owned()),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
        }
    }

    /// Where the pod's containers log.
    pub(super) fn log_folder(&self, logs: &Path) -> PathBuf {
        logs.join(format!("{}_{}_{}", self.namespace, self.name, self.uid))
    }

    /// The labels that tie a sandbox or container to its pod.
    pub(super) fn labels(&self) -> HashMap<String, String> {
        [
            ("io.kubernetes.pod.name", &self.name),
            ("io.kubernetes.pod.namespace", &self.namespace),
            (UID_LABEL, &self.uid),
        ]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into()
    }
}

/// What RunPodSandbox is asked for.
pub(super) fn config(pod: &Pod, attempt: u32, logs: &Path, cgroup_parent: &str) -> cri::PodSandboxConfig {
    let id = Identity::of(pod);
    let own = pod.metadata.labels.clone().unwrap_or_default();
    let linux = cri::LinuxPodSandboxConfig {
        cgroup_parent: cgroup(cgroup_parent, &id.uid),
        security_context: Some(cri::LinuxSandboxSecurityContext {
            namespace_options: Some(namespaces(pod)),
            // A privileged container needs a privileged sandbox.
            privileged: spec(pod).containers.iter().any(security::privileged),
            ..cri::LinuxSandboxSecurityContext::default()
        }),
        ..cri::LinuxPodSandboxConfig::default()
    };
    cri::PodSandboxConfig {
        hostname: if host_network(pod) { String::new() } else { id.name.clone() },
        log_directory: id.log_folder(logs).to_string_lossy().into_owned(),
        labels: own.into_iter().chain(id.labels()).collect(),
        annotations: pod.metadata.annotations.clone().unwrap_or_default().into_iter().collect(),
        metadata: Some(cri::PodSandboxMetadata { name: id.name, uid: id.uid, namespace: id.namespace, attempt }),
        linux: Some(linux),
        ..cri::PodSandboxConfig::default()
    }
}

/// Whether the pod lives in the network of its node.
pub(super) fn host_network(pod: &Pod) -> bool {
    spec(pod).host_network.unwrap_or_default()
}

/// Which namespaces a pod shares with its node.
pub(super) fn namespaces(pod: &Pod) -> cri::NamespaceOption {
    let network = if host_network(pod) { cri::NamespaceMode::Node } else { cri::NamespaceMode::Pod };
    let pid = if spec(pod).host_pid == Some(true) { cri::NamespaceMode::Node } else { cri::NamespaceMode::Container };
    cri::NamespaceOption {
        network: network.into(),
        pid: pid.into(),
        ipc: cri::NamespaceMode::Pod.into(),
        ..cri::NamespaceOption::default()
    }
}

fn cgroup(parent: &str, uid: &str) -> String {
    if parent.is_empty() { String::new() } else { format!("{parent}/kubepods/besteffort/pod{uid}") }
}
