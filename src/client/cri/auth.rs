//! Credentials for one registry, on their way to `PullImage`. They can be made and handed over, never printed.

use std::fmt;

use k8s_cri::v1::AuthConfig;

/// Credentials for one registry. Its `Debug` tells only that there are some.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryAuth(Secret);

#[derive(Clone, PartialEq, Eq)]
enum Secret {
    Basic { user: String, password: String },
    IdentityToken(String),
}

impl RegistryAuth {
    /// A user's name and password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Secret::Basic { user: user.into(), password: password.into() })
    }

    /// An OAuth2 refresh token (`identitytoken` of a docker configuration).
    #[must_use]
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self(Secret::IdentityToken(token.into()))
    }

    /// As CRI takes it. `server_address` stays empty: containerd drops the credentials where its host does not parse to
    /// the image's (containerd: internal/cri/server/images/image_pull.go ParseAuth).
    pub(super) fn into_wire(self) -> AuthConfig {
        match self.0 {
            Secret::Basic { user, password } => AuthConfig { username: user, password, ..AuthConfig::default() },
            Secret::IdentityToken(token) => AuthConfig { identity_token: token, ..AuthConfig::default() },
        }
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryAuth([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_printed() {
        let auth = RegistryAuth::basic("bob", "hunter2");
        assert_eq!(format!("{auth:?} {:#?}", Some(&auth)).matches("[redacted]").count(), 2);
        assert!(!format!("{auth:?}").contains("bob") && !format!("{auth:?}").contains("hunter2"));
    }

    #[test]
    fn the_server_address_stays_empty() {
        let wire = RegistryAuth::basic("bob", "hunter2").into_wire();
        assert_eq!((&*wire.username, &*wire.password, &*wire.server_address), ("bob", "hunter2", ""));
    }
}
