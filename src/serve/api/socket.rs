//! The socket's file: nobody but this user can open it, from the first moment on; what a dead agent left is replaced, what
//! a live one serves is not; and it is removed at the end, if it is still ours.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::client::endpoint::SocketFile;

/// Only the owner may connect.
const MODE: u32 = 0o600;
/// Only the owner may even see it, until it has its mode.
const NURSERY_MODE: u32 = 0o700;
const UNBORN: &str = "s";

/// Why the socket can't be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    /// Somebody answers there.
    #[error("another agent serves {path}; give this one another --api-socket", path = .0.display())]
    Taken(PathBuf),
    /// What is there is no socket and not ours to remove.
    #[error("{path} is no socket; remove it or give another --api-socket", path = .0.display())]
    NoSocket(PathBuf),
    /// The file can't be made.
    #[error("{path} can't be made; give --api-socket a path in a directory that this user may write to", path = .path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A socket that listens; its file goes with it.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    file: Option<SocketFile>,
}

impl Socket {
    /// Listens at the path. The directory is made if it is missing.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(super) async fn listen(path: &Path) -> Result<(Self, UnixListener), SocketError> {
        vacate(path).await?;
        let failed = |source| SocketError::Io { path: path.to_owned(), source };
        let listener = bind(path).map_err(failed)?;
        Ok((Self { path: path.to_owned(), file: SocketFile::at(path) }, listener))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = self.file.is_some() && SocketFile::at(&self.path) == self.file;
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(socket = %self.path.display(), %error, "the socket stays behind");
        }
    }
}

/// Makes sure that nobody loses their socket or their file to us. What a dead agent left is replaced by the renaming.
async fn vacate(path: &Path) -> Result<(), SocketError> {
    if is_served(path).await {
        return Err(SocketError::Taken(path.to_owned()));
    }
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => Err(SocketError::NoSocket(path.to_owned())),
        _ => Ok(()),
    }
}

/// Whether somebody listens there; also one on whom so many wait that it can't take another.
pub async fn is_served(path: &Path) -> bool {
    UnixStream::connect(path).await.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |_| true)
}

/// What an agent that was killed while it made its socket has left beside it: a socket, and the directory that it is in.
#[must_use]
pub fn unborn(path: &Path) -> [PathBuf; 2] {
    let nursery = nursery_of(path);
    [nursery.join(UNBORN), nursery]
}

/// A socket gets its mode only after it was made, so it is made where nobody else can reach it and moved when it is ready.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let nursery = nursery_of(path);
    clear(&nursery)?;
    DirBuilder::new().mode(NURSERY_MODE).create(&nursery)?;
    let bound = bind_in(&nursery, path);
    let cleared = clear(&nursery);
    let listener = bound?;
    cleared.map(|()| listener)
}

fn bind_in(nursery: &Path, path: &Path) -> io::Result<UnixListener> {
    let unborn = nursery.join(UNBORN);
    let listener = UnixListener::bind(&unborn)?;
    fs::set_permissions(&unborn, Permissions::from_mode(MODE))?;
    fs::rename(&unborn, path)?;
    Ok(listener)
}

/// Beside the socket, for it is renamed.
fn nursery_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// Removes what we made there and nothing else.
fn clear(nursery: &Path) -> io::Result<()> {
    let gone = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(fs::remove_file(nursery.join(UNBORN))).and_then(|()| gone(fs::remove_dir(nursery)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn only_the_owner_may_open_it_and_nothing_else_is_left_in_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/kubewhy.sock");
        let (socket, _listener) = Socket::listen(&path).await.unwrap();
        assert_eq!(mode(&path), 0o600);
        UnixStream::connect(&path).await.unwrap();
        let there: Vec<_> = fs::read_dir(dir.path().join("run")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(there, std::slice::from_ref(&path));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_dead_agent_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubewhy.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        DirBuilder::new().create(nursery_of(&path)).unwrap();
        fs::write(nursery_of(&path).join(UNBORN), "").unwrap();
        let (_socket, _listener) = Socket::listen(&path).await.unwrap();
        assert_eq!(mode(&path), 0o600);
        UnixStream::connect(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_live_agent_keeps_its_socket_and_a_file_is_nobody_elses_to_remove() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubewhy.sock");
        let (_first, _listener) = Socket::listen(&path).await.unwrap();
        let refused = Socket::listen(&path).await.unwrap_err();
        assert!(matches!(refused, SocketError::Taken(_)), "{refused}");
        UnixStream::connect(&path).await.unwrap();

        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        let refused = Socket::listen(&file).await.unwrap_err();
        assert!(matches!(refused, SocketError::NoSocket(_)), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_socket_that_is_another_agents_by_now_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubewhy.sock");
        let (first, _listener) = Socket::listen(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let (_second, _its_listener) = Socket::listen(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_directory_that_can_not_be_made_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let said = Socket::listen(&dir.path().join("file/kubewhy.sock")).await.unwrap_err().to_string();
        assert!(said.contains("file/kubewhy.sock") && said.contains("--api-socket"), "{said}");
    }
}
