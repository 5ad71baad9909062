//! Causes that keep an image from arriving.

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Right, Scope, Sign};
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
        Sign { all: &["code = notfound", "failed to pull and unpack image"], none: NOT_THE_IMAGE },
        Sign { all: &["failed to resolve", ": not found"], none: NOT_THE_IMAGE },
        Sign { all: &["manifest unknown"], none: NOT_THE_IMAGE },
        Sign { all: &["name unknown"], none: NOT_THE_IMAGE },
    ],
    needs: &[Right::Pods],
};

/// The registry refuses this pull.
pub const IMAGE_ACCESS_DENIED: Cause = Cause {
    id: "ImageAccessDenied",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::App,
    summary: "The registry refuses the pull: no credentials, wrong ones, or no right to this repository.",
    says: "[{asked} refuses][{layers}, where {host} keeps its layers, refuses][{mirror}, asked in place of {host}, refuses][{other}, which this pull needs, refuses] this pod's pull of {path}:{version}[ ({answer})].[ {secrets}; the registry is reachable from this node.]",
    rules_out: "Network and name lookup are fine: the host that refuses answered.",
    advice: "[check the repository's name and {login}.][the pod's credentials need not be wrong. Platform: may this node fetch from {elsewhere} (egress filter, proxy, expired link)?]",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign { all: &["pull access denied"], none: &[] },
        Sign { all: &["no basic auth credentials"], none: &[] },
        Sign { all: &["insufficient_scope"], none: &[] },
        Sign { all: &["401 unauthorized"], none: &["x509"] },
        Sign { all: &["403 forbidden"], none: &["x509"] },
        Sign { all: &["unable to pull image", ": unauthorized"], none: &["x509"] },
        Sign { all: &["unable to pull image", ": denied"], none: &["x509"] },
        Sign { all: &["invalid username/password"], none: &[] },
    ],
    needs: &[Right::Pods],
};

/// A name that the pull needs does not resolve on the node: the registry's, or that of a host it sends pulls to.
pub const REGISTRY_NAME_UNRESOLVED: Cause = Cause {
    id: "RegistryNameUnresolved",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The node cannot resolve the name of the registry, or of a host that the registry sends pulls to.",
    says: "[The registry's name {registry}][The name {tokens}, where {host} issues its tokens,][The name {layers}, where {host} keeps its layers,][The name {mirror}, asked in place of {host},][The name {other}, which this pull needs,] does not resolve on this node[ ({server}: {answer})], so {path}:{version} cannot be pulled. {tested}.",
    rules_out: "Login and image are untested, unless the registry itself had answered.",
    advice: "[check its spelling, then the node's DNS (getent hosts {spelled})][look at the node's DNS (getent hosts {name})].",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign { all: &["dial tcp: lookup ", "no such host"], none: &["lookup http:", "lookup https:", "proxyconnect"] },
        Sign { all: &["dial tcp: lookup ", "server misbehaving"], none: &["proxyconnect"] },
        Sign { all: &["dial tcp: lookup ", "i/o timeout"], none: &["proxyconnect"] },
        Sign { all: &["dial tcp: lookup ", "connection refused"], none: &["proxyconnect"] },
        Sign { all: &["dial tcp: lookup ", "temporary failure in name resolution"], none: &["proxyconnect"] },
    ],
    needs: &[Right::Pods],
};

/// A host that the pull needs can't be reached: the registry, one that it sends pulls to, or the runtime's proxy.
pub const REGISTRY_UNREACHABLE: Cause = Cause {
    id: "RegistryUnreachable",
    stage: Stage::ImagePull,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "The node cannot open a connection to the registry, to a host it sends pulls to, or to the runtime's proxy.",
    says: "[The registry {registry}][{tokens}, where {host} issues its tokens,][{layers}, where {host} keeps its layers,][{mirror}, asked in place of {host},][{other}, which this pull needs,][The proxy {proxy}] cannot be reached from this node: [{address}: ]{answer}.[ Its name resolves ({resolved}).] {tested}.",
    rules_out: "Login and image are untested, unless the registry itself had answered.",
    advice: "[does it run? Then firewall and routes (curl -v {url})][does {far} run? Then firewall and routes][look at the proxy {proxy} and at the runtime's HTTP_PROXY, HTTPS_PROXY, NO_PROXY (drop-in: systemctl cat containerd or crio)].",
    mends: "The kubelet retries at most 5 min apart.",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[
        Sign { all: &["proxyconnect tcp"], none: &[] },
        Sign { all: &["dial tcp", "connect: connection refused"], none: &["dial tcp: lookup "] },
        Sign { all: &["dial tcp", "connect: no route to host"], none: &["dial tcp: lookup "] },
        Sign { all: &["dial tcp", "connect: network is unreachable"], none: &["dial tcp: lookup "] },
        Sign { all: &["dial tcp", "connect: connection timed out"], none: &["dial tcp: lookup "] },
        Sign { all: &["dial tcp", "i/o timeout"], none: &["dial tcp: lookup "] },
        Sign { all: &["net/http: tls handshake timeout"], none: &[] },
        Sign { all: &["request canceled while waiting for connection"], none: &[] },
    ],
    needs: &[Right::Pods],
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
    advice: "look at registry and any proxy.[ App: {move}]",
    mends: "containerd 1.7+ retries after 5 min.",
    after: Duration::from_secs(28),
    kind: Grows::Warning,
    signs: &[],
    needs: &[Right::Pods, Right::Containerd],
};
