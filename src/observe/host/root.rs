//! Paths of the host as this process sees them: below a prefix, with symbolic links followed inside that prefix. The
//! kernel would follow an absolute link to this container's own files instead.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows (MAXSYMLINKS, linux/namei.h).
const LINKS_AT_MOST: usize = 40;

/// The directory where the host's root is visible; `/` outside a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root<'a>(pub(super) &'a Path);

/// Why a path of the host leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// It is not there.
    #[error("not found")]
    Missing,
    /// It can never be opened, by nobody.
    #[error("{0}")]
    Unusable(&'static str),
    /// It was read, and makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// This process can't tell.
    #[error("{0}")]
    Unknown(String),
}

impl Root<'_> {
    /// Where `path` of the host is for this process.
    pub(super) fn find(self, path: &Path) -> Result<PathBuf, Lost> {
        if !self.sees(path) {
            return Err(Lost::Unknown(format!("{} of the host is not mounted", path.display())));
        }
        let mut ahead: VecDeque<OsString> = names(path).collect();
        let mut here = PathBuf::new();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            let at = self.0.join(&here).join(&name);
            if !at.symlink_metadata().map_err(|error| self.lost(path, &error, links))?.is_symlink() {
                here.push(name);
                continue;
            }
            links += 1;
            if links > LINKS_AT_MOST {
                return Err(Lost::Unusable("a loop of symbolic links"));
            }
            let target = fs::read_link(&at).map_err(|error| self.lost(path, &error, links))?;
            if target.is_absolute() {
                here.clear();
            }
            names(&target).rev().for_each(|name| ahead.push_front(name));
        }
        Ok(self.0.join(here))
    }

    /// Reads a regular file of the host, at most `limit` bytes. Never waits for a writer, as reading a FIFO would.
    pub(super) fn read(self, path: &Path, limit: u64) -> Result<Vec<u8>, Lost> {
        let found = self.find(path)?;
        let failed = |error: io::Error| self.lost(path, &error, 0);
        if !found.metadata().map_err(failed)?.is_file() {
            return Err(Lost::Unusable("not a regular file"));
        }
        let file = open(&found).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut content = Vec::new();
        if size <= limit {
            file.take(limit + 1).read_to_end(&mut content).map_err(failed)?;
        }
        match size.max(content.len() as u64) > limit {
            true => Err(Lost::Unusable("far too large")),
            false => Ok(content),
        }
    }

    /// Whether the part of the host that holds `path` is mounted here at all. Outside a container everything is.
    fn sees(self, path: &Path) -> bool {
        self.0 == Path::new("/") || names(path).next().is_none_or(|top| self.0.join(top).symlink_metadata().is_ok())
    }

    /// A link below a prefix may lead to a part of the host that is not mounted: what it leads to is unknown.
    fn lost(self, path: &Path, error: &io::Error, links: usize) -> Lost {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory if links == 0 || self.0 == Path::new("/") => Lost::Missing,
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                Lost::Unknown(format!("{} is a link to what is not mounted here", path.display()))
            }
            _ => Lost::Unknown(format!("{}: {error}", path.display())),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    #[expect(clippy::cast_possible_wrap, reason = "open(2) takes its flags as an int")]
    let without_waiting = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    OpenOptions::new().read(true).custom_flags(without_waiting).open(path)
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn absolute_links_are_followed_inside_the_prefix() {
        let host = tempfile::tempdir().unwrap();
        fs::create_dir_all(host.path().join("var/lib/cni")).unwrap();
        fs::create_dir_all(host.path().join("etc")).unwrap();
        symlink("/var/lib/../lib/cni", host.path().join("etc/cni")).unwrap();
        let found = Root(host.path()).find(Path::new("/etc/cni")).unwrap();
        assert_eq!(found, host.path().join("var/lib/cni"));
    }

    #[test]
    fn a_link_out_of_what_is_mounted_is_unknown_and_a_loop_is_no_file() {
        let host = tempfile::tempdir().unwrap();
        symlink("/run/elsewhere", host.path().join("out")).unwrap();
        symlink("/loop", host.path().join("loop")).unwrap();
        let root = Root(host.path());
        assert!(matches!(root.find(Path::new("/out")), Err(Lost::Unknown(_))));
        assert!(matches!(root.find(Path::new("/loop")), Err(Lost::Unusable(_))));
        assert!(matches!(root.find(Path::new("/nowhere/at/all")), Err(Lost::Unknown(_))));
    }
}
