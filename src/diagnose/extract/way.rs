//! Which host on the way to an image failed, and as what the pull needed it. An error that names a token server, a blob
//! store or a proxy says nothing against the registry. What the text does not tell is not guessed.

use super::super::phrase::Facts;
use super::between;
use crate::model::image::{Reference, without_port};

/// What a failed request is told as, by the words that Go and the registries use: what the catalogue ranks first stands
/// first.
const ANSWERS: &[(&str, &str)] = &[
    ("lookup http:", "its URL is malformed"),
    ("lookup https:", "its URL is malformed"),
    ("lookup http on ", "its URL is malformed"),
    ("lookup https on ", "its URL is malformed"),
    ("signed by unknown authority", "its CA is unknown here"),
    ("is not yet valid: current time", "its certificate is not valid at this time"),
    ("certificate has expired", "its certificate has expired"),
    ("certificate is valid for", "its certificate is for another name"),
    ("certificate is not valid for any names", "its certificate names no host"),
    ("cannot validate certificate for", "its certificate does not name that address"),
    ("legacy common name", "its certificate names no host"),
    ("x509:", "its certificate is refused here"),
    ("http response to https client", "it answers in plain HTTP"),
    ("http request to an https server", "it expects TLS and was asked in plain HTTP"),
    ("http request was sent to https port", "it expects TLS and was asked in plain HTTP"),
    ("malformed http response", "it does not answer in HTTP"),
    ("first record does not look like a tls handshake", "it does not speak TLS"),
    ("oversized record received", "it does not speak TLS"),
    ("bad certificate", "it refuses this node's client certificate"),
    ("certificate required", "it wants a client certificate"),
    ("protocol version", "no TLS version in common"),
    ("tls: handshake failure", "it breaks the handshake off"),
    ("no such host", "no such host"),
    ("server misbehaving", "the name server failed"),
    ("temporary failure in name resolution", "the name server failed"),
    ("proxy authentication required", "the proxy wants a login"),
    ("connect: connection refused", "connection refused"),
    ("no route to host", "no route to host"),
    ("network is unreachable", "network is unreachable"),
    ("connection timed out", "connection timed out"),
    ("tls handshake timeout", "no TLS answer in time"),
    ("read: connection refused", "connection refused"),
    ("connection refused", "connection refused"),
    ("i/o timeout", "no answer in time"),
    ("request canceled while waiting for connection", "no answer in time"),
    ("awaiting headers", "no answer in time"),
    ("awaiting response headers", "no answer in time"),
    ("connection reset by peer", "connection reset"),
    ("toomanyrequests", "429"),
    ("429 too many requests", "429"),
    ("no basic auth credentials", "401, no credentials"),
    ("401 unauthorized", "401"),
    ("403 forbidden", "403"),
    ("insufficient_scope", "401, insufficient scope"),
    ("pull access denied", "access denied"),
    (": unauthorized", "401"),
    (": denied", "403"),
    (": forbidden", "403"),
    ("500 internal server error", "500"),
    ("502 bad gateway", "502"),
    ("503 service", "503"),
    ("504 gateway", "504"),
    ("400 bad request", "400"),
    ("405 method not allowed", "405"),
    ("<html", "a web page"),
    ("invalid character '<'", "a web page"),
];

/// As what a pull needed a host. The name of a role is the fact that holds the host: templates choose their words by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Registry,
    Tokens,
    Mirror,
    Layers,
    Proxy,
    Other,
}

/// Words before a request, or in its path, that tell what it was for (containerd: core/remotes/docker; c/image: docker).
const TOKEN_WORDS: &[&str] = &["oauth token", "anonymous token", "bearer token", "failed to authorize"];
const LAYER_WORDS: &[&str] = &["readseeker", "readerseeker", "failed to copy", " blob", "parsing image configuration"];

/// The short word for what went wrong: the first of the table that is in the text.
pub(super) fn answer(text: &str) -> Option<&'static str> {
    known_answer(text).map(|(_, said)| said)
}

