//! What the host's disk says about CNI: the configuration the runtime would load, and whether its plugins are there.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// One look at the CNI directories of the host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CniHost {
    /// The configuration directory, as the host names it.
    pub conf_dir: PathBuf,
    /// The plugin directories, as the host names them.
    pub bin_dirs: Vec<PathBuf>,
    /// What the configuration directory holds.
    pub config: CniConfig,
    /// Plugins the configuration names that are not an executable file in any plugin directory. Empty also when the
    /// plugin directories could not be read: see `unreadable`.
    pub missing_plugins: Vec<Arc<str>>,
    /// A directory this agent may not or cannot read, with the reason: its contents are unknown, not absent.
    pub unreadable: Option<String>,
}

/// The CNI configuration a runtime would load: the first file by name that parses
/// (containerd/go-cni: opts.go loadFromConfDir; files `*.conflist`, `*.conf`, `*.json`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum CniConfig {
    /// The directory is not there or holds no configuration file.
    Missing,
    /// Files are there, none can be used; the first one and what is wrong with it.
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// This one is in force.
    Loaded {
        /// The file.
        file: PathBuf,
        /// The network's name.
        network: Arc<str>,
        /// Types of the chained plugins and of their IPAM and delegates, in order, each once.
        plugins: Vec<Arc<str>>,
    },
    /// The directory could not be read.
    Unknown,
}
