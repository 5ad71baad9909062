//! Registry credentials from a file in the form of `~/.docker/config.json`, chosen for an image as the kubelet chooses
//! them (Kubernetes: pkg/credentialprovider/keyring.go). Read anew for every pull, so that a rotated Secret is picked up.
//! Never prints what it read, and says of a broken file only where it is broken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::client::cri::auth::RegistryAuth;
use crate::model::glob;
use crate::model::image::{DOCKER_HUB, Reference};

/// The largest Secret there can be (Kubernetes: core/v1 MaxSecretSize).
const SIZE_AT_MOST: u64 = 1 << 20;

/// What `docker login` calls its default registry.
const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file can't be read.
    #[error("credentials file {path}: {kind}; mount it into the agent", path = .0.display(), kind = .1.kind())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is no docker configuration. The parser's own words are withheld: they quote the file.
    #[error("credentials file {path} is broken at line {line}, column {column}", path = .0.display(), line = .1, column = .2)]
    Broken(PathBuf, usize, usize),
    /// It is larger than any Secret.
    #[error("credentials file {path} is larger than a Secret can be", path = .0.display())]
    TooLarge(PathBuf),
}

/// Credentials by registry and path.
#[derive(Default, Deserialize)]
pub struct Keyring {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    username: Option<String>,
    password: Option<String>,
    auth: Option<String>,
    #[serde(rename = "identitytoken")]
    identity_token: Option<String>,
}

impl Keyring {
    /// Reads a file. Blocks, briefly.
    ///
    /// # Errors
    ///
    /// Where it can't be read or is no docker configuration.
    pub fn read(path: &Path) -> Result<Self, CredentialError> {
        let mut content = Vec::new();
        let file = File::open(path).and_then(|file| file.take(SIZE_AT_MOST + 1).read_to_end(&mut content));
        file.map_err(|error| CredentialError::Unreadable(path.to_owned(), error))?;
        if content.len() as u64 > SIZE_AT_MOST {
            return Err(CredentialError::TooLarge(path.to_owned()));
        }
        serde_json::from_slice(&content)
            .map_err(|error| CredentialError::Broken(path.to_owned(), error.line(), error.column()))
    }

    /// The credentials for an image: of the registries and paths that match it, the longest. None: none match.
    #[must_use]
    pub fn find(&self, image: &str) -> Option<RegistryAuth> {
        let image = Reference::parse(image);
        let target = Location::new(image.host, &image.path);
        let matching = self.auths.iter().map(|(key, entry)| (Location::of_key(key), entry));
        let best =
            matching.filter(|(key, _)| key.covers(&target)).max_by_key(|(key, _)| (key.path.len(), key.host.len()));
        best.and_then(|(_, entry)| entry.auth())
    }
}

impl Entry {
    fn auth(&self) -> Option<RegistryAuth> {
        if let Some(token) = self.identity_token.as_ref().filter(|token| !token.is_empty()) {
            return Some(RegistryAuth::identity_token(token));
        }
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some(RegistryAuth::basic(user, password));
        }
        let joined = String::from_utf8(STANDARD.decode(self.auth.as_ref()?.trim()).ok()?).ok()?;
        let (user, password) = joined.split_once(':')?;
        Some(RegistryAuth::basic(user, password.trim_matches('\0')))
    }
}

/// A registry, and a path in it.
#[derive(Debug, PartialEq)]
struct Location<'a> {
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> Location<'a> {
    /// A key of the file: with or without scheme; `/v1/` and `/v2/` are the registry itself.
    fn of_key(key: &'a str) -> Self {
        let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
        let (authority, path) = key.split_once('/').unwrap_or((key, ""));
        let version = ["v1", "v2"]
            .iter()
            .find_map(|version| path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/')));
        Self::new(authority, version.unwrap_or(path).trim_matches('/'))
    }

    fn new(authority: &'a str, path: &'a str) -> Self {
        let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        let host = if host == DOCKER_HUB { DEFAULT_REGISTRY } else { host };
        Self { host, port, path }
    }

    /// Hosts match label by label, `*` for any part of one; the path is a prefix.
    fn covers(&self, target: &Self) -> bool {
        let (ours, theirs) = (self.host.split('.'), target.host.split('.'));
        self.port == target.port
            && ours.clone().count() == theirs.clone().count()
            && ours.zip(theirs).all(|(pattern, label)| glob::fits(pattern, label))
            && target.path.starts_with(self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keyring(keys: &[&str]) -> Keyring {
        let auths = keys.iter().map(|key| ((*key).to_owned(), json!({"username": key, "password": "p"}))).collect();
        serde_json::from_value(json!({ "auths": serde_json::Value::Object(auths) })).unwrap()
    }

    fn chosen(keys: &[&str], image: &str) -> Option<String> {
        let found = keyring(keys).find(image)?;
        keys.iter().find(|key| found == RegistryAuth::basic(**key, "p")).map(ToString::to_string)
    }

    #[test]
    fn the_longest_registry_and_path_that_matches_is_chosen_as_the_kubelet_chooses() {
        for (keys, image, expected) in [
            (&["r.io", "r.io/team", "r.io/team/app"][..], "r.io/team/web:1", Some("r.io/team")),
            (&["r.io"], "r.io:5000/web", None),
            (&["r.io:5000"], "r.io:5000/web", Some("r.io:5000")),
            (&["*.r.io", "a.r.io"], "a.r.io/web", Some("a.r.io")),
            (&["*.r.io"], "a.b.r.io/web", None),
            (&["*.dkr.ecr.*.amazonaws.com"], "1.dkr.ecr.eu-west-1.amazonaws.com/x", Some("*.dkr.ecr.*.amazonaws.com")),
            (&["https://r.io/v2/"], "r.io/web", Some("https://r.io/v2/")),
            (&["https://index.docker.io/v1/"], "redis:7", Some("https://index.docker.io/v1/")),
            (&["docker.io"], "library/redis", Some("docker.io")),
            (&["r.io"], "redis:7", None),
        ] {
            assert_eq!(chosen(keys, image).as_deref(), expected, "{image} of {keys:?}");
        }
    }

    #[test]
    fn every_form_of_an_entry_is_understood() {
        for (entry, auth) in [
            (json!({"auth": STANDARD.encode("bob:pass:word")}), Some(RegistryAuth::basic("bob", "pass:word"))),
            (json!({"identitytoken": "t", "auth": ""}), Some(RegistryAuth::identity_token("t"))),
            (json!({"auth": "%%%"}), None),
            (json!({}), None),
        ] {
            let keyring: Keyring = serde_json::from_value(json!({"auths": {"r.io": entry}})).unwrap();
            assert!(keyring.find("r.io/a") == auth);
        }
    }

    #[test]
    fn a_broken_file_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        std::fs::write(&path, r#"{"auths":{"r.io": "hunter2"}}"#).unwrap();
        let error = Keyring::read(&path).err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(error.to_string().contains("line 1, column"), "{error}");
        assert!(matches!(Keyring::read(Path::new("/nowhere")), Err(CredentialError::Unreadable(..))));
    }
}
