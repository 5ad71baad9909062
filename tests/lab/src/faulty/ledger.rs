//! What the misbehaving registry was asked for and gave: by repository, and by blob whatever repository it was taken from.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What a repository was asked for and gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// Requests of any kind.
    pub requests: u64,
    /// Bytes of blobs handed to connections.
    pub bytes: u64,
    /// When the last request came or the last byte went.
    pub last: Option<Timestamp>,
}

/// What was given of one blob, by all repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// How often it was begun.
    pub times: u64,
    /// How often with the rest alone, by a `Range`.
    pub rests: u64,
    /// Bytes handed to connections.
    pub bytes: u64,
}

/// The books.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    repositories: BTreeMap<String, Served>,
    blobs: BTreeMap<String, Sent>,
}

impl Ledger {
    pub(super) fn served(&self, repository: &str) -> Served {
        self.repositories.get(repository).copied().unwrap_or_default()
    }

    pub(super) fn sent(&self, digest: &str) -> Sent {
        self.blobs.get(digest).copied().unwrap_or_default()
    }

    pub(super) fn asked(&mut self, repository: &str) {
        self.of(repository).requests += 1;
    }

    pub(super) fn begun(&mut self, digest: &str, is_rest: bool) {
        let sent = self.blobs.entry(digest.to_owned()).or_default();
        sent.times += 1;
        sent.rests += u64::from(is_rest);
    }

    pub(super) fn gave(&mut self, repository: &str, digest: &str, bytes: u64) {
        self.of(repository).bytes += bytes;
        self.blobs.entry(digest.to_owned()).or_default().bytes += bytes;
    }

    /// The repository's entry, to be written now.
    fn of(&mut self, repository: &str) -> &mut Served {
        let served = self.repositories.entry(repository.to_owned()).or_default();
        served.last = Some(Timestamp::now());
        served
    }
}
