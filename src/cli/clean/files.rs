//! The agent's own files and directories on the node: each is removed by its name, if it is of the kind that the agent makes.
//! Never follows a symbolic link, never removes what bears another name, and no directory that holds such. Blocking.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::account::{Item, Kind, Outcome};
use crate::cli::lock::SIGNATURE;
use crate::config::ACCEPTED;
use crate::report::{history, journal};
use crate::serve::api;

/// What a directory bears for a name that the agent made for itself alone.
const OWN_NAME: &str = "kubewhy";
/// So many strangers in a directory are named.
const NAMED: usize = 3;

/// What there may be, the content of each directory before it.
pub(super) struct Files {
    own: Vec<(PathBuf, Kind)>,
}

impl Files {
    /// Of agents with this state directory and this socket. The socket's directory is ours if it bears our name, and another one may
    /// be anybody's; an agent without a state directory has its lock there.
    pub(super) fn of(state_dir: &Path, socket: &Path) -> Self {
        let (state_dir, socket) = (plain(state_dir), plain(socket));
        let [unborn, nursery] = api::unborn(&socket);
        let of_socket = socket.parent().filter(|dir| dir.file_name() == Some(OsStr::new(OWN_NAME))).map(Path::to_owned);
        let dirs: BTreeSet<PathBuf> = of_socket.iter().cloned().chain([state_dir.clone()]).collect();
        let files = state_files().map(|name| state_dir.join(name)).chain(of_socket.map(|dir| dir.join(SIGNATURE)));
        let files = files.map(|file| (file, Kind::File));
        let sockets = [(unborn, Kind::Socket), (nursery, Kind::Directory), (socket, Kind::Socket)];
        let own = files.chain(sockets).chain(dirs.into_iter().map(|dir| (dir, Kind::Directory))).collect();
        Self { own }
    }

    /// The directories among them that an agent may hold, each once, as they are named without links.
    pub(super) fn held(&self) -> BTreeSet<PathBuf> {
        let signed = self.own.iter().filter(|(path, _)| path.ends_with(SIGNATURE));
        signed.filter_map(|(path, _)| fs::canonicalize(path.parent()?).ok()).collect()
    }

    /// Removes what is there, or with `dry_run` only says what is.
    pub(super) fn sweep(&self, dry_run: bool) -> Vec<Item> {
        self.own.iter().filter_map(|(path, kind)| self.take(path, *kind, dry_run)).collect()
    }

    fn take(&self, path: &Path, kind: Kind, dry_run: bool) -> Option<Item> {
        if self.behind_link(path) {
            return None;
        }
        let item = Item::new(kind, path.display().to_string(), Outcome::Found);
        let is = match fs::symlink_metadata(path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            Err(error) => return Some(item.of(Err(refused(&error)))),
            Ok(is) => is.file_type(),
        };
        if kind == Kind::Directory && is.is_symlink() {
            return Some(item.of(Err("it is a symbolic link, and none is followed; name the place that it leads to")));
        }
        if !is_of(is, kind) {
            let left = Item { outcome: Outcome::Left, ..item };
            return Some(left.saying(format!("it is {}, which kubewhy never makes there", what(is))));
        }
        Some(match kind {
            Kind::Directory => self.take_directory(path, item, dry_run),
            _ if dry_run => item,
            _ => item.of(fs::remove_file(path).map_err(|error| refused(&error))),
        })
    }

    /// What a link leads to is somebody else's place.
    fn behind_link(&self, path: &Path) -> bool {
        let dirs = self.own.iter().filter(|(_, kind)| *kind == Kind::Directory).map(|(dir, _)| dir);
        let above = dirs.filter(|dir| *dir != path && path.starts_with(dir));
        above.into_iter().any(|dir| fs::symlink_metadata(dir).is_ok_and(|is| is.is_symlink()))
    }

    fn take_directory(&self, dir: &Path, item: Item, dry_run: bool) -> Item {
        let strangers = match self.strangers(dir) {
            Ok(strangers) => strangers,
            Err(error) => return item.of(Err(refused(&error))),
        };
        if !strangers.is_empty() {
            let left = Item { outcome: Outcome::Left, ..item };
            return left.saying(format!("it holds what is not kubewhy's: {}", listed(&strangers)));
        }
        if dry_run {
            return item;
        }
        match fs::remove_dir(dir) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => item.of(Err(
                "it is empty, and mounted here; remove it on the node, or run this where the directory above it is seen",
            )),
            // What could not be removed has its own line.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => item.of(Err("it is not empty yet")),
            removed => item.of(removed.map_err(|error| refused(&error))),
        }
    }

    fn strangers(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut strangers = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let (path, is) = (entry.path(), entry.file_type()?);
            if !self.own.iter().any(|(own, kind)| *own == path && is_of(is, *kind)) {
                strangers.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        strangers.sort();
        Ok(strangers)
    }
}

/// All that agents keep in their state directory.
fn state_files() -> impl Iterator<Item = &'static str> {
    [SIGNATURE].into_iter().chain(ACCEPTED).chain(journal::NAMES).chain(history::NAMES)
}

/// Without a slash at the end, by which a link would be followed.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

fn is_of(is: FileType, kind: Kind) -> bool {
    match kind {
        Kind::Directory => is.is_dir(),
        Kind::Socket => is.is_socket(),
        _ => is.is_file(),
    }
}

fn refused(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("{error}; run this as the agent's user, which is root"),
        ErrorKind::ReadOnlyFilesystem => format!("{error}; mount it so that it can be written to, and run this again"),
        _ => error.to_string(),
    }
}

fn what(is: FileType) -> &'static str {
    match is {
        is if is.is_symlink() => "a symbolic link",
        is if is.is_dir() => "a directory",
        is if is.is_file() => "a file",
        is if is.is_socket() => "a socket",
        _ => "a device or a pipe",
    }
}

fn listed(names: &[String]) -> String {
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
