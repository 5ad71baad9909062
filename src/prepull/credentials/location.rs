//! A registry and a path in it, and whether it covers an image, as the kubelet sees it (Kubernetes:
//! pkg/credentialprovider/keyring.go). Knows no credentials.

use crate::model::glob;
use crate::model::image::Reference;

/// `registry.example.com:5000/team`; the host may hold globs. They are ordered as texts, as the kubelet orders them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Location(String);

impl Location {
    /// A pattern as it stands.
    pub(super) fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// A key of a docker configuration: with or without scheme; what begins with `/v1/` or `/v2/` begins at the registry.
    pub(super) fn of_key(key: &str) -> Self {
        let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        let (authority, path) = split_path(key);
        let version = ["/v1", "/v2"].iter().find_map(|version| path.strip_prefix(*version));
        let path = version.filter(|rest| rest.starts_with('/')).unwrap_or(path);
        Self(if path == "/" { authority.to_owned() } else { format!("{authority}{path}") })
    }

    /// The repository of an image, with its registry: what the kubelet looks credentials up by, and tells plugins.
    pub(super) fn of_image(image: &str) -> Self {
        let image = Reference::parse(image);
        Self(format!("{}/{}", image.host, image.path))
    }

    /// Hosts match label by label, `*` for any part of one (the one wildcard that Kubernetes documents); the path is a prefix
    /// of the text, be it in the middle of a name.
    pub(super) fn covers(&self, image: &Self) -> bool {
        let ((host, port, path), (its_host, its_port, its_path)) = (self.parts(), image.parts());
        let (labels, its_labels) = (host.split('.'), its_host.split('.'));
        port == its_port
            && labels.clone().count() == its_labels.clone().count()
            && its_path.starts_with(path)
            && labels.zip(its_labels).all(|(pattern, label)| glob::fits(pattern, label))
    }

    /// Up to the path.
    pub(super) fn registry(&self) -> &str {
        split_path(&self.0).0
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (&str, &str, &str) {
        let (authority, path) = split_path(&self.0);
        let port = authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) = port.unwrap_or((authority, ""));
        (host, port, path)
    }
}

/// The path keeps the slash that it begins with.
fn split_path(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the kubelet's own tests for URLsMatch, and what its documentation says.
    #[test]
    fn patterns_cover_what_they_cover_for_the_kubelet() {
        for (pattern, image, covers) in [
            ("*.kubernetes.io", "prefix.kubernetes.io", true),
            ("prefix.*.io", "prefix.kubernetes.io", true),
            ("prefix.kubernetes.*", "prefix.kubernetes.io", true),
            ("*-good.kubernetes.io", "prefix-good.kubernetes.io", true),
            ("*.kubernetes.io/blah", "prefix.kubernetes.io/blah", true),
            ("prefix.*.io/foo", "prefix.kubernetes.io/foo/bar", true),
            ("*.kubernetes.io:1111", "prefix.kubernetes.io:1111", true),
            ("*.kubernetes.io:1111/prefix", "prefix.kubernetes.io:1111/prefix", true),
            ("*.kubernetes.io", "kubernetes.io", false),
            ("*.*.kubernetes.io", "prefix.kubernetes.io", false),
            ("*kubernetes.io", "a.b.kubernetes.io", false),
            ("kubernetes.io", "kubernetes.com", false),
            ("k*.io", "quay.io", false),
            ("*.kubernetes.io:1234/blah", "prefix.kubernetes.io:1111/blah", false),
            ("r.io", "r.io:5000/web", false),
            ("r.io/team", "r.io/teamwork/web", true),
            ("r.io/team/", "r.io/teamwork/web", false),
            ("[::1]:5000", "[::1]:5000/web", true),
            ("[::1]", "[::1]:5000/web", false),
        ] {
            assert_eq!(Location::new(pattern).covers(&Location::new(image)), covers, "{pattern} {image}");
        }
    }

    #[test]
    fn keys_and_images_become_registry_and_path() {
        for (key, location) in [
            ("https://index.docker.io/v1/", "index.docker.io"),
            ("http://r.io/v2/team", "r.io/team"),
            ("r.io/v2", "r.io/v2"),
            ("r.io/", "r.io"),
            ("r.io:5000/team/", "r.io:5000/team/"),
        ] {
            assert_eq!(Location::of_key(key).as_str(), location, "{key}");
        }
        let image = Location::of_image("redis:7");
        assert_eq!((image.as_str(), image.registry()), ("docker.io/library/redis", "docker.io"));
        let image = Location::of_image("r.io:5000/a/b:v1@sha256:ab");
        assert_eq!((image.as_str(), image.registry()), ("r.io:5000/a/b", "r.io:5000"));
    }
}
