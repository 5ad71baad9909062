//! Whether the kubelet asks a pod for its own credentials where an image is present already (Kubernetes:
//! imagePullCredentialsVerificationPolicy, pkg/kubelet/images/pullmanager/image_pull_policies.go). What is not certain
//! counts as no.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::image::{DOCKER_HUB, Reference};

/// The kubelet's policy, as far as it is certain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verification {
    /// It can't be told.
    #[default]
    Unknown,
    /// It never asks.
    Never,
    /// It asks for images that it pulled itself: not for one that was pulled ahead. Its own default.
    Preloaded,
    /// It asks for all but these: names of repositories, or their beginning up to `/*`.
    Allowlisted(Vec<Arc<str>>),
    /// It asks for every image.
    Always,
}

impl Verification {
    /// Whether it is certain that a pod which uses this image is asked for credentials, though we pulled it ahead.
    #[must_use]
    pub fn verifies(&self, image: &str) -> bool {
        match self {
            Self::Unknown | Self::Never | Self::Preloaded => false,
            Self::Allowlisted(patterns) => {
                let names = names(&Reference::parse(image));
                !patterns.iter().any(|pattern| names.iter().any(|name| lists(pattern, name)))
            }
            Self::Always => true,
        }
    }
}

/// The kubelet compares what a pod's spec says, so each way to write a repository counts (distribution/reference:
/// normalize.go).
fn names(image: &Reference<'_>) -> Vec<String> {
    let Reference { host, path, .. } = image;
    if *host != DOCKER_HUB && *host != "index.docker.io" {
        return vec![format!("{host}/{path}")];
    }
    let short = path.strip_prefix("library/").filter(|name| !name.contains('/'));
    let paths = [Some(path.as_str()), short].into_iter().flatten();
    paths.flat_map(|path| [path.to_owned(), format!("docker.io/{path}"), format!("index.docker.io/{path}")]).collect()
}

fn lists(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "it is not certain that the kubelet verifies credentials of images that are present",
            Self::Never => "the kubelet never verifies credentials of images that are present",
            Self::Preloaded => "the kubelet verifies no credentials of images that it did not pull itself",
            Self::Allowlisted(_) => {
                "the kubelet verifies credentials of images that are present but for those on its list"
            }
            Self::Always => "the kubelet verifies credentials of all images that are present",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_to_be_verified_is() {
        for policy in [Verification::Unknown, Verification::Never, Verification::Preloaded] {
            assert!(!policy.verifies("r.io/a:1"), "{policy}");
        }
        assert!(Verification::Always.verifies("r.io/a:1"));
    }

    #[test]
    fn an_image_is_on_the_list_under_any_name_that_a_pod_may_give_it() {
        for (pattern, image, verified) in [
            ("r.io/team/app", "r.io/team/app:1", false),
            ("r.io/team/app", "r.io/team/app@sha256:ab", false),
            ("r.io/team/app", "r.io/team/apps:1", true),
            ("r.io/team/*", "r.io/team/app:1", false),
            ("r.io/team/*", "r.io/teams/app:1", true),
            ("r.io/*", "r.io:5000/app:1", true),
            ("redis", "docker.io/library/redis:7", false),
            ("docker.io/library/redis", "redis", false),
            ("index.docker.io/library/*", "redis:7", false),
            ("team/*", "docker.io/team/app", false),
            ("docker.io/*", "r.io/app", true),
        ] {
            let policy = Verification::Allowlisted(vec!["q.io/*".into(), pattern.into()]);
            assert_eq!(policy.verifies(image), verified, "{image} with {pattern}");
        }
    }
}
