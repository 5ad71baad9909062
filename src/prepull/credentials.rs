//! Registry credentials for an image, as the kubelet would find them: from a file in the form of `~/.docker/config.json`, or
//! from the kubelet's own credential-provider plugins. Read anew for every pull, so that a rotated Secret is picked up.
//! Never prints what it read or heard.

mod cache;
mod configuration;
mod docker_config;
mod error;
mod keyring;
mod location;
mod mark;
mod plugin;
mod providers;
mod reading;
mod request;
mod span;
mod turns;

use std::sync::Arc;

pub use self::error::{CredentialError, PluginError};
use self::location::Location;
pub use self::mark::Mark;
use self::providers::Providers;
use self::reading::Reader;
use crate::client::cri::auth::RegistryAuth;
use crate::clock::Clock;
use crate::model::settings::CredentialSource;

/// Finds credentials, and knows what plugins said as long as that is good. Cheap to copy; all copies know the same.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    reader: Reader,
    providers: Providers,
}

impl Credentials {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { reader: Reader::default(), providers: Providers::new(clock) }))
    }

    /// The credentials for an image, in the order in which the kubelet would try them; empty where the source has none for
    /// it. Stops all that it started when it is dropped.
    ///
    /// # Errors
    ///
    /// Where the source can't be read, and where it has a plugin for the image but none gave an answer that can be used.
    pub async fn find(&self, source: &CredentialSource, image: &str) -> Result<Vec<RegistryAuth>, CredentialError> {
        let image = Location::of_image(image);
        match source {
            CredentialSource::File(path) => {
                let content = self.0.reader.ask(path, reading::whole).await?;
                let broken = |(line, column)| CredentialError::Broken(path.clone(), line, column);
                Ok(docker_config::parse(&content).map_err(broken)?.find(&image))
            }
            CredentialSource::Providers { config, bin_dir } => {
                let providers = self.0.reader.ask(config, providers::read).await?;
                self.0.providers.find(providers, bin_dir, &image).await
            }
        }
    }

    /// What the source is made of now; none where it can't be read. A pull that was refused for lack of rights is worth a try
    /// as soon as this changes.
    pub async fn mark(&self, source: &CredentialSource) -> Option<Mark> {
        let about = source.clone();
        self.0.reader.ask(mark::place(source), move |_| mark::read(&about)).await.ok()
    }
}

/// Tells nothing.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests;