fn known_answer(text: &str) -> Option<(&'static str, &'static str)> {
    ANSWERS.iter().copied().find(|(words, _)| text.contains(words))
}

/// The host that a request of the text asks as a registry.
pub(super) fn registry(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some((request, end)) = request(text, from) {
        if request.path.starts_with("/v2/") && request.host.contains(char::is_alphanumeric) {
            return Some(request.host);
        }
        from = end;
    }
    None
}

/// Facts about the host that failed; `text` in the form of [`super::super::text::normalise`].
pub(super) fn facts(facts: Facts, reference: &Reference<'_>, text: &str) -> Facts {
    let answer = known_answer(text);
    let request = failed_request(text, answer.map(|(words, _)| words));
    let after = request.as_ref().map_or(text, |request| request.after);
    let hop = Hop::of(reference, request.as_ref(), after);
    let (role, tested) = hop.role.told();
    let (resolved, address) = hop.addresses(request.as_ref(), after);
    let name = without_port(&hop.host);
    let facts = facts
        .with(role, hop.shown(reference))
        .with("tested", tested)
        .with("answer", answer.map_or("", |(_, said)| said))
        .with(if hop.role == Role::Registry { "spelled" } else { "name" }, name)
        .with("server", between(after, &format!("lookup {name} on "), ": ").unwrap_or_default())
        .with("resolved", resolved.unwrap_or_default())
        .with("address", address.unwrap_or_default());
    let facts = match hop.url(request.as_ref()) {
        Some(url) => facts.with("url", url),
        None if hop.role == Role::Proxy => facts,
        None => facts.with("far", &hop.host),
    };
    match hop.role {
        Role::Proxy => facts,
        Role::Registry | Role::Tokens => facts.with("asked", reference.registry()),
        Role::Mirror | Role::Layers | Role::Other => facts.with("elsewhere", &hop.host),
    }
}

/// A host on the way.
struct Hop {
    role: Role,
    /// With its port where the text tells one.
    host: String,
}

impl Hop {
    fn of(reference: &Reference<'_>, request: Option<&Request<'_>>, after: &str) -> Self {
        if let Some((_, proxy)) = after.split_once("proxyconnect tcp") {
            let host = looked_up(proxy).or_else(|| dialled(proxy)).unwrap_or("of this node's runtime");
            return Self { role: Role::Proxy, host: host.to_owned() };
        }
        let told = request.map(|request| request.host).or_else(|| looked_up(after));
        let host = told.filter(|host| host.contains(char::is_alphanumeric)).unwrap_or(reference.endpoint());
        let role = if reference.is_served_by(host) { Role::Registry } else { Role::of(request) };
        Self { role, host: host.to_owned() }
    }

    /// Docker Hub's host is known to few: it is told with the name that people use.
    fn shown(&self, reference: &Reference<'_>) -> String {
        if self.role == Role::Registry && reference.registry() != reference.host {
            format!("{} ({})", self.host, reference.registry())
        } else {
            self.host.clone()
        }
    }

    /// The address that was dialled: as what a name resolved to, where the text tells both; else as it stands.
    fn addresses<'t>(&self, request: Option<&Request<'_>>, after: &'t str) -> (Option<&'t str>, Option<&'t str>) {
        let address = dialled(after).filter(|address| *address != self.host && self.role != Role::Proxy);
        let named =
            request.is_some() && self.host.contains(|c: char| c.is_ascii_alphabetic()) && !self.host.starts_with('[');
        if named { (address, None) } else { (None, address) }
    }

    /// What a person can try by hand; only with the scheme that the text tells.
    fn url(&self, request: Option<&Request<'_>>) -> Option<String> {
        let scheme = request.filter(|_| self.role != Role::Proxy)?.scheme;
        let path = if matches!(self.role, Role::Registry | Role::Mirror) { "/v2/" } else { "/" };
        Some(format!("{scheme}://{}{path}", self.host))
    }
}

