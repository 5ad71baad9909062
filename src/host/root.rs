//! Paths of the host as this process sees them: below a prefix, with symbolic links followed inside that prefix. The
//! kernel would follow an absolute link to this container's own files instead.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::mounts::Mounts;

/// As many links as Linux follows (MAXSYMLINKS, linux/namei.h).
const LINKS_AT_MOST: usize = 40;

/// What is read at once: most files of `/proc`, whose sizes nobody tells, are shorter.
const READ_AT_ONCE: usize = 1 << 10;

/// The directory where the host's root is visible, `/` outside a container, and what is mounted there.
#[derive(Clone, Copy, Debug)]
pub struct Root<'a>(pub &'a Mounts);

/// Why a path of the host leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
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
    pub fn find(self, path: &Path) -> Result<PathBuf, Lost> {
        let mut ahead: VecDeque<OsString> = names(path).collect();
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            here.push(name);
            let at = self.seen(&here);
            if !at.symlink_metadata().map_err(|error| self.lost(path, &here, &error))?.is_symlink() {
                continue;
            }
            links += 1;
            if links > LINKS_AT_MOST {
                return Err(Lost::Unusable("a loop of symbolic links"));
            }
            let target = fs::read_link(&at).map_err(|error| self.lost(path, &here, &error))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            } else {
                here.pop();
            }
            names(&target).rev().for_each(|name| ahead.push_front(name));
        }
        if self.0.show(&here) { Ok(self.seen(&here)) } else { Err(not_mounted(path, &here)) }
    }

    /// Opens a regular file of the host. Never waits for a writer, as opening a FIFO would.
    fn file(self, path: &Path) -> Result<File, Lost> {
        let found = self.find(path)?;
        let failed = |error: io::Error| self.lost(path, path, &error);
        if !found.metadata().map_err(failed)?.is_file() {
            return Err(Lost::Unusable("not a regular file"));
        }
        open(&found).map_err(failed)
    }

    /// Reads a regular file of the host, at most `limit` bytes.
    pub fn read(self, path: &Path, limit: u64) -> Result<Vec<u8>, Lost> {
        let file = self.file(path)?;
        let size = file.metadata().map_err(|error| self.lost(path, path, &error))?.len();
        let content = if size <= limit { self.up_to(limit + 1, file, path)? } else { Vec::new() };
        match size.max(content.len() as u64) > limit {
            true => Err(Lost::Unusable("far too large")),
            false => Ok(content),
        }
    }

    /// Opens a file or a character device of the host to read it bit by bit. Never waits, neither here nor when it is read.
    pub fn open(self, path: &Path) -> Result<File, Lost> {
        let found = self.find(path)?;
        let failed = |error: io::Error| self.lost(path, path, &error);
        let kind = found.metadata().map_err(failed)?.file_type();
        if !kind.is_file() && !kind.is_char_device() {
            return Err(Lost::Unusable("neither a file nor a device"));
        }
        open(&found).map_err(failed)
    }

    /// The host's own name of a path that was found.
    #[must_use]
    pub fn named(self, found: &Path) -> PathBuf {
        Path::new("/").join(found.strip_prefix(self.0.prefix()).unwrap_or(found))
    }

    /// The first bytes of a regular file of the host, however large it is.
    pub fn head(self, path: &Path, limit: u64) -> Result<Vec<u8>, Lost> {
        self.up_to(limit, self.file(path)?, path)
    }

    /// The first bytes of what lies where something was found: in `/proc`, where there are no links on the way and thousands
    /// of files.
    pub fn head_at(self, found: &Path, limit: u64) -> Result<Vec<u8>, Lost> {
        let file = open(found).map_err(|error| self.lost(found, found, &error))?;
        self.up_to(limit, file, found)
    }

    /// The last bytes of a regular file of the host, however large it is.
    pub fn tail(self, path: &Path, limit: u64) -> Result<Vec<u8>, Lost> {
        let mut file = self.file(path)?;
        let failed = |error: io::Error| self.lost(path, path, &error);
        let size = file.metadata().map_err(failed)?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(limit))).map_err(failed)?;
        self.up_to(limit, file, path)
    }

    fn up_to(self, limit: u64, file: File, path: &Path) -> Result<Vec<u8>, Lost> {
        let mut content = Vec::with_capacity(READ_AT_ONCE);
        file.take(limit).read_to_end(&mut content).map_err(|error| self.lost(path, path, &error))?;
        Ok(content)
    }

    /// A path of the host as this process names it.
    fn seen(self, path: &Path) -> PathBuf {
        self.0.prefix().join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The search for `path` ended `here`. That nothing is there counts only where the host's files are seen.
    fn lost(self, path: &Path, here: &Path, error: &io::Error) -> Lost {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory if self.0.show(here) => Lost::Missing,
            ErrorKind::NotFound | ErrorKind::NotADirectory => not_mounted(path, here),
            _ => Lost::Unknown(format!("{}: {error}", path.display())),
        }
    }
}

