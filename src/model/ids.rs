//! Names by which the parts of a node are joined. Never a name alone where two incarnations could share it: pods join on
//! their UID.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The UID by which the runtime, the kubelet's directories and the kubelet's Events know a pod. For a static pod it is the
/// hash of its manifest (annotation `kubernetes.io/config.mirror`), not the mirror object's own UID
/// (Kubernetes: pkg/kubelet/config/common.go, kubectl/pkg/describe/describe.go).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodUid(pub Arc<str>);

impl PodUid {
    /// Wraps the text of a UID.
    #[must_use]
    pub fn new(uid: &str) -> Self {
        Self(uid.into())
    }

    /// The text of the UID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PodUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pod by every name it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodId {
    /// The runtime's UID of the pod: what joins.
    pub uid: PodUid,
    /// The pod's namespace.
    pub namespace: Arc<str>,
    /// The pod's name.
    pub name: Arc<str>,
}

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The node this agent runs on. Its UID is empty until the API server has told it, and for ever in standalone mode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId {
    /// The Node object's name.
    pub name: Arc<str>,
    /// The Node object's UID: a node that was deleted and came again under its name is another node.
    pub uid: Arc<str>,
}
