//! One agent per node: two would say everything twice. An advisory lock on a file that names its holder; the kernel
//! takes it back when the holder ends, however it ends. While a DaemonSet rolls, the old agent may still be ending, so a
//! held lock is waited for, within a bound.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::model::Time;

/// How long a held lock is waited for: as long as a pod's default grace period.
const WAIT: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Who holds a node. What it says is for people; the lock itself does not depend on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// The pod, if it runs in one.
    pub pod: Option<String>,
    /// Its process id, in its own PID namespace.
    pub pid: u32,
    /// When it started.
    pub started: Time,
}

impl Holder {
    /// A holder to be.
    #[must_use]
    pub fn new(pod: Option<&str>, pid: u32, started: Time) -> Self {
        Self { pod: pod.map(str::to_owned), pid, started }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pod) = &self.pod {
            write!(f, "pod {pod}, ")?;
        }
        write!(f, "pid {}, started {}", self.pid, self.started)
    }
}

/// The lock, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the node could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it and does not end.
    #[error("another agent runs on this node ({holder}) and holds {path}; remove one of the two", path = .path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The file can't be made or locked.
    #[error("{path} can't be locked; give --state-dir a directory that this user may write to", path = .path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Takes the node: locks the file `lock` in `dir`, waiting 30 s for another holder to end.
///
/// # Errors
/// The other holder is still there, or the file can't be written.
pub async fn acquire(dir: &Path, me: &Holder) -> Result<Lock, LockError> {
    let path = dir.join("lock");
    let failed = |source| LockError::Io { path: path.clone(), source };
    let file = open(dir, &path).map_err(failed)?;
    let deadline = Instant::now() + WAIT;
    let mut told = false;
    while !try_lock(&file).map_err(failed)? {
        let holder = holder(&path);
        if Instant::now() >= deadline {
            return Err(LockError::Held { path, holder });
        }
        if !std::mem::replace(&mut told, true) {
            warn!(%holder, wait_seconds = WAIT.as_secs(), "another agent holds this node; waiting for it to end");
        }
        sleep(BETWEEN_TRIES).await;
    }
    if told {
        info!("the other agent ended; this one takes over");
    }
    sign(file, me).map_err(failed)
}

fn open(dir: &Path, path: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn holder(path: &Path) -> String {
    let signed = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
    signed.map_or_else(|| "who has not signed it".to_owned(), |holder| holder.to_string())
}

fn sign(mut file: File, me: &Holder) -> io::Result<Lock> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&serde_json::to_vec(me)?)?;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pod: &str) -> Holder {
        Holder::new(Some(pod), 7, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_agent_waits_names_the_holder_and_gives_up() {
        let dir = tempfile::tempdir().unwrap();
        let _first = acquire(dir.path(), &holder("kubewhy-abc")).await.unwrap();
        let begun = Instant::now();
        let error = acquire(dir.path(), &holder("kubewhy-xyz")).await.unwrap_err();
        assert!(begun.elapsed() >= WAIT && begun.elapsed() < WAIT + Duration::from_secs(1));
        let said = error.to_string();
        assert!(said.contains("pod kubewhy-abc, pid 7, started 2026-01-01T00:00:00Z"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_agent_takes_over_when_the_first_ends() {
        let dir = tempfile::tempdir().unwrap();
        let first = acquire(dir.path(), &holder("old")).await.unwrap();
        let ending = async {
            sleep(Duration::from_secs(5)).await;
            drop(first);
        };
        let ((), second) = tokio::join!(ending, async { acquire(dir.path(), &holder("new")).await });
        let _second = second.unwrap();
        assert!(super::holder(&dir.path().join("lock")).contains("pod new"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_can_not_be_written_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let said = acquire(&file, &holder("a")).await.unwrap_err().to_string();
        assert!(said.contains("file/lock") && said.contains("--state-dir"), "{said}");
    }
}
