//! Whether the kubelet goes to the API server through a proxy: then it says nothing that this process does not reach it. Of the
//! kubelet's environment, which only a privileged agent may see, nothing but that is taken.

use std::net::IpAddr;
use std::path::Path;

use super::server::Server;
use crate::host::Process;
use crate::probe::Node;
use crate::probe::kubeconfig::Kubeconfig;

/// Of the kubelet's environment, a proxy for what is asked by TLS (Go: net/http, ProxyFromEnvironment).
const VARIABLES: &[&[u8]] = &[b"HTTPS_PROXY=", b"https_proxy="];
const ENVIRONMENT_AT_MOST: u64 = 256 << 10;

/// Its kubeconfig names one (Kubernetes: staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go, proxy-url).
pub(super) fn is_configured(config: &Kubeconfig) -> bool {
    config.cluster.proxy_url.as_ref().is_some_and(|proxy| !proxy.is_empty())
}

/// Its environment names one. There may be exceptions from it, so that this tells only that it may be the way.
pub(super) fn may_be_used(node: &Node, kubelet: Option<&Process>, server: &Server) -> bool {
    let local = server.host == "localhost" || server.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let Some(kubelet) = kubelet.filter(|_| server.tls && !local) else { return false };
    let place = format!("/proc/{}/environ", kubelet.pid);
    let environment = node.root().head(Path::new(&place), ENVIRONMENT_AT_MOST).unwrap_or_default();
    let names = |variable: &[u8]| {
        VARIABLES.iter().any(|name| variable.strip_prefix(*name).is_some_and(|value| !value.is_empty()))
    };
    environment.split(|byte| *byte == 0).any(names)
}
