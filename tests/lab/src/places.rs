//! Where the programs of a lab's node keep their files: all of them in the lab's own directory, or where an installer puts them
//! on a real node, for what looks there. Lays layers of the lab over directories of the machine, and writes nothing below them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::cni::Folders;
use crate::containerd::Home;
use crate::namespaces;
use crate::process::run;

/// Directories of the machine that an installer writes to. `/run` and `/var/lib` are the lab's own anyway.
const LAYERED: &[&str] = &["/etc", "/opt", "/var/log"];
/// What the machine has there of its own; the lab's node begins without.
const EMPTIED: &[&str] = &["/etc/cni", "/opt/cni", "/var/log/pods"];
/// Where the lab's answer to "who answers names" is mounted; a layer over `/etc` hides that.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The files of one node.
#[derive(Debug, Clone)]
pub struct Places {
    /// containerd's.
    pub containerd: Home,
    /// Those of CNI.
    pub cni: Folders,
    /// The kubelet's root.
    pub kubelet: PathBuf,
    /// The logs of pods.
    pub logs: PathBuf,
}

impl Places {
    /// Everything below one directory.
    #[must_use]
    pub fn below(dir: &Path) -> Self {
        Self {
            containerd: Home::below(&dir.join("containerd")),
            cni: Folders::below(&dir.join("cni")),
            kubelet: dir.join("kubelet"),
            logs: dir.join("pods"),
        }
    }

    /// Where the packages of containerd, CNI and kubelet put them. `dir` holds what the lab lays over the machine's directories.
    ///
    /// # Errors
    /// Outside a lab's namespaces, and where an overlay can't be mounted.
    pub fn usual(dir: &Path) -> anyhow::Result<Self> {
        ensure!(namespaces::cgroup().is_some(), "the machine's own directories are no place for a lab");
        LAYERED.iter().try_for_each(|place| lay_over(place, dir))?;
        // In the layers: below them the machine keeps it.
        for place in EMPTIED.iter().map(Path::new).filter(|place| place.exists()) {
            std::fs::remove_dir_all(place).with_context(|| place.display().to_string())?;
        }
        // As systemd leaves it to a node's programs; without, the runtime refuses mounts that are to see later ones.
        run(Command::new("mount").args(["--make-rshared", "/"]))?;
        let resolv = Path::new(RESOLV_CONF);
        if !resolv.is_symlink() {
            run(Command::new("mount").arg("--bind").args([&dir.join("resolv.conf"), resolv]))?;
        }
        Ok(Self {
            containerd: Home {
                root: "/var/lib/containerd".into(),
                state: "/run/containerd".into(),
                socket: "/run/containerd/containerd.sock".into(),
            },
            cni: Folders {
                conf: "/etc/cni/net.d".into(),
                bin: "/opt/cni/bin".into(),
                addresses: "/var/lib/cni/networks".into(),
            },
            kubelet: "/var/lib/kubelet".into(),
            logs: "/var/log/pods".into(),
        })
    }
}

/// From now on, in this namespace, what is written there lies in `dir`.
fn lay_over(place: &str, dir: &Path) -> anyhow::Result<()> {
    let layer = dir.join("layers").join(place.trim_start_matches('/').replace('/', "-"));
    let [upper, work] = ["upper", "work"].map(|name| layer.join(name));
    for folder in [&upper, &work] {
        std::fs::create_dir_all(folder)?;
    }
    let spec = format!("lowerdir={place},upperdir={},workdir={}", upper.display(), work.display());
    run(Command::new("mount").args(["-t", "overlay", "-o", &spec, "overlay", place]))
}
