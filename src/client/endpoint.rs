//! Where the runtime's socket is: the one that was given, or the first that is there among the places where runtimes put
//! theirs. It opens sockets and says in one line why it can't; it speaks no protocol.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::UnixStream;

use crate::model::runtime::{CallFailure, FailureKind};

/// Where runtimes listen by default, the likelier first: containerd, CRI-O, cri-dockerd, k3s and RKE2, k0s, MicroK8s. The
/// manifests in `deploy` mount the directory of each.
const DEFAULT_SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
];

/// A runtime's socket, given or to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// This one, as this process sees it.
    Given(PathBuf),
    /// The first of the default places that answers, each looked for under this root (`/` unless the host's directories
    /// are mounted elsewhere).
    Search(PathBuf),
}

/// What can't be a runtime's socket.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadEndpoint {
    /// Another scheme than `unix`.
    #[error("`{0}` is no Unix socket: give an absolute path, unix:///path, or auto")]
    OtherScheme(String),
    /// A relative path.
    #[error("`{0}` is a relative path: give an absolute path, unix:///path, or auto")]
    Relative(String),
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    /// A path, `unix:///path`, or `auto` for a search.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Search("/".into()));
        }
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")).unwrap_or(text);
        if path.contains("://") {
            return Err(BadEndpoint::OtherScheme(text.to_owned()));
        }
        if !path.starts_with('/') {
            return Err(BadEndpoint::Relative(text.to_owned()));
        }
        Ok(Self::Given(path.into()))
    }
}

impl Endpoint {
    /// The same, where a search is one below this root.
    #[must_use]
    pub fn below(self, root: &Path) -> Self {
        match self {
            Self::Search(_) => Self::Search(root.to_owned()),
            given @ Self::Given(_) => given,
        }
    }

    /// The paths to try, in order.
    #[must_use]
    pub fn candidates(&self) -> Vec<PathBuf> {
        match self {
            Self::Given(path) => vec![path.clone()],
            Self::Search(root) => DEFAULT_SOCKETS.iter().map(|path| root.join(path.trim_start_matches('/'))).collect(),
        }
    }

    /// The failure with its paths as the host names them: who reads it stands on the node, not in the agent's container.
    #[must_use]
    pub fn as_the_host_names(&self, mut failure: CallFailure) -> CallFailure {
        let Self::Search(root) = self else { return failure };
        if root == Path::new("/") {
            return failure;
        }
        if let Ok(inside) = failure.socket.strip_prefix(root) {
            let prefix = format!("{}/", root.display());
            failure.text = failure.text.replace(&prefix, "/");
            failure.socket = Path::new("/").join(inside);
        }
        failure
    }

    /// The failure where a search found nothing at any place.
    #[must_use]
    pub fn nothing_found(&self) -> CallFailure {
        let places = self.candidates();
        let list = places.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        CallFailure {
            kind: FailureKind::NoneFound,
            socket: places.into_iter().next().unwrap_or_default(),
            text: format!(
                "no container runtime's socket is at any of {list}: start the runtime, mount its socket's directory, or \
                 give the socket's path"
            ),
        }
    }
}

/// Which file a socket is: a restarted runtime makes a new one under the old name. The change time tells two files apart
/// where a file system hands out the freed inode number again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFile {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl SocketFile {
    /// The file at the path now; none if there is none or it can't be seen.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::of)
    }

    fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino(), changed: (file.ctime(), file.ctime_nsec()) }
    }
}

/// Opens the socket at that path.
///
/// # Errors
/// Says what is there instead, or why it can't be opened, and what to do.
pub async fn open(path: &Path) -> Result<(UnixStream, SocketFile), CallFailure> {
    let file = std::fs::metadata(path).map_err(|e| diagnosis(path, &e))?;
    if !file.file_type().is_socket() {
        let what = if file.is_dir() { "a directory" } else { "no socket" };
        let advice = "give the path of the runtime's socket, and mount its directory rather than the file";
        return Err(failure(FailureKind::NotASocket, path, format!("{} is {what}: {advice}", path.display())));
    }
    let stream = UnixStream::connect(path).await.map_err(|e| diagnosis(path, &e))?;
    Ok((stream, SocketFile::of(&file)))
}