impl Role {
    /// The name of its fact, and what its failure says of the rest.
    fn told(self) -> (&'static str, &'static str) {
        const UNTESTED: &str = "Login and image are untested";
        match self {
            Self::Registry => ("registry", UNTESTED),
            Self::Tokens => ("tokens", UNTESTED),
            Self::Mirror => ("mirror", UNTESTED),
            Self::Layers => ("layers", "The registry itself answered"),
            Self::Proxy => ("proxy", "The registry was not asked"),
            Self::Other => ("other", UNTESTED),
        }
    }

    /// The role of a host that is not the registry's own.
    fn of(request: Option<&Request<'_>>) -> Self {
        let Some(request) = request else { return Self::Other };
        let before = |words: &[&str]| words.iter().any(|word| request.before.contains(word));
        let path = request.path.split_once('?').map_or(request.path, |(path, _)| path);
        if before(TOKEN_WORDS) || path.ends_with("/token") || path.ends_with("/auth") {
            Self::Tokens
        } else if path.starts_with("/v2/") {
            Self::Mirror
        } else if before(LAYER_WORDS) {
            Self::Layers
        } else {
            Self::Other
        }
    }
}

/// A request that an error text quotes: `Get "https://host/path": what went wrong`, `… to https://host/path: 403 …`.
struct Request<'t> {
    /// What stands before it, back to the request before.
    before: &'t str,
    scheme: &'t str,
    host: &'t str,
    path: &'t str,
    /// What went wrong, up to the next request.
    after: &'t str,
}

/// The last request that went wrong with those words; where none did, the last one.
fn failed_request<'t>(text: &'t str, words: Option<&str>) -> Option<Request<'t>> {
    let mut found = None;
    let mut fits = false;
    let mut from = 0;
    while let Some((request, end)) = request(text, from) {
        from = end;
        let this_fits = words.is_some_and(|words| request.after.contains(words));
        if this_fits || !fits {
            found = Some(request);
        }
        fits |= this_fits;
    }
    found
}

/// The first request at or after `from`, and where its URL ends. A URL that no colon follows is prose of a server.
fn request(text: &str, from: usize) -> Option<(Request<'_>, usize)> {
    let (start, end) = url(text, from)?;
    let rest = text.get(end..)?;
    let after = rest.get(..url(text, end).map_or(rest.len(), |(next, _)| next - end)).unwrap_or(rest);
    let (scheme, location) = text.get(start..end)?.split_once("://")?;
    let (authority, path) = location.find('/').map_or((location, ""), |slash| location.split_at(slash));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    Some((Request { before: text.get(from..start)?, scheme, host, path, after }, end))
}

fn url(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(found) = text.get(at..)?.find("://").map(|found| at + found) {
        let scheme =
            ["https", "http"].into_iter().find(|scheme| text.get(..found).is_some_and(|t| t.ends_with(scheme)));
        let rest = text.get(found..)?;
        let length = rest.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(rest.len());
        let (url, behind) = rest.split_at(length);
        let end = found + url.trim_end_matches(':').len();
        if let Some(scheme) = scheme.filter(|_| url.ends_with(':') || behind.starts_with("\":")) {
            return Some((found - scheme.len(), end));
        }
        at = found + length;
    }
    None
}

/// The name that a look-up failed for: `lookup r.example.com on 10.0.0.2:53: …`.
fn looked_up(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("dial tcp: lookup ")?;
    rest.split([' ', ':']).next().filter(|name| !name.is_empty())
}

/// The address of a failed connection: `dial tcp 203.0.113.9:443: …`, `dial tcp 10.0.0.9:0->203.0.113.9:443: …`.
fn dialled(text: &str) -> Option<&str> {
    let inside = between(text, "dial tcp ", ": ")?;
    let address = inside.rsplit("->").next().unwrap_or(inside);
    (address.contains(':') && !address.contains(' ')).then_some(address)
}
