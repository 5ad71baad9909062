//! One look at the host's CNI directories: which configuration the runtime would load, and whether the plugins that it
//! names are there. A synchronous function of files; runs nothing and waits for nothing.

pub(super) mod config;
pub(super) mod network;
mod plugins;

use std::path::{Path, PathBuf};

use crate::host::{Mounts, Root};
use crate::model::cni::{CniConfig, CniHost};
use crate::model::runtime::RuntimeStatus;

/// Where CNI lives on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniDirs {
    /// The configuration directory.
    pub conf_dir: PathBuf,
    /// The plugin directories.
    pub bin_dirs: Vec<PathBuf>,
    /// Who says so.
    pub named_by: NamedBy,
}

/// Who named the directories, and with that, how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// containerd. The first file by name decides, and if it is broken there is no network, whatever the next one says
    /// (containerd/go-cni: opts.go loadFromConfDir). It also needs the plugin `loopback`.
    Containerd,
    /// The operator, for another runtime: the first file by name that is valid (cri-o/ocicni: pkg/ocicni/ocicni.go loadNetworks).
    Operator,
    /// Nobody: read as for the operator, but a plugin that is absent from a guessed directory is not missing.
    Guess,
}

impl Default for CniDirs {
    /// The runtimes' own defaults; `/usr/lib/cni` is where Debian's packages put the plugins.
    fn default() -> Self {
        Self {
            conf_dir: "/etc/cni/net.d".into(),
            bin_dirs: vec!["/opt/cni/bin".into(), "/usr/lib/cni".into()],
            named_by: NamedBy::Guess,
        }
    }
}

impl CniDirs {
    /// The directories as the operator names them, if any; what is not named is the default.
    #[must_use]
    pub fn of_operator(conf_dir: Option<&Path>, bin_dirs: &[PathBuf]) -> Option<Self> {
        if conf_dir.is_none() && bin_dirs.is_empty() {
            return None;
        }
        let default = Self::default();
        Some(Self {
            conf_dir: conf_dir.map_or(default.conf_dir, Path::to_owned),
            bin_dirs: if bin_dirs.is_empty() { default.bin_dirs } else { bin_dirs.to_owned() },
            named_by: NamedBy::Operator,
        })
    }

    /// The directories as containerd's CRI `Status` tells them; none where the runtime is another or does not tell.
    #[must_use]
    pub fn told_by(status: &RuntimeStatus) -> Option<Self> {
        let conf_dir = status.cni_conf_dir.clone()?;
        let told = !status.cni_bin_dirs.is_empty();
        told.then(|| Self { conf_dir, bin_dirs: status.cni_bin_dirs.clone(), named_by: NamedBy::Containerd })
    }
}

/// Looks once. `root` is where the host's root is visible.
#[must_use]
pub fn look(root: &Path, dirs: &CniDirs) -> CniHost {
    match Mounts::at(root) {
        Ok(mounts) => look_below(Root(&mounts), dirs),
        Err(error) => unknown(dirs, &format!("what is mounted below {} cannot be told: {error}", root.display())),
    }
}

fn look_below(root: Root<'_>, dirs: &CniDirs) -> CniHost {
    let (config, unreadable) = match config::load(root, dirs) {
        Ok(config) => (config, None),
        Err(problem) => (CniConfig::Unknown, Some(problem)),
    };
    let needed = match &config {
        CniConfig::Loaded { plugins, .. } => plugins.as_slice(),
        _ => &[],
    };
    let (missing_plugins, unseen) = plugins::missing(root, dirs, needed);
    CniHost {
        conf_dir: dirs.conf_dir.clone(),
        bin_dirs: dirs.bin_dirs.clone(),
        config,
        missing_plugins,
        unreadable: unreadable.or(unseen),
    }
}

/// What is known when no look came to an end.
#[must_use]
pub fn unknown(dirs: &CniDirs, problem: &str) -> CniHost {
    CniHost {
        conf_dir: dirs.conf_dir.clone(),
        bin_dirs: dirs.bin_dirs.clone(),
        config: CniConfig::Unknown,
        missing_plugins: Vec::new(),
        unreadable: Some(problem.to_owned()),
    }
}

#[cfg(test)]
mod tests;
