//! What goes to a plugin and what comes back (Kubernetes: k8s.io/kubelet/pkg/apis/credentialprovider/v1). The answer holds
//! passwords: it can't be printed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keyring::Keyring;
use super::span;
use crate::client::cri::auth::RegistryAuth;

/// Without a service account, as for a static pod.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    kind: &'static str,
    api_version: &'a str,
    image: &'a str,
}

/// The bytes that the kubelet would write.
pub(super) fn request(api_version: &str, image: &str) -> Vec<u8> {
    let asked = Request { kind: "CredentialProviderRequest", api_version, image };
    let mut line = serde_json::to_vec(&asked).unwrap_or_default(); // of three texts: it can't fail
    line.push(b'\n');
    line
}

/// What else an answer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Scope {
    Image,
    Registry,
    Global,
}

/// A plugin's answer.
pub(super) struct Answer {
    pub(super) scope: Scope,
    /// None: as long as the configuration says.
    pub(super) lasts: Option<Duration>,
    pub(super) keyring: Keyring,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Response {
    kind: String,
    api_version: String,
    cache_key_type: Scope,
    #[serde(default, deserialize_with = "span::optional")]
    cache_duration: Option<Duration>,
    auth: Option<BTreeMap<String, Login>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// Reads an answer; none where the kubelet would not use it. Why is not told: the parser quotes what it read.
pub(super) fn answer(api_version: &str, printed: &[u8]) -> Option<Answer> {
    let response: Response = serde_json::from_slice(printed).ok()?;
    if response.kind != "CredentialProviderResponse" || response.api_version != api_version {
        return None;
    }
    let mut keyring = Keyring::default();
    for (key, login) in response.auth.into_iter().flatten() {
        keyring.add(&key, RegistryAuth::basic(login.username, login.password));
    }
    Some(Answer { scope: response.cache_key_type, lasts: response.cache_duration, keyring })
}

#[cfg(test)]
mod tests {
    use super::super::location::Location;
    use super::*;
    use serde_json::{Value, json};

    const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

    fn good() -> Value {
        json!({"kind": "CredentialProviderResponse", "apiVersion": V1, "cacheKeyType": "Registry", "cacheDuration": "6h",
            "auth": {"*.r.io": {"username": "bob", "password": "hunter2"}}})
    }

    fn read(text: &Value) -> Option<Answer> {
        answer(V1, text.to_string().as_bytes())
    }

    /// (Kubernetes: pkg/credentialprovider/plugin/plugin_test.go, Test_ExecPluginRequest)
    #[test]
    fn the_request_is_what_the_kubelet_writes_to_the_byte() {
        let expected = r#"{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"test.registry.io/foobar"}"#;
        assert_eq!(request(V1, "test.registry.io/foobar"), format!("{expected}\n").as_bytes());
    }

    #[test]
    fn a_good_answer_is_read_whole() {
        let answer = read(&good()).unwrap();
        assert_eq!((answer.scope, answer.lasts), (Scope::Registry, Some(Duration::from_secs(6 * 3_600))));
        assert!(answer.keyring.find(&Location::of_image("a.r.io/x")) == [RegistryAuth::basic("bob", "hunter2")]);
    }

    #[test]
    fn an_answer_may_leave_out_span_and_credentials() {
        for (auth, lasts) in [(json!(null), json!(null)), (json!({}), json!("0s"))] {
            let mut text = good();
            (text["auth"], text["cacheDuration"]) = (auth, lasts);
            assert!(read(&text).unwrap().keyring.find(&Location::of_image("a.r.io/x")).is_empty());
        }
    }

    #[test]
    fn what_the_kubelet_would_not_use_is_no_answer() {
        for (name, value) in [
            ("kind", json!("CredentialProviderRequest")),
            ("apiVersion", json!("credentialprovider.kubelet.k8s.io/v1beta1")),
            ("cacheKeyType", json!("Node")),
            ("cacheDuration", json!("a while")),
            ("auth", json!(["hunter2"])),
            ("more", json!(1)),
        ] {
            let mut text = good();
            text[name] = value;
            assert!(read(&text).is_none(), "{text}");
        }
        for printed in ["", "hunter2", "{}", "[]"] {
            assert!(answer(V1, printed.as_bytes()).is_none(), "{printed}");
        }
    }
}
