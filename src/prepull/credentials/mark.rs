//! Whether what credentials come from changed: a file's content, or the configuration of the plugins and their programs.
//! Only a digest of it is kept, and that is never printed.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::CredentialError;
use super::{providers, reading};
use crate::model::settings::CredentialSource;

/// Equal to another of the same source while nothing changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Mark([u8; 32]);

/// Its digest could tell a short password.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark")
    }
}

/// The mark as it is now. Blocks, briefly.
pub(super) fn read(source: &CredentialSource) -> Result<Mark, CredentialError> {
    let mut digest = Sha256::new();
    let mut add = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    match source {
        CredentialSource::File(path) => add(&reading::whole(path)?),
        CredentialSource::Providers { config, bin_dir } => {
            reading::configurations(config)?.iter().for_each(|(_, content)| add(content));
            for provider in providers::read(config)? {
                let identity = reading::identity(&bin_dir.join(&provider.name));
                identity.into_iter().flatten().for_each(|number| add(&number.to_be_bytes()));
            }
        }
    }
    Ok(Mark(digest.finalize().into()))
}

/// Where the source begins.
pub(super) fn place(source: &CredentialSource) -> &Path {
    match source {
        CredentialSource::File(path) => path,
        CredentialSource::Providers { config, .. } => config,
    }
}