fn diagnosis(path: &Path, error: &io::Error) -> CallFailure {
    let at = path.display();
    let (kind, text) = match error.kind() {
        io::ErrorKind::NotFound => (
            FailureKind::NoSocket,
            format!("no socket at {at}: start the container runtime, or mount the socket's directory"),
        ),
        io::ErrorKind::PermissionDenied => (
            FailureKind::PermissionDenied,
            format!("not allowed to open {at}: run as root, or change its group and mode"),
        ),
        io::ErrorKind::ConnectionRefused => (
            FailureKind::NobodyListens,
            format!(
                "nobody listens at {at}: start the container runtime; if it runs, mount the directory, not the socket"
            ),
        ),
        io::ErrorKind::WouldBlock => (
            FailureKind::TimedOut,
            format!("{at} takes no more connections: the container runtime hangs, look at its log and restart it"),
        ),
        _ => (FailureKind::Broken, format!("cannot open {at}: {error}")),
    };
    failure(kind, path, text)
}

fn failure(kind: FailureKind, path: &Path, text: String) -> CallFailure {
    CallFailure { kind, socket: path.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(path: &Path, kind: FailureKind) {
        let failure = open(path).await.map(|_| ()).unwrap_err();
        assert_eq!(failure.kind, kind, "{}", failure.text);
        assert!(failure.text.contains(&path.display().to_string()) && !failure.text.contains('\n'));
    }

    #[test]
    fn a_socket_is_given_as_path_or_as_url() {
        let given = Ok(Endpoint::Given("/run/x.sock".into()));
        for text in ["/run/x.sock", "unix:///run/x.sock", "unix:/run/x.sock"] {
            assert_eq!(text.parse(), given);
        }
        assert_eq!("auto".parse(), Ok(Endpoint::Search("/".into())));
        assert!(matches!("tcp://1.2.3.4:5".parse::<Endpoint>(), Err(BadEndpoint::OtherScheme(_))));
        assert!(matches!("run/x.sock".parse::<Endpoint>(), Err(BadEndpoint::Relative(_))));
    }

    #[test]
    fn a_failure_names_paths_as_the_host_does() {
        let endpoint = Endpoint::Search("/host".into());
        let failure = endpoint.as_the_host_names(endpoint.nothing_found());
        assert_eq!(failure.socket, Path::new("/run/containerd/containerd.sock"));
        assert!(
            failure.text.contains("any of /run/containerd/containerd.sock, /run/crio/crio.sock"),
            "{}",
            failure.text
        );
    }

    #[test]
    fn default_places_are_looked_for_under_the_host_root() {
        let places = Endpoint::Search("/host".into()).candidates();
        assert!(places.contains(&"/host/run/crio/crio.sock".into()));
        assert!(Endpoint::Search("/host".into()).nothing_found().text.contains("/host/run/k0s/containerd.sock"));
    }

    #[tokio::test]
    async fn each_way_not_to_be_a_socket_has_its_own_line() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        refused(&at("absent"), FailureKind::NoSocket).await;
        std::fs::write(at("file"), "").unwrap();
        refused(&at("file"), FailureKind::NotASocket).await;
        refused(folder.path(), FailureKind::NotASocket).await;
        drop(std::os::unix::net::UnixListener::bind(at("dead")).unwrap());
        refused(&at("dead"), FailureKind::NobodyListens).await;
    }

    #[test]
    fn a_forbidden_socket_is_told_from_a_missing_one() {
        let failure = diagnosis(Path::new("/s"), &io::ErrorKind::PermissionDenied.into());
        assert_eq!(failure.kind, FailureKind::PermissionDenied);
    }

    #[test]
    fn a_socket_that_cannot_be_opened_for_another_reason_is_not_said_to_have_no_listener() {
        let failure = diagnosis(Path::new("/s"), &io::Error::from_raw_os_error(91)); // EPROTOTYPE: it is no stream
        assert_eq!(failure.kind, FailureKind::Broken);
        assert!(failure.text.starts_with("cannot open /s: "), "{}", failure.text);
    }

    #[test]
    fn a_socket_made_anew_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _first = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let before = SocketFile::at(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(SocketFile::at(&path), None);
        let _second = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_ne!(SocketFile::at(&path), before);
    }
}
