//! Which plugins there are and which images they serve: CredentialProviderConfig of a file, or of the files of a directory,
//! read and refused as the kubelet does (Kubernetes: pkg/credentialprovider/plugin/config.go). Runs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::location::Location;
use super::span;

/// Versions of the configuration, and of what goes to a plugin.
const VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha1"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    kind: String,
    api_version: String,
    #[serde(default)]
    providers: Vec<Provider>,
}

/// One plugin.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Provider {
    /// The name of its program.
    pub(super) name: String,
    #[serde(default)]
    match_images: Vec<String>,
    #[serde(default, deserialize_with = "span::optional")]
    default_cache_duration: Option<Duration>,
    /// What it is asked in, and answers in.
    pub(super) api_version: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<Variable>,
    token_attributes: Option<TokenAttributes>,
}

/// An environment variable of a plugin.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenAttributes {
    require_service_account: Option<bool>,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It can't be taken apart; line and column.
    Broken(u64, u64),
    /// What the kubelet would refuse.
    Refused(String),
}

/// The providers of one file.
pub(super) fn parse(content: &[u8]) -> Result<Vec<Provider>, Fault> {
    let text = str::from_utf8(content).map_err(|_| Fault::Broken(1, 1))?;
    let file: File = serde_saphyr::from_str(text).map_err(|error| {
        error.location().map_or(Fault::Broken(1, 1), |place| Fault::Broken(place.line(), place.column()))
    })?;
    if file.kind != "CredentialProviderConfig" || !is_of(&file.api_version, "kubelet.config.k8s.io") {
        return Err(Fault::Refused("it is no CredentialProviderConfig of kubelet.config.k8s.io/v1".to_owned()));
    }
    Ok(file.providers)
}

/// The providers of all files, if the kubelet would start with them.
pub(super) fn checked(providers: Vec<Provider>) -> Result<Vec<Provider>, Fault> {
    if providers.is_empty() {
        return Err(Fault::Refused("there are none".to_owned()));
    }
    let mut names = BTreeSet::new();
    for provider in &providers {
        provider.check().map_err(|what| Fault::Refused(format!("provider {:?} {what}", provider.name)))?;
        if !names.insert(&provider.name) {
            return Err(Fault::Refused(format!("two providers are called {:?}", provider.name)));
        }
    }
    Ok(providers)
}

fn is_of(api_version: &str, group: &str) -> bool {
    api_version.split_once('/').is_some_and(|(of, version)| of == group && VERSIONS.contains(&version))
}

impl Provider {
    fn check(&self) -> Result<(), &'static str> {
        if self.name.contains(['/', ' ']) || matches!(&*self.name, "" | "." | "..") {
            Err("has no name that a program can have")
        } else if !is_of(&self.api_version, "credentialprovider.kubelet.k8s.io") {
            Err("has no apiVersion such as credentialprovider.kubelet.k8s.io/v1")
        } else if self.match_images.is_empty() {
            Err("has no matchImages")
        } else if self.default_cache_duration.is_none() {
            Err("has no defaultCacheDuration")
        } else {
            Ok(())
        }
    }

    /// Whether it is asked for such an image.
    pub(super) fn serves(&self, image: &Location) -> bool {
        self.match_images.iter().any(|pattern| Location::new(pattern).covers(image))
    }

    /// How long its answers are good where they do not say.
    pub(super) fn usual_span(&self) -> Duration {
        self.default_cache_duration.unwrap_or_default()
    }

    /// Whether it is asked for pods with a service account only. One that needs none is asked as for a static pod: without.
    pub(super) fn needs_pod(&self) -> bool {
        self.token_attributes.as_ref().is_some_and(|attributes| attributes.require_service_account != Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "\
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider
  matchImages: ['*.dkr.ecr.*.amazonaws.com', r.io/team]
  defaultCacheDuration: 12h0m0s
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  args: [get-credentials]
  env:
  - {name: AWS_PROFILE, value: hunter2}
";

    fn read(files: &[&str]) -> Result<Vec<Provider>, Fault> {
        let mut providers = Vec::new();
        for file in files {
            providers.extend(parse(file.as_bytes())?);
        }
        checked(providers)
    }

    #[test]
    fn a_kubelet_s_file_is_read() {
        let [ecr] = &read(&[ECR]).unwrap()[..] else { panic!("one provider") };
        assert_eq!(
            (&*ecr.name, &*ecr.args[0], &*ecr.env[0].name),
            ("ecr-credential-provider", "get-credentials", "AWS_PROFILE")
        );
        assert_eq!(ecr.usual_span(), Duration::from_secs(12 * 3_600));
        assert!(ecr.serves(&Location::of_image("1.dkr.ecr.eu-west-1.amazonaws.com/app:1")));
        assert!(ecr.serves(&Location::of_image("r.io/team/app")) && !ecr.serves(&Location::of_image("r.io/app")));
        assert!(!ecr.needs_pod());
        let json = r#"{"kind":"CredentialProviderConfig","apiVersion":"kubelet.config.k8s.io/v1alpha1","providers":[{"name":"p",
            "matchImages":["r.io"],"defaultCacheDuration":"0s","apiVersion":"credentialprovider.kubelet.k8s.io/v1beta1"}]}"#;
        assert_eq!(read(&[json]).unwrap().len(), 1);
    }

    #[test]
    fn files_are_put_together_in_their_order_and_a_name_stands_once() {
        let other = ECR.replace("name: ecr-", "name: acr-");
        let names: Vec<_> = read(&[ECR, &other]).unwrap().into_iter().map(|provider| provider.name).collect();
        assert_eq!(names, ["ecr-credential-provider", "acr-credential-provider"]);
        let twice = Fault::Refused(r#"two providers are called "ecr-credential-provider""#.to_owned());
        assert_eq!(read(&[ECR, ECR]).err(), Some(twice));
    }

    #[test]
    fn only_a_provider_that_can_do_without_a_pod_s_token_is_asked() {
        for (required, needs) in [("true", true), ("false", false)] {
            let token = format!(
                "  tokenAttributes: {{serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: {required}}}\n"
            );
            assert_eq!(read(&[&format!("{ECR}{token}")]).unwrap()[0].needs_pod(), needs);
        }
    }

    #[test]
    fn what_the_kubelet_refuses_is_refused_and_never_quoted() {
        for (from, to) in [
            ("kind: CredentialProviderConfig", "kind: KubeletConfiguration"),
            ("kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v2"),
            ("credentialprovider.kubelet.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v9"),
            ("name: ecr-credential-provider", "name: ../ecr"),
            ("name: ecr-credential-provider", "name: .."),
            ("matchImages: ['*.dkr.ecr.*.amazonaws.com', r.io/team]", "matchImages: []"),
            ("  defaultCacheDuration: 12h0m0s\n", ""),
            ("12h0m0s", "soon"),
            ("args:", "argv:"),
            ("value: hunter2", "value: [hunter2]"),
            ("apiVersion: kubelet", "\tapiVersion: kubelet"),
        ] {
            let broken = ECR.replace(from, to);
            assert_ne!(broken, ECR);
            let fault = read(&[&broken]).err().unwrap_or_else(|| panic!("{to} was accepted"));
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
        assert!(
            read(&[]).is_err()
                && read(&["kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1"]).is_err()
        );
        assert!(parse(b"\xff").is_err());
    }
}
