//! Causes that keep an image from arriving.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Probe, Right, Scope};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// Texts in which "not found" speaks of something else than the tag or repository.
const NOT_THE_IMAGE: &[&str] =
    &["no match for platform", "no matching manifest", "accept header does not support", "configmap", "secret \""];

/// The registry says that tag or repository does not exist.
pub const IMAGE_NOT_FOUND: Cause = Cause {
    id: "ImageNotFound",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The registry answered that this tag, digest or repository does not exist.",
    says: "{host} has no {version} of {path}[ (container {container})]. It answered this node (404, not found), so network and login are fine.",
    rules_out: "Network, name lookup and login are fine: the registry answered.",
    advice: "check that CI pushed {version} and that the name is spelled right, or roll back.",
    mends: "Once it exists the pod starts by itself within 5 min.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["code = notfound", "failed to pull and unpack image"]).but(NOT_THE_IMAGE),
        Sign::of(&["failed to resolve", ": not found"]).but(NOT_THE_IMAGE),
        Sign::of(&["manifest unknown"]).but(NOT_THE_IMAGE),
        Sign::of(&["name unknown"]).but(NOT_THE_IMAGE),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};

/// The registry refuses this pull.
pub const IMAGE_ACCESS_DENIED: Cause = Cause {
    id: "ImageAccessDenied",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The registry refuses the pull: no credentials, wrong ones, or no right to this repository.",
    says: "{host} refuses this pod's pull of {path}:{version}[ ({answer})]. {secrets}; the registry is reachable from this node.",
    rules_out: "Network and name lookup are fine: the registry answered.",
    advice: "check the repository's name and {login}, then wait or delete the pod.",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["pull access denied"]),
        Sign::of(&["no basic auth credentials"]),
        Sign::of(&["insufficient_scope"]),
        Sign::of(&["401 unauthorized"]).but(&["x509"]),
        Sign::of(&["403 forbidden"]).but(&["x509"]),
        Sign::of(&["unable to pull image", ": unauthorized"]).but(&["x509"]),
        Sign::of(&["unable to pull image", ": denied"]).but(&["x509"]),
        Sign::of(&["invalid username/password"]),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};

/// The name of the registry does not resolve on the node.
pub const REGISTRY_NAME_UNRESOLVED: Cause = Cause {
    id: "RegistryNameUnresolved",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The node cannot resolve the registry's name.",
    says: "The registry's name {host} does not resolve on this node[ ({server}: {answer})], so {path}:{version} cannot be pulled. Login and image are untested.",
    rules_out: "Login and image are untested: no question got that far.",
    advice: "check its spelling, then the node's DNS (getent hosts {name}).",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["dial tcp: lookup ", "no such host"]).but(&["lookup http:", "lookup https:"]),
        Sign::of(&["dial tcp: lookup ", "server misbehaving"]),
        Sign::of(&["dial tcp: lookup ", "i/o timeout"]),
        Sign::of(&["dial tcp: lookup ", "connection refused"]),
        Sign::of(&["dial tcp: lookup ", "temporary failure in name resolution"]),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};

/// The registry's address can't be reached.
pub const REGISTRY_UNREACHABLE: Cause = Cause {
    id: "RegistryUnreachable",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The node cannot open a connection to the registry.",
    says: "The registry {host} cannot be reached from this node: [{address}: ]{answer}. Its name resolves; login and image are untested.",
    rules_out: "The name resolves. Login and image are untested: no question got that far.",
    advice: "does the registry run? Then firewall and routes (curl -v https://{host}/v2/).",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign::of(&["dial tcp", "connect: connection refused"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: no route to host"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: network is unreachable"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: connection timed out"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "i/o timeout"]).but(&["dial tcp: lookup "]),
        Sign::of(&["net/http: tls handshake timeout"]),
        Sign::of(&["proxyconnect tcp"]).but(&["lookup http:"]),
        Sign::of(&["request canceled while waiting for connection"]),
    ],
    needs: &[Right::Pods],
    rest: false,
    examples: &[],
    probe: None,
    steps: &[],
};

/// The image arrives, but slowly.
pub const IMAGE_PULL_SLOW: Cause = Cause {
    id: "ImagePullSlow",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The image is downloading and takes long: it is big or the way to it is narrow.",
    says: "The image is downloading, slowly. {done} of {total}[ ({percent})] in {for}, {rate}[, about {left} left], from {host}. Nothing is broken: wait.",
    rules_out: "Nothing is broken: bytes arrive.",
    advice: "put {path} in a pre-pull set, and the next start takes seconds.",
    mends: "",
    after: Duration::from_secs(60),
    kind: Grows::Normal,
    signs: &[],
    needs: &[Right::Pods, Right::Containerd],
    rest: false,
    examples: &[],
    probe: Some(Probe::Layers),
    steps: &[],
};

/// The image began to arrive, and no byte has come since.
pub const IMAGE_PULL_STALLED: Cause = Cause {
    id: "ImagePullStalled",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "A pull is under way and no byte arrives.",
    says: "The image stopped arriving: no byte from {host} for {still}, at {done} of {total}[ ({percent})][, layer {layer}]. Name, login and image are fine.",
    rules_out: "Name lookup, login and image are fine: the pull had begun.",
    advice: "look at the registry and any proxy before it.[ App: delete {pod} to try another node.]",
    mends: "containerd 1.7+ tries again after 5 min.",
    after: Duration::from_secs(28),
    kind: Grows::Warning,
    signs: &[],
    needs: &[Right::Pods, Right::Containerd],
    rest: false,
    examples: &[],
    probe: Some(Probe::Layers),
    steps: &[],
};
