//! The agent's own files in its state directory: how they are opened, and that they are written on a thread of their own. A disk
//! that hangs holds up nothing but that thread. It knows nothing of what stands in them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A write is waited for so long, once.
const PATIENCE: Duration = Duration::from_secs(1);
/// For the agent's own user alone: they name pods of all namespaces.
const MODE: u32 = 0o600;

/// Opens a file to read it and as `options` say, or makes it.
///
/// # Errors
/// It can't be opened, or is no regular file: what is none may never answer.
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|is| !is.is_file()) {
        return Err(io::Error::other(format!("{} is no regular file; remove it", path.display())));
    }
    options.read(true).create(true).mode(MODE).open(path)
}

/// Files of which at most one write is under way, and what comes of each.
#[derive(Debug)]
pub(super) struct Aside<Files, Outcome> {
    idle: Option<Files>,
    writing: Option<oneshot::Receiver<(Files, Outcome)>>,
}

impl<Files: Send + 'static, Outcome: Send + 'static> Aside<Files, Outcome> {
    pub(super) fn of(files: Files) -> Self {
        Self { idle: Some(files), writing: None }
    }

    /// No write is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.is_some()
    }

    /// Writes, and waits for that a little; none where it goes on, or an earlier one does, in whose place none is begun.
    pub(super) async fn write(
        &mut self,
        write: impl FnOnce(&mut Files) -> Outcome + Send + 'static,
    ) -> Option<Outcome> {
        let mut files = self.idle.take()?;
        let (done, mut writing) = oneshot::channel();
        spawn_blocking(move || {
            let outcome = write(&mut files);
            drop(done.send((files, outcome)));
        });
        match timeout(PATIENCE, &mut writing).await {
            Ok(written) => self.settle(written.ok()?),
            Err(_) => {
                self.writing = Some(writing);
                None
            }
        }
    }

    /// What came of a write that was not waited for to its end, once.
    pub(super) fn land(&mut self) -> Option<Outcome> {
        let written = self.writing.as_mut()?.try_recv().ok()?;
        self.settle(written)
    }

    /// Such as of a disk that hangs, and how to end that.
    #[cfg(test)]
    pub(super) fn hung() -> (Self, oneshot::Sender<(Files, Outcome)>) {
        let (done, writing) = oneshot::channel();
        (Self { idle: None, writing: Some(writing) }, done)
    }

    fn settle(&mut self, (files, outcome): (Files, Outcome)) -> Option<Outcome> {
        (self.idle, self.writing) = (Some(files), None);
        Some(outcome)
    }
}
