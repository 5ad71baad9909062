//! A host in a temporary directory, for the tests of probes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::Node;
use super::cni::CniDirs;
use crate::host::Mounts;
use crate::model::Time;
use crate::model::reading::Reading;

/// The file that a kubelet is given.
pub(super) const CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// What stands in for the host's root.
pub(super) struct Host {
    root: TempDir,
    /// The table of mounts of this process, as it would be; none: the whole directory is the host.
    mounts: Option<String>,
    runtime_root: Option<PathBuf>,
}

impl Default for Host {
    fn default() -> Self {
        let host = Self { root: tempfile::tempdir().unwrap(), mounts: None, runtime_root: None };
        host.dir("/proc").dir("/var/lib/kubelet").dir("/var/log/pods").dir("/dev").dir("/sys").dir("/etc").dir("/run")
    }
}

impl Host {
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// The device on which all of it lies.
    pub(super) fn device(&self) -> String {
        let device = self.root.path().metadata().unwrap().dev();
        format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
    }

    pub(super) fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.at(path)).unwrap();
        self
    }

    pub(super) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
        self
    }

    /// A gibibyte of nothing.
    pub(super) fn huge(self, path: &str) -> Self {
        let host = self.file(path, "");
        fs::File::options().write(true).open(host.at(path)).unwrap().set_len(1 << 30).unwrap();
        host
    }

    /// A pipe that nobody writes to.
    pub(super) fn fifo(self, path: &str) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        self
    }

    pub(super) fn link(self, path: &str, to: &str) -> Self {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(to, at).unwrap();
        self
    }

    /// A kubelet runs, with that file and these flags.
    pub(super) fn kubelet(self, flags: &[&str]) -> Self {
        let command = ["kubelet", "--config", CONFIG].iter().chain(flags).map(|word| format!("{word}\0"));
        let stat = "812 (kubelet) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 81200 1 1\n";
        let host = self.file("/proc/812/cmdline", command.collect::<String>());
        host.file("/proc/812/comm", "kubelet\n").file("/proc/812/stat", stat)
    }

    /// Only these directories of it are mounted, and the container's own root has this layer.
    pub(super) fn mounted(mut self, dirs: &[&str], layer: &str) -> Self {
        let root = self.root.path().display();
        let line = |dir: &&str| format!("1 2 8:1 {dir} {root}{dir} ro - ext4 /dev/sda1 rw\n");
        let own = format!("1 2 0:9 / / rw - overlay overlay rw,upperdir={layer}\n");
        self.mounts = Some(dirs.iter().map(line).collect::<String>() + &own);
        self
    }

    pub(super) fn runtime_root(mut self, path: &str) -> Self {
        self.runtime_root = Some(path.into());
        self
    }

    pub(super) fn node(&self) -> Node {
        let mounts = match &self.mounts {
            Some(table) => Mounts::among(self.root.path(), table.as_bytes()),
            None => Mounts::at(self.root.path()).unwrap(),
        };
        Node {
            mounts: Arc::new(mounts),
            now: Time::UNIX_EPOCH,
            kubelet_root: "/var/lib/kubelet".into(),
            pod_logs: "/var/log/pods".into(),
            runtime_root: self.runtime_root.clone(),
            runtime_socket: None,
            runtime_cgroup: None,
            pids: Arc::default(),
            left: Arc::default(),
            cni: CniDirs::default(),
            sandboxes: None,
            service: None,
            suspects: None,
        }
    }
}

/// One of them.
pub(super) fn find<'a>(readings: &'a [Reading], of: &str) -> &'a Reading {
    readings.iter().find(|one| &*one.of == of).unwrap_or_else(|| panic!("{readings:?}"))
}
