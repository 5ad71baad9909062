//! Which parts of the host are mounted below a prefix. The kubelet makes the directories that lead to a mount, in this
//! container's own root: that one of them exists says nothing about the host.

use std::io;
use std::path::{Path, PathBuf};

use super::mountinfo::{Line, lines};

/// The mounts that this process sees (Linux: proc_pid_mountinfo(5)).
pub const TABLE: &str = "/proc/self/mountinfo";

/// The mounts at and below a prefix.
#[derive(Debug, PartialEq)]
pub struct Mounts {
    prefix: PathBuf,
    /// As the host names them; the host's whole root is `/`.
    places: Vec<PathBuf>,
    /// Where the host keeps what this container writes to its root.
    layer: Option<PathBuf>,
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
        let mut places: Vec<PathBuf> = Vec::new();
        let mut own = None;
        for line in lines(table) {
            if line.point == Path::new("/") {
                own = Some(line);
            } else if let Ok(inside) = line.point.strip_prefix(prefix) {
                let place = Path::new("/").join(inside);
                // What lies below one that is seen is seen too: thousands of volumes below one directory.
                if !places.iter().any(|seen| place.starts_with(seen)) {
                    places.push(place);
                }
            }
        }
        let layer = own.as_ref().and_then(Line::read).and_then(|own| own.option("upperdir"));
        let layer = layer.filter(|layer| layer.is_absolute());
        Self { prefix: prefix.to_owned(), places, layer }
    }

    /// Where `/` of the host is.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The directory of the host on which the root of this container lies, where the runtime made it as an overlay: the
    /// host's file system is then seen through it, though nothing of it is mounted here.
    pub fn layer(&self) -> Option<&Path> {
        self.layer.as_deref()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As the standard profile mounts them, and as the table of a container shows it.
    const CONTAINER: &[u8] = b"\
        612 540 0:52 / / ro,relatime - overlay overlay rw,lowerdir=/x,upperdir=/var/lib/runtime/7/fs\n\
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
        assert_eq!(mounts.layer(), Some(Path::new("/var/lib/runtime/7/fs")));
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
        assert!(Mounts::among(Path::new("/host"), b"\n1 2 3 4\n").places.is_empty());
    }

    #[test]
    fn the_mounts_of_this_process_can_be_read() {
        let mounts = Mounts::at(Path::new("/proc")).unwrap();
        assert!(mounts.places.contains(&"/".into()), "{mounts:?}");
    }
}
