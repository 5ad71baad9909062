//! The programs a lab is made of, where `tests/lab/parts.sh lab` put them. Fetches nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the containerd to be taken.
pub(crate) const CONTAINERD: &str = "KUBEWHY_LAB_CONTAINERD";
/// The containerds of other Debian releases that `parts.sh` unpacks, by what they are.
const RELEASES: &[(&str, &str)] = &[("containerd 1.7", "trixie"), ("containerd 2.x", "sid")];
const PROGRAMS: &[&str] = &["containerd", "containerd-shim-runc-v2", "ctr", "runc", "docker-registry", "busybox"];

/// A program that is not there.
#[derive(Debug, thiserror::Error)]
#[error("{} is missing: run tests/lab/parts.sh lab", .0.display())]
pub struct Missing(PathBuf);

/// A containerd that a lab can be started on.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What it is called before its version is known.
    pub name: &'static str,
    /// Its program; none for the one that is taken without being named. Or why there is none.
    pub program: Result<Option<PathBuf>, String>,
}

/// Every containerd that `parts.sh` has or would have had.
#[must_use]
pub fn containerds() -> Vec<Candidate> {
    let releases = root().join("releases");
    let other = |(name, release): &(&'static str, &str)| {
        let program = releases.join(release).join("usr/bin/containerd");
        let missing = || std::fs::read_to_string(releases.join(format!("{release}.missing")));
        let why = || missing().map_or_else(|_| "run tests/lab/parts.sh lab".to_owned(), |text| text.trim().to_owned());
        Candidate { name, program: if program.exists() { Ok(Some(program)) } else { Err(why()) } }
    };
    let usual = Candidate { name: "containerd of this machine", program: Ok(None) };
    [usual].into_iter().chain(RELEASES.iter().map(other)).collect()
}

/// `target/parts`, or where `KUBEWHY_PARTS` says.
fn root() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/parts"));
    let root = std::env::var_os("KUBEWHY_PARTS").map_or_else(default, PathBuf::from);
    root.canonicalize().unwrap_or(root)
}

/// A program that tests ask beside the lab, where `parts.sh` put it.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    Some(root().join("bin").join(name)).filter(|program| program.exists())
}

/// Where each program is.
#[derive(Debug, Clone)]
pub struct Parts {
    bin: PathBuf,
    plugins: PathBuf,
    /// The directory of another containerd, with its shim and ctr.
    containerd: Option<PathBuf>,
}

impl Parts {
    /// The parts in `target/parts`, or where `KUBEWHY_PARTS` says; containerd and what belongs to it from the directory
    /// of `KUBEWHY_LAB_CONTAINERD`, if that is set.
    ///
    /// # Errors
    /// The first program that is missing.
    pub fn find() -> Result<Self, Missing> {
        let root = root();
        let containerd = std::env::var_os(CONTAINERD).map(PathBuf::from);
        let parts = Self {
            bin: root.join("bin"),
            plugins: root.join("cni"),
            containerd: containerd.and_then(|program| program.parent().map(Path::to_path_buf)),
        };
        let programs = PROGRAMS.iter().map(|name| parts.program(name));
        let plugins = ["bridge", "host-local", "loopback"].iter().map(|name| parts.plugin(name));
        match programs.chain(plugins).find(|path| !path.exists()) {
            Some(missing) => Err(Missing(missing)),
            None => Ok(parts),
        }
    }

    /// The same, with another containerd and what belongs to it.
    #[must_use]
    pub fn with(&self, containerd: &Path) -> Self {
        Self { containerd: containerd.parent().map(Path::to_path_buf), ..self.clone() }
    }

    /// The path of a program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let other = self.containerd.iter().map(|folder| folder.join(name)).find(|path| path.exists());
        other.unwrap_or_else(|| self.bin.join(name))
    }

    /// The path of a real CNI plugin.
    #[must_use]
    pub fn plugin(&self, name: &str) -> PathBuf {
        self.plugins.join(name)
    }

    /// The PATH for programs of the lab: theirs first, so that a containerd finds the shim that belongs to it.
    #[must_use]
    pub fn search_path(&self) -> OsString {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let ours = self.containerd.iter().chain([&self.bin]).cloned();
        std::env::join_paths(ours.chain(std::env::split_paths(&machine))).unwrap_or(machine)
    }

    /// Each program's path and the first line it says about its version.
    #[must_use]
    pub fn versions(&self) -> Vec<(PathBuf, String)> {
        let asked = [
            ("containerd", "--version"),
            ("runc", "--version"),
            ("docker-registry", "--version"),
            ("busybox", "--help"),
        ];
        let programs = asked.map(|(name, option)| (self.program(name), option));
        let plugin = (self.plugin("bridge"), "--version");
        programs.into_iter().chain([plugin]).map(|(path, option)| (path.clone(), first_line(&path, option))).collect()
    }
}

fn first_line(program: &Path, option: &str) -> String {
    let output = match Command::new(program).arg(option).output() {
        Ok(output) => output,
        Err(error) => return error.to_string(),
    };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned()
}
