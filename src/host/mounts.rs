//! Which parts of the host are mounted below a prefix. The kubelet makes the directories that lead to a mount, in this
//! container's own root: that one of them exists says nothing about the host.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The mounts that this process sees (Linux: proc_pid_mountinfo(5)).
pub(crate) const TABLE: &str = "/proc/self/mountinfo";

/// The mounts at and below a prefix.
#[derive(Debug, PartialEq)]
pub struct Mounts {
    prefix: PathBuf,
    /// As the host names them; the host's whole root is `/`.
    places: Vec<PathBuf>,
}

impl Mounts {
    /// Reads the mounts of this process. Below `/` nothing is looked up: there the host is seen as it is.
    ///
    /// # Errors
    /// Where the table can't be read: then nobody can tell what is mounted.
    pub fn at(prefix: &Path) -> io::Result<Self> {
        if prefix == Path::new("/") {
            return Ok(Self::among(prefix, &[]));
        }
        let real = prefix.canonicalize().unwrap_or_else(|_| prefix.to_owned());
        let table = std::fs::read(TABLE)?;
        Ok(Self { prefix: prefix.to_owned(), ..Self::among(&real, &table) })
    }

    /// The mounts of a table at and below a prefix.
    pub fn among(prefix: &Path, table: &[u8]) -> Self {
        let points = table.split(|byte| *byte == b'\n').filter_map(mount_point);
        let inside = |point: PathBuf| point.strip_prefix(prefix).ok().map(|inside| Path::new("/").join(inside));
        Self { prefix: prefix.to_owned(), places: points.filter_map(inside).collect() }
    }

    /// Where `/` of the host is.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Whether what is at this path of the host, or that nothing is, can be seen. A prefix without any mount is a plain
    /// directory, which shows what it holds.
    pub fn show(&self, path: &Path) -> bool {
        if self.prefix == Path::new("/") {
            return true;
        }
        match self.places.is_empty() {
            false => self.places.iter().any(|place| path.starts_with(place)),
            true => path.components().nth(1).is_none_or(|top| self.prefix.join(top).symlink_metadata().is_ok()),
        }
    }
}

/// The fifth field of a line, with white space and backslashes as `\040`.
pub(crate) fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let field = line.split(|byte| *byte == b' ').nth(4)?;
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [byte, after @ ..] = rest {
        let escaped = (*byte == b'\\').then(|| octal(after)).flatten();
        bytes.push(escaped.unwrap_or(*byte));
        rest = after.get(if escaped.is_some() { 3 } else { 0 }..)?;
    }
    Some(OsStr::from_bytes(&bytes).into())
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the standard profile mounts them, and as the table of a container shows it.
    const CONTAINER: &[u8] = b"\
        612 540 0:52 / / ro,relatime - overlay overlay rw,lowerdir=/x\n\
        620 612 0:25 / /host/run ro,nosuid - tmpfs tmpfs rw\n\
        621 612 8:1 /etc/cni /host/etc/cni ro,relatime - ext4 /dev/sda1 rw\n\
        622 612 8:1 /var/x /host/var/with\\040space ro - ext4 /dev/sda1 rw\n\
        623 612 8:1 / /hostile ro - ext4 /dev/sda1 rw\n";

    #[test]
    fn directories_made_for_other_mounts_show_nothing() {
        let mounts = Mounts::among(Path::new("/host"), CONTAINER);
        for seen in ["/run", "/run/k3s/x", "/etc/cni", "/etc/cni/net.d", "/var/with space/x"] {
            assert!(mounts.show(Path::new(seen)), "{seen}");
        }
        for hidden in ["/", "/etc", "/etc/cnix", "/var/lib/rancher", "/var", "/opt/cni/bin"] {
            assert!(!mounts.show(Path::new(hidden)), "{hidden}");
        }
    }

    #[test]
    fn the_host_s_whole_root_shows_everything() {
        let table = b"620 612 8:1 / /host ro - ext4 /dev/sda1 rw\n621 620 8:2 / /host/var ro - ext4 /dev/sda2 rw\n";
        assert!(Mounts::among(Path::new("/host"), table).show(Path::new("/opt/cni/bin")));
        assert!(Mounts::at(Path::new("/")).unwrap().show(Path::new("/opt/cni/bin")));
    }

    #[test]
    fn a_table_that_makes_no_sense_names_no_mount() {
        for table in [&b""[..], b"\n\n", b"1 2 3 4", b"\xff \\ \\1 \\999 \\"] {
            assert!(Mounts::among(Path::new("/host"), table).places.is_empty());
        }
        assert_eq!(mount_point(b"1 2 3 / /a\\134b\\ ").unwrap(), Path::new("/a\\b\\"));
    }

    #[test]
    fn the_mounts_of_this_process_can_be_read() {
        let mounts = Mounts::at(Path::new("/proc")).unwrap();
        assert!(mounts.places.contains(&"/".into()), "{mounts:?}");
    }
}
