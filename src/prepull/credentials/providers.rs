//! The plugins of one configuration, asked for an image one after another in their order, as the kubelet asks them
//! (Kubernetes: pkg/credentialprovider/plugin/plugins.go). One that fails is passed over while another knows credentials.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cache::Cache;
use super::configuration::{self, Fault, Provider};
use super::error::{CredentialError, PluginError};
use super::keyring::Keyring;
use super::location::Location;
use super::plugin::{self, Plugin};
use super::reading;
use super::turns::Turns;
use crate::client::cri::auth::RegistryAuth;
use crate::clock::Clock;
use crate::model::after;

/// What is known of plugins.
pub(super) struct Providers {
    clock: Clock,
    cache: Mutex<Cache>,
    turns: Turns<(Arc<Plugin>, Location)>,
    /// How long a plugin may take.
    patience: Duration,
}

/// Reads a configuration. Blocks, briefly.
pub(super) fn read(path: &Path) -> Result<Vec<Provider>, CredentialError> {
    let mut providers = Vec::new();
    for (file, content) in reading::configurations(path)? {
        providers.extend(configuration::parse(&content).map_err(|fault| told(&file, fault))?);
    }
    configuration::checked(providers).map_err(|fault| told(path, fault))
}

fn told(path: &Path, fault: Fault) -> CredentialError {
    match fault {
        Fault::Broken(line, column) => CredentialError::Broken(path.to_owned(), line, column),
        Fault::Refused(what) => CredentialError::Providers(path.to_owned(), what),
    }
}

impl Providers {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, cache: Mutex::default(), turns: Turns::default(), patience: plugin::ANSWERS_WITHIN }
    }

    /// The credentials for an image, best first. None: no plugin serves it, or none has any for it.
    pub(super) async fn find(
        &self,
        providers: Vec<Provider>,
        bin_dir: &Path,
        image: &Location,
    ) -> Result<Vec<RegistryAuth>, CredentialError> {
        let mut keyring = Keyring::default();
        let mut first_failure = None;
        for provider in providers.into_iter().filter(|provider| provider.serves(image)) {
            let name = provider.name.clone();
            match self.ask(Arc::new(Plugin::new(bin_dir, provider)), image).await {
                Ok(answer) => keyring.take(&answer),
                Err(error) => {
                    tracing::warn!(provider = name, image = image.as_str(), %error, "a credential provider is passed over");
                    first_failure.get_or_insert(CredentialError::Plugin(name, error));
                }
            }
        }
        let found = keyring.find(image);
        first_failure.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    }

    async fn ask(&self, plugin: Arc<Plugin>, image: &Location) -> Result<Keyring, PluginError> {
        if plugin.provider.needs_pod() {
            return Err(PluginError::NeedsPod);
        }
        let _turn = self.turns.wait((Arc::clone(&plugin), image.clone())).await;
        if let Some(known) = self.cache().get(&plugin, image, self.clock.now()) {
            return Ok(known);
        }
        let answer = plugin.ask(image, self.patience).await?;
        let lasts = answer.lasts.unwrap_or(plugin.provider.usual_span());
        if !lasts.is_zero() {
            let now = self.clock.now();
            self.cache().put((&plugin, answer.scope, image), answer.keyring.clone(), (now, after(now, lasts)));
        }
        Ok(answer.keyring)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
