//! Credentials by registry and path, and those for an image in the order in which the kubelet tries them (Kubernetes:
//! pkg/credentialprovider/keyring.go). Never prints what it holds.

use super::location::Location;
use crate::client::cri::auth::RegistryAuth;
use crate::model::image::DOCKER_HUB;

/// What `docker login` calls its default registry.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Credentials by registry and path, in the order in which they were given.
#[derive(Clone, Default)]
pub(super) struct Keyring(Vec<(Location, RegistryAuth)>);

impl Keyring {
    /// Adds what a docker configuration or a plugin holds under a key.
    pub(super) fn add(&mut self, key: &str, auth: RegistryAuth) {
        self.0.push((Location::of_key(key), auth));
    }

    /// Adds all that another holds.
    pub(super) fn take(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// The credentials for an image. The order of keys is that of texts, from the last one on, so that the longer of two that
    /// begin alike comes first and a name before a glob; under one key, the earlier one first.
    pub(super) fn find(&self, image: &Location) -> Vec<RegistryAuth> {
        let covering = self.under(|key| key.covers(image));
        if covering.is_empty() && image.registry() == DOCKER_HUB {
            return self.under(|key| key.as_str() == DEFAULT_REGISTRY);
        }
        covering
    }

    fn under(&self, fits: impl Fn(&Location) -> bool) -> Vec<RegistryAuth> {
        let mut fitting: Vec<_> = self.0.iter().filter(|(key, _)| fits(key)).collect();
        fitting.sort_by(|(one, _), (other, _)| other.cmp(one));
        fitting.into_iter().map(|(_, auth)| auth.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys under which credentials for the image were found, in order.
    fn found<'a>(keys: &[&'a str], image: &str) -> Vec<&'a str> {
        let mut keyring = Keyring::default();
        keys.iter().for_each(|key| keyring.add(key, RegistryAuth::basic(*key, "p")));
        let found = keyring.find(&Location::of_image(image));
        let key = |auth: &RegistryAuth| keys.iter().find(|key| *auth == RegistryAuth::basic(**key, "p")).copied();
        found.iter().filter_map(key).collect()
    }

    #[test]
    fn what_matches_comes_in_the_order_in_which_the_kubelet_tries_it() {
        for (keys, image, expected) in [
            (&["r.io", "r.io/team", "r.io/team/app"][..], "r.io/team/web:1", &["r.io/team", "r.io"][..]),
            (&["r.io"], "r.io:5000/web", &[]),
            (&["r.io:5000"], "r.io:5000/web", &["r.io:5000"]),
            (&["*.r.io/web", "a.r.io"], "a.r.io/web", &["a.r.io", "*.r.io/web"]),
            (&["*.r.io"], "a.b.r.io/web", &[]),
            (&["*.dkr.ecr.*.amazonaws.com"], "1.dkr.ecr.eu-west-1.amazonaws.com/x", &["*.dkr.ecr.*.amazonaws.com"]),
            (&["r.io", "https://r.io/v2/"], "r.io/web", &["r.io", "https://r.io/v2/"]),
            (&["https://index.docker.io/v1/"], "redis:7", &["https://index.docker.io/v1/"]),
            (&["https://index.docker.io/v1/", "docker.io"], "library/redis", &["docker.io"]),
            (&["index.docker.io/team"], "redis", &[]),
            (&["r.io"], "redis:7", &[]),
        ] {
            assert_eq!(found(keys, image), expected, "{image} of {keys:?}");
        }
    }
}
