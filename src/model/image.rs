//! An image reference taken apart, as container runtimes read it. Never a check whether the image exists.

/// The registry that short names stand for (distribution/reference: normalize.go).
pub const DOCKER_HUB: &str = "docker.io";

/// What Docker Hub was called once; it is read as [`DOCKER_HUB`] (distribution/reference: normalize.go).
const DOCKER_HUB_ONCE: &str = "index.docker.io";

/// The host that serves Docker Hub's images; nothing is pulled from `docker.io` itself (containerd: core/remotes/docker/registry.go).
const DOCKER_HUB_ENDPOINT: &str = "registry-1.docker.io";

/// The parts of an image reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Registry host with its port if any, `docker.io` for short names.
    pub host: &'a str,
    /// Repository path without the host; `library/` is added for Docker Hub's own where it was left out.
    pub path: String,
    /// The tag, `latest` where neither tag nor digest is given.
    pub tag: Option<&'a str>,
    /// The digest, `sha256:…`.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes `text` apart. Total: any text gives an answer, for a reference that a runtime refused must be talked about too.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((DOCKER_HUB_ONCE, path)) => (DOCKER_HUB, path.to_owned()),
            Some((first, path)) if is_host(first) => (first, path.to_owned()),
            _ => (DOCKER_HUB, name.to_owned()),
        };
        let path = if host == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path };
        Self { host, path, tag: tag.or(if digest.is_none() { Some("latest") } else { None }), digest }
    }

    /// The host without its port, as containerd labels content (`containerd.io/distribution.source.<host>`).
    #[must_use]
    pub fn host_name(&self) -> &'a str {
        without_port(self.host)
    }

    /// The registry as people call it.
    #[must_use]
    pub fn registry(&self) -> &'a str {
        if self.host == DOCKER_HUB { "Docker Hub" } else { self.host }
    }

    /// The host that is asked for the image where no mirror is configured.
    #[must_use]
    pub fn endpoint(&self) -> &'a str {
        if self.host == DOCKER_HUB { DOCKER_HUB_ENDPOINT } else { self.host }
    }

    /// Whether `host`, with or without a port, is the registry itself.
    #[must_use]
    pub fn is_served_by(&self, host: &str) -> bool {
        [self.host, self.endpoint()].into_iter().any(|own| {
            own.eq_ignore_ascii_case(host)
                || self.host_name() == self.host && own.eq_ignore_ascii_case(without_port(host))
        })
    }

    /// The whole name under which containerd keeps it; of a tag and a digest the digest counts (distribution/reference:
    /// ParseDockerRef).
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.digest {
            Some(digest) => format!("{}/{}@{digest}", self.host, self.path),
            None => format!("{}/{}:{}", self.host, self.path, self.tag.unwrap_or("latest")),
        }
    }

    /// Tag, else digest: what is asked for.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.tag.or(self.digest).unwrap_or_default()
    }
}

/// A host without its port; an IPv6 address keeps its brackets.
#[must_use]
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// The first component is a host if it holds a dot or a colon, or is `localhost` (distribution/reference: splitDockerDomain).
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_runtimes_read_them() {
        for (text, host, path, version) in [
            ("nginx", "docker.io", "library/nginx", "latest"),
            ("grafana/loki:3.1", "docker.io", "grafana/loki", "3.1"),
            ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1"),
            ("127.0.0.1:5000/app:v1", "127.0.0.1:5000", "app", "v1"),
            ("localhost/app", "localhost", "app", "latest"),
            ("r.example.com:5000/a/b", "r.example.com:5000", "a/b", "latest"),
            ("r.example.com/a@sha256:ab", "r.example.com", "a", "sha256:ab"),
            ("r.example.com/a:v1@sha256:ab", "r.example.com", "a", "v1"),
        ] {
            let reference = Reference::parse(text);
            assert_eq!((reference.host, &*reference.path, reference.version()), (host, path, version), "{text}");
        }
        assert_eq!(Reference::parse("127.0.0.1:5000/app:v1").host_name(), "127.0.0.1");
        assert_eq!(Reference::parse("[::1]:5000/app:v1").host_name(), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }

    #[test]
    fn docker_hub_is_asked_under_another_name() {
        let hub = Reference::parse("nginx");
        assert_eq!((hub.registry(), hub.endpoint()), ("Docker Hub", "registry-1.docker.io"));
        assert!(hub.is_served_by("registry-1.docker.io") && !hub.is_served_by("auth.docker.io"));
        let own = Reference::parse("r.example.com/app");
        assert!(own.is_served_by("r.example.com:443") && !own.is_served_by("mirror.example.com"));
        assert!(!Reference::parse("10.0.0.1:5000/app").is_served_by("10.0.0.1:3128"));
    }

    #[test]
    fn nonsense_is_taken_apart_too() {
        for (text, host, path, version) in [
            ("", "docker.io", "library/", "latest"),
            (":", "docker.io", "library/", ""),
            ("@", "docker.io", "library/", ""),
            ("/", "docker.io", "/", "latest"),
            ("a//b", "docker.io", "a//b", "latest"),
            ("@sha256:", "docker.io", "library/", "sha256:"),
            (":::", "docker.io", "library/::", ""),
            ("Upper/Case:@", "docker.io", "Upper/Case", ""),
        ] {
            let parts = Reference::parse(text);
            assert_eq!((parts.host, parts.path.as_str(), parts.version()), (host, path, version), "{text}");
        }
    }
}
