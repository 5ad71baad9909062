//! A file in the form of `~/.docker/config.json`, which is what a Secret of type `kubernetes.io/dockerconfigjson` holds
//! (Kubernetes: pkg/credentialprovider/config.go). Says of a broken one only where it is broken.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::keyring::Keyring;
use crate::client::cri::auth::RegistryAuth;

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
struct File {
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

/// Reads one; else the line and the column where it is broken. The parser's own words are withheld: they quote the file.
pub(super) fn parse(content: &[u8]) -> Result<Keyring, (u64, u64)> {
    let file: File = serde_json::from_slice(content).map_err(|error| (error.line() as u64, error.column() as u64))?;
    let mut keyring = Keyring::default();
    for (key, entry) in file.auths {
        if let Some(auth) = entry.auth() {
            keyring.add(&key, auth);
        }
    }
    Ok(keyring)
}

impl Entry {
    fn auth(self) -> Option<RegistryAuth> {
        if let Some(token) = self.identity_token.filter(|token| !token.is_empty()) {
            return Some(RegistryAuth::identity_token(token));
        }
        if let Some(joined) = self.auth.filter(|joined| !joined.trim().is_empty()) {
            let joined = String::from_utf8(BASE64.decode(joined.trim()).ok()?).ok()?;
            let (user, password) = joined.split_once(':')?;
            return Some(RegistryAuth::basic(user, password.trim_matches('\0')));
        }
        Some(RegistryAuth::basic(self.username?, self.password?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::location::Location;
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_an_entry_is_understood() {
        for (entry, auth) in [
            (json!({"auth": "Ym9iOnBhc3M6d29yZA=="}), Some(RegistryAuth::basic("bob", "pass:word"))),
            (json!({"auth": "Ym9iOnBhc3M6d29yZA", "username": "eve"}), Some(RegistryAuth::basic("bob", "pass:word"))),
            (json!({"username": "bob", "password": "p", "auth": ""}), Some(RegistryAuth::basic("bob", "p"))),
            (json!({"identitytoken": "t", "auth": ""}), Some(RegistryAuth::identity_token("t"))),
            (json!({"auth": "%%%"}), None),
            (json!({}), None),
        ] {
            let text = json!({"auths": {"r.io": entry}, "credHelpers": {}}).to_string();
            let keyring = parse(text.as_bytes()).unwrap();
            assert!(keyring.find(&Location::of_image("r.io/a")).into_iter().next() == auth, "{text}");
        }
    }

    #[test]
    fn a_broken_file_is_not_quoted() {
        assert_eq!(parse(br#"{"auths":{"r.io": "hunter2"}}"#).err(), Some((1, 27)));
        assert!(parse(b"hunter2").is_err() && parse(b"").is_err());
    }
}
