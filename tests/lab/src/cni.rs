//! The CNI side of a lab: a configuration and a directory of plugins that can be broken and mended while pods start.
//! The real plugins (bridge, host-local, loopback) do the work; only what is asked for misbehaves.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::parts::Parts;

/// The main plugin of a healthy lab.
pub const PLUGIN: &str = "bridge";
const REAL: &[&str] = &[PLUGIN, "host-local", "loopback"];
const CONFIGURATION: &str = "10-lab.conflist";
/// Where pods have their addresses.
const SUBNET: &str = "10.88.0.0/16";

/// What a misbehaving plugin does when a pod is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Does not come back, until it is mended: then it goes on as if nothing had been.
    Hang,
    /// Ends with status 1 and says nothing.
    DieSilently,
    /// Fails with this text, as a plugin reports an error.
    Fail(String),
}

/// The directories.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Of the configuration.
    pub conf: PathBuf,
    /// Of the plugins.
    pub bin: PathBuf,
    /// Of the addresses that are taken.
    pub addresses: PathBuf,
}

impl Folders {
    /// All of them in one directory.
    #[must_use]
    pub fn below(dir: &Path) -> Self {
        Self { conf: dir.join("conf"), bin: dir.join("bin"), addresses: dir.join("state") }
    }
}

/// The directories and what is in them.
#[derive(Debug)]
pub struct Cni {
    folders: Folders,
    parts: Parts,
}

impl Cni {
    /// Makes the directories, healthy.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(folders: &Folders, parts: &Parts) -> std::io::Result<Self> {
        let cni = Self { folders: folders.clone(), parts: parts.clone() };
        for folder in [&folders.conf, &folders.bin, &folders.addresses] {
            std::fs::create_dir_all(folder)?;
        }
        for plugin in REAL {
            cni.put_plugin_back(plugin)?;
        }
        cni.configure()?;
        Ok(cni)
    }

    /// The directory of the configuration.
    #[must_use]
    pub fn conf(&self) -> &Path {
        &self.folders.conf
    }

    /// The directory of the plugins.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.folders.bin
    }

    /// Writes the healthy configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self) -> std::io::Result<()> {
        self.configure_plugin(PLUGIN)
    }

    /// Writes a configuration whose plugin has another name, which need not exist.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure_plugin(&self, plugin: &str) -> std::io::Result<()> {
        self.configure_with(plugin, &json!({ "subnet": SUBNET }))
    }

    /// Writes a configuration that has so many addresses for pods, none of them in use, and then no more: at most 250.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure_addresses(&self, count: u8) -> std::io::Result<()> {
        let end = format!("10.88.200.{count}");
        self.configure_with(PLUGIN, &json!({ "subnet": SUBNET, "rangeStart": "10.88.200.1", "rangeEnd": end }))
    }

    fn configure_with(&self, plugin: &str, range: &Value) -> std::io::Result<()> {
        let bridge = json!({
            "type": plugin, "bridge": "lab0", "isGateway": true,
            "ipam": { "type": "host-local", "dataDir": self.folders.addresses, "ranges": [[range]] },
        });
        let list = json!({ "cniVersion": "0.4.0", "name": "lab", "plugins": [bridge] });
        self.configure_text(&format!("{list:#}\n"))
    }

    /// Writes any text as the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure_text(&self, text: &str) -> std::io::Result<()> {
        // Renamed within the directory, so that containerd never loads half a file; one that comes from another directory
        // is not seen by its watcher at all.
        let beside = self.folders.conf.join(format!("{CONFIGURATION}.new"));
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, self.folders.conf.join(CONFIGURATION))
    }

    /// Takes the configuration away.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_configuration(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.folders.conf.join(CONFIGURATION))
    }

    /// Takes a plugin's program away.
    ///
    /// # Errors
    /// When there is none.
    pub fn take_plugin_away(&self, plugin: &str) -> std::io::Result<()> {
        std::fs::remove_file(self.folders.bin.join(plugin))
    }

    /// Puts the real plugin in its place, whatever was there; one that hangs goes on.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn put_plugin_back(&self, plugin: &str) -> std::io::Result<()> {
        absent(std::fs::remove_file(self.marker(plugin)))?;
        // A copy: from a pod that mounts these directories nothing else of the machine is seen.
        let beside = self.beside(plugin);
        std::fs::copy(self.parts.plugin(plugin), &beside)?;
        std::fs::rename(beside, self.folders.bin.join(plugin))
    }

    /// Puts a plugin of this name in place that misbehaves.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn misbehave(&self, plugin: &str, how: &Misbehaviour) -> std::io::Result<()> {
        std::fs::write(self.marker(plugin), "")?;
        let beside = self.beside(plugin);
        std::fs::write(&beside, self.script(plugin, how))?;
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755))?;
        std::fs::rename(beside, self.folders.bin.join(plugin))
    }

    /// When a plugin last began to hang.
    #[must_use]
    pub fn hung_since(&self, plugin: &str) -> Option<Timestamp> {
        Timestamp::try_from(std::fs::metadata(self.hung(plugin)).ok()?.modified().ok()?).ok()
    }

    /// Where a plugin is made before it takes its place: in the same file system.
    fn beside(&self, plugin: &str) -> PathBuf {
        self.folders.bin.join(format!(".{plugin}"))
    }

    /// Written by a plugin that begins to hang.
    fn hung(&self, plugin: &str) -> PathBuf {
        self.folders.addresses.join(format!("{plugin}.hung"))
    }

    /// While this file is there, the plugin hangs.
    fn marker(&self, plugin: &str) -> PathBuf {
        self.folders.addresses.join(format!("{plugin}.hangs"))
    }

    /// A plugin as a script: it misbehaves on ADD, the real one does the rest. The process keeps the plugin's name.
    fn script(&self, plugin: &str, how: &Misbehaviour) -> String {
        let act = match how {
            Misbehaviour::Hang => format!(
                ": >'{}'\nwhile [ -e '{}' ]; do sleep 0.2; done",
                self.hung(plugin).display(),
                self.marker(plugin).display()
            ),
            Misbehaviour::DieSilently => "exit 1".to_owned(),
            Misbehaviour::Fail(text) => {
                let error = json!({ "cniVersion": "0.4.0", "code": 999, "msg": text });
                format!("cat <<'EOF'\n{error}\nEOF\nexit 1")
            }
        };
        // A name that is no real plugin of the lab behaves like the main one.
        let real = self.parts.plugin(if REAL.contains(&plugin) { plugin } else { PLUGIN });
        let busybox = self.parts.program("busybox");
        format!(
            "#!{} sh\nconf=$(cat)\nif [ \"$CNI_COMMAND\" = ADD ]; then\n{act}\nfi\nprintf '%s' \"$conf\" | '{}'\n",
            busybox.display(),
            real.display()
        )
    }
}

fn absent(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
