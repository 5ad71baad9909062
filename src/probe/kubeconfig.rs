//! What is used of the kubelet's kubeconfig: the API server's address, whom to trust, and where the client certificate is
//! kept. A key or token in it is not taken out (Kubernetes: staging/src/k8s.io/client-go/tools/clientcmd/api/v1/types.go).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Node;
use super::kubelet::daemon::Places;
use crate::host::Lost;

const SIZE_AT_MOST: u64 = 1 << 20;

/// The part of a kubeconfig that its current context names.
#[derive(Debug)]
pub(super) struct Kubeconfig {
    pub(super) file: PathBuf,
    pub(super) cluster: Cluster,
    pub(super) user: User,
}

/// The API server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Cluster {
    pub(super) server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    tls_server_name: Option<String>,
    insecure_skip_tls_verify: bool,
    /// Through which it is reached, where one is named.
    pub(super) proxy_url: Option<String>,
}

/// Who logs in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    current_context: String,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
}

#[derive(Debug, Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Debug, Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Debug, Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

/// A client certificate, as a kubeconfig tells of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// In this file.
    File(PathBuf),
    /// In the kubeconfig itself, as PEM.
    Inline(Vec<u8>),
    /// The kubelet logs in otherwise: by a token, or a command.
    Nowhere,
}

impl Kubeconfig {
    /// The kubelet's.
    pub(super) fn read(node: &Node, places: &Places) -> Result<Self, Lost> {
        let unseen =
            || Lost::Unknown("the kubelet's kubeconfig is not at any of the usual places, or not mounted".into());
        let path = places.kubeconfig.as_ref().ok_or_else(unseen)?;
        let content = node.root().read(path, SIZE_AT_MOST)?;
        parse(path, &content).ok_or_else(|| Lost::Invalid(format!("{} cannot be read as a kubeconfig", path.display())))
    }

    /// Where the client certificate is.
    pub(super) fn certificate(&self) -> Kept {
        match (&self.user.client_certificate_data, &self.user.client_certificate) {
            (Some(data), _) => STANDARD.decode(data.trim()).map_or(Kept::Nowhere, Kept::Inline),
            (None, Some(file)) => Kept::File(self.beside(file)),
            (None, None) => Kept::Nowhere,
        }
    }

    /// The certificates to trust, as PEM; nothing where those of the system are.
    pub(super) fn authority(&self, node: &Node) -> Result<Option<Vec<u8>>, Lost> {
        match (&self.cluster.certificate_authority_data, &self.cluster.certificate_authority) {
            (Some(data), _) => {
                let wrong = |_| Lost::Invalid(format!("the authority in {} is not base64", self.file.display()));
                STANDARD.decode(data.trim()).map(Some).map_err(wrong)
            }
            (None, Some(file)) => node.root().read(&self.beside(file), SIZE_AT_MOST).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The name that the server's certificate must have, where it is not that of the address; nothing where the kubelet
    /// does not check it.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.cluster.tls_server_name.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether the kubelet trusts any server.
    pub(super) fn trusts_all(&self) -> bool {
        self.cluster.insecure_skip_tls_verify
    }

    /// Paths are relative to the kubeconfig's directory.
    fn beside(&self, file: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("/")).join(file)
    }
}

fn parse(path: &Path, content: &[u8]) -> Option<Kubeconfig> {
    let file: File = serde_saphyr::from_str(std::str::from_utf8(content).ok()?).ok()?;
    let context = file.contexts.iter().find(|known| known.name == file.current_context)?.context.clone();
    let cluster = file.clusters.into_iter().find(|known| known.name == context.cluster)?.cluster;
    let user = file.users.into_iter().find(|known| known.name == context.user).map(|known| known.user);
    Some(Kubeconfig { file: path.to_owned(), cluster, user: user.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBEADM: &str = "\
apiVersion: v1
kind: Config
current-context: default
clusters:
- {name: other, cluster: {server: 'https://192.0.2.1:6443'}}
- {name: shop, cluster: {server: 'https://api.example.com:6443', certificate-authority: ca.crt}}
contexts:
- {name: default, context: {cluster: shop, user: kubelet, namespace: x}}
users:
- name: kubelet
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
";

    #[test]
    fn the_current_context_decides_and_paths_are_relative_to_the_file() {
        let config = parse(Path::new("/etc/kubernetes/kubelet.conf"), KUBEADM.as_bytes()).unwrap();
        assert_eq!(config.cluster.server, "https://api.example.com:6443");
        assert_eq!(
            config.cluster.certificate_authority.as_deref().map(|ca| config.beside(ca)),
            Some("/etc/kubernetes/ca.crt".into())
        );
        assert_eq!(config.certificate(), Kept::File("/var/lib/kubelet/pki/kubelet-client-current.pem".into()));
    }

    #[test]
    fn other_ways_to_log_in_have_no_certificate_and_nonsense_is_none() {
        let token = KUBEADM.replace("client-certificate", "x-certificate");
        assert_eq!(parse(Path::new("/k"), token.as_bytes()).unwrap().certificate(), Kept::Nowhere);
        for text in ["", "a: [", "current-context: x", "\u{0}"] {
            assert!(parse(Path::new("/k"), text.as_bytes()).is_none(), "{text}");
        }
    }
}
