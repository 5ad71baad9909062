//! One look at the kubelet's directories.
//!
//! What is mounted is read from our own table of mounts, not from the host's `/proc/1/mountinfo`: without a capability
//! that file of a more privileged process may not be read, while the host's mounts come to us as they are made
//! (`HostToContainer`). Where they don't come, because the host's own are not shared, nothing is told.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::host::mountinfo::{self, Line};
use crate::host::{Mounts, Root, TABLE};
use crate::model::ids::PodUid;
use crate::model::volume::{HostVolume, HostVolumes};

/// Directories of volumes that the kubelet makes by itself: they are mounted or not as it likes.
const LOCAL: &[&str] =
    &["configmap", "downward-api", "empty-dir", "git-repo", "host-path", "image", "projected", "secret"];
/// Below the kubelet's root: staged CSI volumes, as `<driver>/<hash of the handle>/globalmount`.
const STAGED: &str = "plugins/kubernetes.io/csi";
/// Below the kubelet's root: where drivers put their sockets to be found.
const REGISTRY: &str = "plugins_registry";
/// How a registration socket's name ends (kubernetes-csi/node-driver-registrar: cmd/csi-node-driver-registrar/util.go).
const SOCKET: &str = "-reg.sock";
/// More entries of a directory than this are not read.
const ENTRIES_AT_MOST: usize = 256;

/// Looks for the volumes of these pods below the kubelet's root directory, seen below `prefix`.
pub(super) fn look(prefix: &Path, kubelet: &Path, pods: &[PodUid]) -> HostVolumes {
    read(prefix, kubelet, pods).unwrap_or_else(unreadable)
}

/// A look that shows nothing, and why.
pub(super) fn unreadable(why: String) -> HostVolumes {
    HostVolumes { unreadable: Some(why), ..HostVolumes::default() }
}

fn read(prefix: &Path, kubelet: &Path, pods: &[PodUid]) -> Result<HostVolumes, String> {
    let table = fs::read(TABLE).map_err(|error| format!("{}: {error}", TABLE))?;
    let seen = Mounts::at(prefix).map_err(|error| error.to_string())?;
    let root = Root(&seen).find(kubelet).map_err(|lost| lost.to_string())?;
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    let mounted = Mounted::among(&table);
    if prefix != Path::new("/") && !mounted.come_to(&root) {
        return Err(format!("mounts of the host do not come to {}", root.display()));
    }
    let of_pod = |pod: &PodUid| Ok((pod.clone(), of_pod(&root.join("pods").join(pod.as_str()), &mounted)?));
    let pods = pods.iter().map(of_pod).collect::<io::Result<_>>().map_err(|error| error.to_string())?;
    Ok(HostVolumes { pods, sockets: sockets(&root).ok(), staged: mounted.staged(&root), unreadable: None })
}

fn of_pod(dir: &Path, mounted: &Mounted) -> io::Result<Vec<HostVolume>> {
    let mounted = |path: &Path| mounted.at(path) || mounted.at(&path.join("mount"));
    let volumes = begun(&dir.join("volumes"))?.into_iter().map(|volume| {
        let ready = mounted(&volume.path);
        volume.seen(ready)
    });
    let devices = begun(&dir.join("volumeDevices"))?.into_iter().map(|device| device.seen(true));
    Ok(volumes.chain(devices).collect())
}

/// A volume that has a directory.
struct Begun {
    plugin: Arc<str>,
    name: Arc<str>,
    path: PathBuf,
}

impl Begun {
    fn seen(self, ready: bool) -> HostVolume {
        HostVolume { plugin: self.plugin, name: self.name, ready }
    }
}

/// The volumes that have a directory below this one, but for the kubelet's own.
fn begun(dir: &Path) -> io::Result<Vec<Begun>> {
    let mut all = Vec::new();
    for plugin in names(dir)? {
        if LOCAL.iter().any(|local| plugin.strip_prefix("kubernetes.io~") == Some(local)) {
            continue;
        }
        let of_plugin = dir.join(&*plugin);
        let found = names(&of_plugin)?.into_iter();
        all.extend(found.map(|name| Begun { plugin: plugin.clone(), path: of_plugin.join(&*name), name }));
    }
    Ok(all)
}

/// The names in a directory, in their order; of one that is not there, none.
fn names(dir: &Path) -> io::Result<Vec<Arc<str>>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.take(ENTRIES_AT_MOST).map(|entry| Ok(entry?.file_name().to_string_lossy().into()));
    let mut names = names.collect::<io::Result<Vec<Arc<str>>>>()?;
    names.sort();
    Ok(names)
}

/// Drivers that can be found, by the names of their sockets. A socket may outlive its driver.
fn sockets(root: &Path) -> io::Result<Vec<Arc<str>>> {
    let names = names(&root.join(REGISTRY))?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(SOCKET)).map(Arc::from).collect())
}

/// The mounts that this process sees.
struct Mounted {
    points: BTreeSet<PathBuf>,
    /// Those that get what is mounted on the host later.
    following: BTreeSet<PathBuf>,
}

