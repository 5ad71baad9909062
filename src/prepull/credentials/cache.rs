//! Answers of plugins for as long as they are good, each for one image, one registry, or all that its plugin serves. Bounded;
//! knows no clock.

use std::collections::HashMap;
use std::sync::Arc;

use super::keyring::Keyring;
use super::location::Location;
use super::plugin::Plugin;
use super::request::Scope;
use crate::model::Time;

/// More than a node's images have repositories.
const ENTRIES_AT_MOST: usize = 512;

/// The answers that are known.
#[derive(Default)]
pub(super) struct Cache(HashMap<Key, Kept>);

/// A changed configuration of a plugin is another plugin. The text is a repository, a registry, or nothing.
type Key = (Arc<Plugin>, String);

struct Kept {
    keyring: Keyring,
    until: Time,
}

impl Cache {
    /// The answer for an image, the closest first.
    pub(super) fn get(&self, plugin: &Arc<Plugin>, image: &Location, now: Time) -> Option<Keyring> {
        let kept = [Scope::Image, Scope::Registry, Scope::Global]
            .into_iter()
            .find_map(|scope| self.0.get(&key(plugin, scope, image)).filter(|kept| kept.until >= now))?;
        Some(kept.keyring.clone())
    }

    /// Keeps an answer. Of too many the one that is good for the shortest time is let go.
    pub(super) fn put(
        &mut self,
        (plugin, scope, image): (&Arc<Plugin>, Scope, &Location),
        keyring: Keyring,
        (now, until): (Time, Time),
    ) {
        self.0.retain(|_, kept| kept.until >= now);
        if self.0.len() >= ENTRIES_AT_MOST
            && let Some(first) = self.0.iter().min_by_key(|(_, kept)| kept.until).map(|(key, _)| key.clone())
        {
            self.0.remove(&first);
        }
        self.0.insert(key(plugin, scope, image), Kept { keyring, until });
    }
}

fn key(plugin: &Arc<Plugin>, scope: Scope, image: &Location) -> Key {
    let of = match scope {
        Scope::Image => image.as_str(),
        Scope::Registry => image.registry(),
        Scope::Global => "",
    };
    (Arc::clone(plugin), of.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::configuration;
    use super::*;
    use crate::client::cri::auth::RegistryAuth;
    use crate::model::after;

    fn plugin(name: &str) -> Arc<Plugin> {
        let text = format!(
            "kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\nproviders: [{{name: {name}, matchImages: \
             [r.io], defaultCacheDuration: 1h, apiVersion: credentialprovider.kubelet.k8s.io/v1}}]"
        );
        let provider = configuration::parse(text.as_bytes()).unwrap().remove(0);
        Arc::new(Plugin::new(Path::new("/bin"), provider))
    }

    fn keyring() -> Keyring {
        let mut keyring = Keyring::default();
        keyring.add("r.io", RegistryAuth::basic("bob", "hunter2"));
        keyring
    }

    fn at(seconds: u64) -> Time {
        after(Time::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_is_good_for_what_it_says_until_it_ends() {
        let (asked, other) = (plugin("a"), plugin("b"));
        for (scope, same, registry, elsewhere) in [
            (Scope::Image, true, false, false),
            (Scope::Registry, true, true, false),
            (Scope::Global, true, true, true),
        ] {
            let mut cache = Cache::default();
            cache.put((&asked, scope, &Location::of_image("r.io/a:1")), keyring(), (at(0), at(60)));
            let known = |image: &str| cache.get(&asked, &Location::of_image(image), at(60)).is_some();
            assert_eq!((known("r.io/a:2"), known("r.io/b"), known("q.io/a")), (same, registry, elsewhere), "{scope:?}");
            assert!(cache.get(&asked, &Location::of_image("r.io/a"), at(61)).is_none());
            assert!(cache.get(&other, &Location::of_image("r.io/a"), at(0)).is_none());
        }
    }

    #[test]
    fn it_never_grows_without_bound_and_what_ended_goes_first() {
        let (asked, mut cache) = (plugin("a"), Cache::default());
        let image = |n: usize| Location::of_image(&format!("r.io/{n}"));
        for n in 0..2 * ENTRIES_AT_MOST {
            cache.put((&asked, Scope::Image, &image(n)), keyring(), (at(0), at(n as u64)));
        }
        assert_eq!(cache.0.len(), ENTRIES_AT_MOST);
        assert!(cache.get(&asked, &image(2 * ENTRIES_AT_MOST - 1), at(0)).is_some());
        cache.put((&asked, Scope::Image, &image(0)), keyring(), (at(5_000), at(6_000)));
        assert_eq!(cache.0.len(), 1);
    }
}
