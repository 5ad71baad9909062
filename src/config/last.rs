//! The last accepted file, kept in the agent's state directory, so that an agent restarted beside a bad file goes on as
//! it did. Holds the bytes as they were: what another version of the agent makes of them is for it to judge.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file, and the next one while it is written.
pub const NAMES: [&str; 2] = ["config.accepted.yaml", "config.accepted.new"];

/// Where it is kept, if anywhere.
#[derive(Clone, Debug)]
pub(super) struct LastAccepted {
    file: Option<PathBuf>,
}

impl LastAccepted {
    /// Kept in `state_dir`; without one, nothing is kept.
    pub(super) fn new(state_dir: Option<&Path>) -> Self {
        Self { file: state_dir.map(|dir| dir.join(NAMES[0])) }
    }

    /// The bytes kept, if there are any that can be read.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        fs::read(self.file.as_ref()?).ok()
    }

    /// Keeps these bytes. A crash leaves the old ones or the new ones.
    pub(super) fn keep(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let new = file.with_file_name(NAMES[1]);
        fs::write(&new, bytes)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, file)
    }
}