impl Mounted {
    fn among(table: &[u8]) -> Self {
        let lines = || mountinfo::lines(table);
        Self {
            points: lines().map(|line| line.point.into_owned()).collect(),
            following: lines().filter(Line::follows).map(|line| line.point.into_owned()).collect(),
        }
    }

    fn at(&self, path: &Path) -> bool {
        self.points.contains(path)
    }

    /// What the host mounts below this directory is seen here: the mount that holds it follows the host's.
    fn come_to(&self, dir: &Path) -> bool {
        dir.ancestors().find(|above| self.at(above)).is_some_and(|mount| self.following.contains(mount))
    }

    fn staged(&self, root: &Path) -> Vec<(Arc<str>, Arc<str>)> {
        let staged = root.join(STAGED);
        let inside = self.points.iter().filter_map(|point| point.strip_prefix(&staged).ok()?.to_str());
        inside
            .filter_map(|path| path.strip_suffix("/globalmount")?.split_once('/'))
            .map(|(d, h)| (d.into(), h.into()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kubelet's root with one pod, and the table of mounts of a container that sees it.
    struct Host {
        dir: tempfile::TempDir,
        table: String,
    }

    impl Host {
        fn new() -> Self {
            let host = Self { dir: tempfile::tempdir().unwrap(), table: String::new() };
            fs::create_dir_all(host.root()).unwrap();
            host.mount("", "master:7 ")
        }

        fn root(&self) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join("var/lib/kubelet")
        }

        fn make(self, path: &str) -> Self {
            fs::create_dir_all(self.root().join(path)).unwrap();
            self
        }

        fn mount(mut self, path: &str, optional: &str) -> Self {
            let line = format!("30 20 8:1 / {} ro {optional}- ext4 /dev/sdb rw\n", self.root().join(path).display());
            self.table.push_str(&line);
            self
        }

        fn mounted(&self) -> Mounted {
            Mounted::among(self.table.as_bytes())
        }

        fn pod(&self) -> Vec<HostVolume> {
            of_pod(&self.root().join("pods/u"), &self.mounted()).unwrap()
        }
    }

    fn seen(plugin: &str, name: &str, ready: bool) -> HostVolume {
        HostVolume { plugin: plugin.into(), name: name.into(), ready }
    }

    #[test]
    fn a_directory_alone_is_no_volume_and_what_the_kubelet_makes_itself_is_left_out() {
        let host = Host::new()
            .make("pods/u/volumes/kubernetes.io~configmap/settings")
            .make("pods/u/volumes/kubernetes.io~csi/pvc-1/mount")
            .make("pods/u/volumes/kubernetes.io~csi/pvc-2/mount")
            .make("pods/u/volumes/kubernetes.io~nfs/share")
            .make("pods/u/volumeDevices/kubernetes.io~csi/pvc-3")
            .mount("pods/u/volumes/kubernetes.io~csi/pvc-2/mount", "master:7 ")
            .mount("pods/u/volumes/kubernetes.io~nfs/share", "master:7 ");
        let csi = "kubernetes.io~csi";
        let expected = [
            seen(csi, "pvc-1", false),
            seen(csi, "pvc-2", true),
            seen("kubernetes.io~nfs", "share", true),
            seen(csi, "pvc-3", true),
        ];
        assert_eq!(host.pod(), expected);
        assert_eq!(of_pod(&host.root().join("pods/other"), &host.mounted()).unwrap(), []);
    }

    #[test]
    fn staged_volumes_and_sockets_are_named_by_their_driver() {
        let host = Host::new()
            .make("plugins_registry")
            .mount("plugins/kubernetes.io/csi/ebs.csi.aws.com/0a1b/globalmount", "master:7 ")
            .mount("plugins/kubernetes.io/csi/volumeDevices/pvc-9/dev/0a1b", "master:7 ");
        fs::write(host.root().join("plugins_registry/ebs.csi.aws.com-reg.sock"), "").unwrap();
        fs::write(host.root().join("plugins_registry/README"), "").unwrap();
        assert_eq!(host.mounted().staged(&host.root()), [("ebs.csi.aws.com".into(), "0a1b".into())]);
        assert_eq!(sockets(&host.root()).unwrap(), [Arc::from("ebs.csi.aws.com")]);
    }

    #[test]
    fn mounts_of_the_host_that_do_not_come_here_are_unknown() {
        let host = Host::new();
        assert!(host.mounted().come_to(&host.root()) && host.mounted().come_to(&host.root().join("pods")));
        let private = Mounted::among(host.table.replace("master:7 ", "").as_bytes());
        assert!(!private.come_to(&host.root()));
        assert!(!Mounted::among(b"").come_to(&host.root()));
        let look = look(host.dir.path(), Path::new("/var/lib/kubelet"), &[PodUid::new("u")]);
        let why = look.unreadable.unwrap_or_default();
        assert!(look.pods.is_empty() && why.contains("do not come to"), "{why}");
        assert!(super::look(host.dir.path(), Path::new("/nowhere"), &[]).unreadable.is_some());
    }
}
