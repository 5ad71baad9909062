//! The registry hosts of a lab, and the `hosts.toml` files that tell containerd how to speak to each
//! (containerd: docs/hosts.md).

use std::path::{Path, PathBuf};

/// The real registry.
pub const REGISTRY: &str = "registry.lab:5000";
/// The registry that misbehaves, by repository: see [`crate::faulty`].
pub const FAULTY: &str = "faulty.lab:5001";
/// The same one, where containerd expects TLS and gets plain HTTP.
pub const NO_TLS: &str = "tls.lab:5001";
/// A port that nobody listens on.
pub const REFUSED: &str = "refused.lab:5009";
/// A name that has no address.
pub const UNRESOLVED: &str = "registry.nowhere.example";

/// The directory that containerd's `registry.config_path` names.
#[derive(Debug)]
pub struct Hosts(PathBuf);

impl Hosts {
    /// Makes the directory, with all hosts of the lab.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(dir: &Path) -> std::io::Result<Self> {
        let hosts = Self(dir.to_path_buf());
        for host in [REGISTRY, FAULTY, REFUSED] {
            hosts.set(host, &format!("http://{host}"))?;
        }
        hosts.set(NO_TLS, &format!("https://{NO_TLS}"))?;
        Ok(hosts)
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Sends pulls from `host` (name and port as in the image's name) to `url`. containerd reads it at the next pull.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, host: &str, url: &str) -> std::io::Result<()> {
        let folder = self.0.join(host);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("hosts.toml"), format!("server = \"{url}\"\n\n[host.\"{url}\"]\n"))
    }
}
