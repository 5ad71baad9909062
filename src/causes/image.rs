//! Causes that keep an image from arriving.

use std::time::Duration;

use super::USUAL;
use crate::model::cause::{Cause, Grows, Owner, Probe, Right};
use crate::model::sign::Sign;
use crate::model::stage::Stage;

/// Texts in which "not found" speaks of something else than the tag or repository.
const NOT_THE_IMAGE: &[&str] =
    &["no match for platform", "no matching manifest", "accept header does not support", "configmap", "secret \""];

/// The registry says that tag or repository does not exist.
pub const IMAGE_NOT_FOUND: Cause = Cause {
    id: "ImageNotFound",
    stage: Stage::ImagePull,
    owner: Owner::App,
    summary: "The registry answered that this tag, digest or repository does not exist.",
    says: "{host} has no {version} of {path}[ (container {container})]. It answered this node (404, not found), so network and login are fine.",
    rules_out: "Network, name lookup and login are fine: the registry answered.",
    advice: "check that CI pushed [{version}|it] and that the name is spelled right, or roll back.",
    mends: "Once it exists the pod starts by itself within 5 min.",
    signs: &[
        Sign::of(&["code = notfound", "failed to pull and unpack image"]).but(NOT_THE_IMAGE),
        Sign::of(&["failed to resolve", ": not found"]).but(NOT_THE_IMAGE),
        Sign::of(&["manifest unknown"]).but(NOT_THE_IMAGE),
        Sign::of(&["name unknown"]).but(NOT_THE_IMAGE),
    ],
    ..USUAL
};

/// The registry refuses this pull.
pub const IMAGE_ACCESS_DENIED: Cause = Cause {
    id: "ImageAccessDenied",
    stage: Stage::ImagePull,
    owner: Owner::App,
    summary: "The registry refuses the pull: no credentials, wrong ones, or no right to this repository.",
    says: "[{asked}|{layers}, where {host} keeps its layers,|{mirror}, asked in place of {host},|{other}, which this pull needs,|The registry] refuses this pod's pull of {path}:{version}[ ({answer})].[ {secrets}; the registry is reachable from this node.]",
    rules_out: "Network and name lookup are fine: the host that refuses answered.",
    advice: "[check the repository's name and {login}.|the pod's credentials need not be wrong. Platform: may this node fetch from {elsewhere} (egress filter, proxy, expired link)?|check the repository's name and the pod's imagePullSecrets.]",
    mends: "The kubelet retries at most 5 min apart.",
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
    ..USUAL
};

/// A name that the pull needs does not resolve on the node: the registry's, or that of a host it sends pulls to.
pub const REGISTRY_NAME_UNRESOLVED: Cause = Cause {
    id: "RegistryNameUnresolved",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The node cannot resolve the name of the registry, or of a host that the registry sends pulls to.",
    says: "[The registry's name {registry}|The name {tokens}, where {host} issues its tokens,|The name {layers}, where {host} keeps its layers,|The name {mirror}, asked in place of {host},|The name {other}, which this pull needs,|The registry's name] does not resolve on this node[ ({server}: {answer})], so {path}:{version} cannot be pulled. {tested}.",
    rules_out: "Login and image are untested, unless the registry itself had answered.",
    advice: "[check its spelling, then the node's DNS (getent hosts {spelled})|look at the node's DNS (getent hosts {name})|check its spelling, then the node's DNS].",
    mends: "The kubelet retries at most 5 min apart.",
    signs: &[
        Sign::of(&["dial tcp: lookup ", "no such host"]).but(&["lookup http:", "lookup https:", "proxyconnect"]),
        Sign::of(&["dial tcp: lookup ", "server misbehaving"]).but(&["proxyconnect"]),
        Sign::of(&["dial tcp: lookup ", "i/o timeout"]).but(&["proxyconnect"]),
        Sign::of(&["dial tcp: lookup ", "connection refused"]).but(&["proxyconnect"]),
        Sign::of(&["dial tcp: lookup ", "temporary failure in name resolution"]).but(&["proxyconnect"]),
    ],
    ..USUAL
};

/// A host that the pull needs can't be reached: the registry, one that it sends pulls to, or the runtime's proxy.
pub const REGISTRY_UNREACHABLE: Cause = Cause {
    id: "RegistryUnreachable",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The node cannot open a connection to the registry, to a host it sends pulls to, or to the runtime's proxy.",
    says: "[The registry {registry}|{tokens}, where {host} issues its tokens,|{layers}, where {host} keeps its layers,|{mirror}, asked in place of {host},|{other}, which this pull needs,|The proxy {proxy}|The registry] cannot be reached from this node: [{address}: ]{answer}.[ Its name resolves ({resolved}).] {tested}.",
    rules_out: "Login and image are untested, unless the registry itself had answered.",
    advice: "[does it run? Then firewall and routes (curl -v {url})|does {far} run? Then firewall and routes|look at the proxy {proxy} and at the runtime's HTTP_PROXY, HTTPS_PROXY, NO_PROXY (drop-in: systemctl cat containerd or crio)|does it run? Then firewall, routes and the runtime's proxy].",
    mends: "The kubelet retries at most 5 min apart.",
    signs: &[
        Sign::of(&["proxyconnect tcp"]),
        Sign::of(&["dial tcp", "connect: connection refused"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: no route to host"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: network is unreachable"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "connect: connection timed out"]).but(&["dial tcp: lookup "]),
        Sign::of(&["dial tcp", "i/o timeout"]).but(&["dial tcp: lookup "]),
        Sign::of(&["net/http: tls handshake timeout"]),
        Sign::of(&["request canceled while waiting for connection"]),
    ],
    ..USUAL
};

/// The image arrives, but slowly.
pub const IMAGE_PULL_SLOW: Cause = Cause {
    id: "ImagePullSlow",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "The image is downloading and takes long: it is big or the way to it is narrow.",
    says: "The image is downloading, slowly. {done} of {total}[ ({percent})] in {for}, {rate}[, about {left} left], from {host}. Nothing is broken: wait.",
    rules_out: "Nothing is broken: bytes arrive.",
    advice: "put [{path}|it] in a pre-pull set, and the next start takes seconds.",
    mends: "",
    after: Duration::from_secs(60),
    kind: Grows::Normal,
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..USUAL
};

/// The image began to arrive, and no byte has come since.
pub const IMAGE_PULL_STALLED: Cause = Cause {
    id: "ImagePullStalled",
    stage: Stage::ImagePull,
    owner: Owner::Platform,
    summary: "A pull is under way and no byte arrives.",
    says: "The image stopped arriving: no byte from {host} for {still}, at {done} of {total}[ ({percent})][, layer {layer}]. Name, login and image are fine.",
    rules_out: "Name lookup, login and image are fine: the pull had begun.",
    advice: "look at registry and any proxy.[ App: {move}]",
    mends: "containerd 1.7+ retries after 5 min.",
    after: Duration::from_secs(28),
    needs: &[Right::Pods, Right::Containerd],
    probe: Some(Probe::Layers),
    ..USUAL
};
