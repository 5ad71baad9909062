//! A host made of a temporary directory, and a look at it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Node;
use crate::host::Mounts;
use crate::model::Time;
use crate::model::reading::{Reading, Verdict};

/// A host.
pub(super) struct Host(tempfile::TempDir);

impl Host {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside.trim_start_matches('/'))
    }

    /// With this file.
    pub(super) fn file(self, inside: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.dir_of(inside);
        fs::write(path, content).unwrap();
        self
    }

    /// With a symbolic link.
    pub(super) fn link(self, inside: &str, target: &str) -> Self {
        symlink(target, self.dir_of(inside)).unwrap();
        self
    }

    /// With a pipe that nobody writes to.
    pub(super) fn pipe(self, inside: &str) -> Self {
        let path = self.dir_of(inside);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        self
    }

    /// With a file of a gibibyte that holds nothing.
    pub(super) fn huge(self, inside: &str) -> Self {
        let path = self.dir_of(inside);
        fs::File::create(path).unwrap().set_len(1 << 30).unwrap();
        self
    }

    /// With a process.
    pub(super) fn process(self, pid: u32, state: char, command: &[&str]) -> Self {
        let program = command[0].split(' ').next().unwrap().rsplit('/').next().unwrap();
        let name = program.get(..15).unwrap_or(program);
        let stat = format!("{pid} ({name}) {state} 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 {pid}00 1 1\n");
        self.file(&format!("proc/{pid}/cmdline"), command.join("\0") + "\0").file(&format!("proc/{pid}/stat"), stat)
    }

    /// With a `/proc` that shows all of the host's processes.
    pub(super) fn whole(self) -> Self {
        self.file("proc/2/comm", "kthreadd\n").file("proc/uptime", "100000.00 1.00\n")
    }

    fn dir_of(&self, inside: &str) -> PathBuf {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// As a probe is given it.
    pub(super) fn node(&self) -> Node {
        Node {
            mounts: Mounts::at(self.0.path()).unwrap().into(),
            now: now(),
            kubelet_root: "/var/lib/kubelet".into(),
            pod_logs: "/var/log/pods".into(),
            runtime_root: None,
            runtime_socket: None,
            runtime_cgroup: None,
            pids: Default::default(),
            left: Default::default(),
            cni: Default::default(),
            sandboxes: None,
            service: None,
            suspects: None,
        }
    }
}

/// The moment of a look.
pub(super) fn now() -> Time {
    "2026-11-21T03:00:00Z".parse().unwrap()
}

/// The one reading about `of`.
pub(super) fn of<'a>(readings: &'a [Reading], of: &str) -> &'a Reading {
    readings.iter().find(|reading| &*reading.of == of).unwrap_or_else(|| panic!("{of} is not among {readings:?}"))
}

/// What was found, as verdict and cause.
pub(super) fn verdict(readings: &[Reading], about: &str) -> (Verdict, &'static str) {
    let reading = of(readings, about);
    (reading.verdict, reading.cause)
}

/// A directory of this repository that holds what was recorded elsewhere.
pub(super) fn recorded(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/probes").join(file)).unwrap()
}
