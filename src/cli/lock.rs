//! One agent per node: two would say everything twice. An advisory lock on the state directory itself, so that it takes no
//! write: a node whose disk is full or read-only needs its agent most. The kernel takes it back when the holder ends, however
//! it ends; a file names the holder. While a DaemonSet rolls, the old agent may still be ending, so a held lock is waited for,
//! within a bound.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::model::Time;

/// How long a held lock is waited for: as long as a pod's default grace period.
const WAIT: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// In the state directory: who holds it.
pub const SIGNATURE: &str = "holder";

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
    file: File,
}

impl Lock {
    /// Whether what it locks is what is there by now.
    fn is_of(&self, dir: &Path) -> bool {
        let which = |of: fs::Metadata| (of.dev(), of.ino());
        let same = || Some(which(self.file.metadata().ok()?) == which(fs::metadata(dir).ok()?));
        same().unwrap_or_default()
    }
}

/// Why the node could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it and does not end.
    #[error("another agent runs on this node ({holder}) and holds {path}; remove one of the two", path = .path.display())]
    Held {
        /// The state directory.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The directory can't be made or locked.
    #[error("{path} can't be locked; give --state-dir a directory that this user may write to", path = .path.display())]
    Io {
        /// The state directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Takes the node: locks the directory, waiting 30 s for another holder to end.
///
/// # Errors
/// The other holder is still there, or the directory is none.
pub async fn acquire(dir: &Path, me: &Holder) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io { path: dir.to_owned(), source };
    fs::create_dir_all(dir).map_err(failed)?;
    let mut lock = wait(dir).await?;
    while !lock.is_of(dir) {
        // Whoever held it has removed the directory: the lock of what is gone keeps nobody away.
        fs::create_dir_all(dir).map_err(failed)?;
        lock = wait(dir).await?;
    }
    if let Err(error) = sign(dir, me) {
        warn!(%error, "the state directory can't be written; another agent would not be told who holds this node");
    }
    Ok(lock)
}

/// Locks a directory that is there, waiting 30 s for its holder to end. Makes nothing and signs nothing.
///
/// # Errors
/// The holder is still there, or the directory is none.
pub async fn wait(dir: &Path) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io { path: dir.to_owned(), source };
    let file = File::open(dir).map_err(failed)?;
    let deadline = Instant::now() + WAIT;
    let mut told = false;
    while !try_lock(&file).map_err(failed)? {
        let holder = holder(dir);
        if Instant::now() >= deadline {
            return Err(LockError::Held { path: dir.to_owned(), holder });
        }
        if !std::mem::replace(&mut told, true) {
            warn!(%holder, wait_seconds = WAIT.as_secs(), "another agent holds this node; waiting for it to end");
        }
        sleep(BETWEEN_TRIES).await;
    }
    if told {
        info!("the other agent ended; this one takes over");
    }
    Ok(Lock { file })
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn holder(dir: &Path) -> String {
    let signed = fs::read(dir.join(SIGNATURE)).ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
    signed.map_or_else(|| "who has not signed it".to_owned(), |holder| holder.to_string())
}

fn sign(dir: &Path, me: &Holder) -> io::Result<()> {
    fs::write(dir.join(SIGNATURE), serde_json::to_vec(me)?)
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
        assert!(super::holder(dir.path()).contains("pod new"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_its_holder_removes_is_made_anew_and_held() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let first = acquire(&state, &holder("old")).await.unwrap();
        let cleaning = async {
            sleep(Duration::from_secs(5)).await;
            fs::remove_dir_all(&state).unwrap();
            drop(first);
        };
        let ((), second) = tokio::join!(cleaning, async { acquire(&state, &holder("new")).await });
        let _second = second.unwrap();
        assert!(super::holder(&state).contains("pod new"));
        assert!(matches!(wait(&state).await, Err(LockError::Held { .. })), "what is there now is held");
    }

    #[tokio::test(start_paused = true)]
    async fn a_signature_that_can_not_be_written_does_not_keep_the_agent_from_its_node() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(SIGNATURE)).unwrap();
        let _lock = acquire(dir.path(), &holder("a")).await.unwrap();
        let said = acquire(dir.path(), &holder("b")).await.unwrap_err().to_string();
        assert!(said.contains("who has not signed it"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_is_none_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let said = acquire(&file, &holder("a")).await.unwrap_err().to_string();
        assert!(said.contains("/file can't") && said.contains("--state-dir"), "{said}");
    }
}
