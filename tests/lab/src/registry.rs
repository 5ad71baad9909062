//! A real registry (distribution 2.8) that serves what it finds on disk. Images get there by writing its storage layout,
//! which needs no client (distribution: registry/storage/paths.go).

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;

use crate::hosts;
use crate::images::{Blob, Image};
use crate::parts::Parts;
use crate::process::Daemon;

const ADDRESS: &str = "127.0.0.1:5000";
const START_DEADLINE: Duration = Duration::from_secs(20);

/// The running registry.
#[derive(Debug)]
pub struct Registry {
    daemon: Daemon,
    storage: PathBuf,
}

impl Registry {
    /// Starts the registry with its configuration, storage and log in `dir`.
    ///
    /// # Errors
    /// When it does not listen in time: with the end of its log.
    pub async fn start(dir: &Path, parts: &Parts) -> anyhow::Result<Self> {
        let storage = dir.join("storage");
        std::fs::create_dir_all(&storage)?;
        let config = dir.join("config.yml");
        std::fs::write(&config, configuration(&storage))?;
        let mut command = Command::new(parts.program("docker-registry"));
        let mut daemon = Daemon::spawn(command.arg("serve").arg(config), &dir.join("log"))?;
        daemon.until(START_DEADLINE, async || TcpStream::connect(ADDRESS).await.ok()).await?;
        Ok(Self { daemon, storage: storage.join("docker/registry/v2") })
    }

    /// The process, to stop or freeze.
    pub fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }

    /// Stores an image as `repository:tag` and returns the name to pull it by.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> std::io::Result<String> {
        let base = self.storage.join("repositories").join(repository);
        for blob in image.blobs() {
            self.store(blob)?;
            link(&base.join("_layers"), &blob.digest)?;
        }
        self.store(&image.manifest)?;
        let digest = &image.manifest.digest;
        link(&base.join("_manifests/revisions"), digest)?;
        let tagged = base.join("_manifests/tags").join(tag);
        link(&tagged.join("index"), digest)?;
        write(&tagged.join("current/link"), digest.as_bytes())?;
        Ok(format!("{}/{repository}:{tag}", hosts::REGISTRY))
    }

    /// Forgets a tag: pulls of it say that it is not found.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_tag(&self, repository: &str, tag: &str) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.storage.join("repositories").join(repository).join("_manifests/tags").join(tag))
    }

    fn store(&self, blob: &Blob) -> std::io::Result<()> {
        let hex = blob.digest.trim_start_matches("sha256:");
        let shard: String = hex.chars().take(2).collect();
        write(&self.storage.join("blobs/sha256").join(shard).join(hex).join("data"), &blob.bytes)
    }
}

/// `DIR/sha256/HEX/link`, which holds the digest.
fn link(dir: &Path, digest: &str) -> std::io::Result<()> {
    write(&dir.join(digest.replace(':', "/")).join("link"), digest.as_bytes())
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}

fn configuration(storage: &Path) -> String {
    let storage = storage.display();
    format!(
        "version: 0.1\n\
         log: {{level: info}}\n\
         storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"{ADDRESS}\"}}\n"
    )
}