fn not_mounted(path: &Path, here: &Path) -> Lost {
    let path = path.display();
    Lost::Unknown(match here.display().to_string() {
        here if path.to_string().starts_with(&here) => format!("{path} of the host is not mounted"),
        here => format!("{path} leads to {here} of the host, which is not mounted"),
    })
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
        let mounts = Mounts::at(host.path()).unwrap();
        let found = Root(&mounts).find(Path::new("/etc/cni")).unwrap();
        assert_eq!(found, host.path().join("var/lib/cni"));
    }

    #[test]
    fn a_link_out_of_what_is_mounted_is_unknown_and_a_loop_is_no_file() {
        let host = tempfile::tempdir().unwrap();
        symlink("/run/elsewhere", host.path().join("out")).unwrap();
        symlink("/loop", host.path().join("loop")).unwrap();
        let mounts = Mounts::at(host.path()).unwrap();
        let root = Root(&mounts);
        assert!(matches!(root.find(Path::new("/out")), Err(Lost::Unknown(_))));
        assert!(matches!(root.find(Path::new("/loop")), Err(Lost::Unusable(_))));
        assert!(matches!(root.find(Path::new("/nowhere/at/all")), Err(Lost::Unknown(_))));
    }
    /// The directories above a mount, which the kubelet made, are no evidence.
    #[test]
    fn what_is_not_below_a_mount_is_unknown_though_directories_on_its_way_exist() {
        let host = tempfile::tempdir().unwrap();
        for dir in ["var/snap/runtime", "opt/cni/bin", "etc/cni"] {
            fs::create_dir_all(host.path().join(dir)).unwrap();
        }
        symlink("/var/lib/cni/bin", host.path().join("opt/cni/bin/elsewhere")).unwrap();
        symlink("/opt/cni/gone", host.path().join("opt/cni/bin/dangling")).unwrap();
        let line = |dir: &str| format!("1 2 8:1 /{dir} {}/{dir} ro - ext4 /dev/sda1 rw\n", host.path().display());
        let table = ["var/snap/runtime", "opt/cni"].map(line).concat();
        let mounts = Mounts::among(host.path(), table.as_bytes());
        let find = |path: &str| Root(&mounts).find(Path::new(path));
        for path in ["/var/lib/rancher/k3s/net.d", "/var/lib", "/var", "/etc/cni/net.d", "/opt/cni/bin/elsewhere"] {
            assert!(matches!(find(path), Err(Lost::Unknown(_))), "{path}");
        }
        for path in ["/var/snap/runtime/x", "/opt/cni/bin/flannel", "/opt/cni/bin/dangling"] {
            assert!(matches!(find(path), Err(Lost::Missing)), "{path}");
        }
        assert!(find("/opt/cni/bin").is_ok());
    }
}
