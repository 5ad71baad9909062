//! Which file of the configuration directory is in force.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::network::{self, Network};
use super::{CniDirs, NamedBy};
use crate::host::{Lost, Root};
use crate::model::cni::CniConfig;
use crate::model::reading::{Missing, Reading};
use crate::probe::Node;

/// The size go-cni accepts (containerd/go-cni: opts.go MaxFileSize).
const SIZE_AT_MOST: u64 = 2 << 20;

/// A directory with more entries than this is no CNI directory.
const ENTRIES_AT_MOST: usize = 4_096;

const EXTENSIONS: [&str; 3] = ["conf", "conflist", "json"];

/// What the configuration directory holds.
#[derive(Debug)]
pub(in crate::probe) enum InForce {
    /// No configuration.
    None,
    /// Nothing that can be used: the first file, and what is wrong with it.
    Invalid { file: PathBuf, problem: String },
    /// This one.
    Loaded { file: PathBuf, network: Network },
}

/// The configuration in force as the model has it, or why it can't be told.
pub(super) fn load(root: Root<'_>, dirs: &CniDirs) -> Result<CniConfig, String> {
    Ok(match in_force(root, dirs)? {
        InForce::None => CniConfig::Missing,
        InForce::Invalid { file, problem } => CniConfig::Invalid { file, problem },
        InForce::Loaded { file, network } => {
            CniConfig::Loaded { file, network: network.name, plugins: network.plugins }
        }
    })
}

/// The configuration that is loaded, for a probe that asks what its plugins need; else that probe's answer.
pub(in crate::probe) fn loaded(node: &Node, probe: &'static str) -> Result<Network, Vec<Reading>> {
    let none = |missing, why: String| Err(vec![Reading::unknown(probe, "", missing, why)]);
    match in_force(node.root(), &node.cni) {
        Ok(InForce::Loaded { network, .. }) => Ok(network),
        Ok(_) => none(Missing::Subject, "no configuration is loaded".to_owned()),
        Err(problem) => none(Missing::Access, problem),
    }
}

/// The configuration in force, or why it can't be told.
pub(in crate::probe) fn in_force(root: Root<'_>, dirs: &CniDirs) -> Result<InForce, String> {
    let files = match files(root, &dirs.conf_dir) {
        Ok(files) => files,
        Err(Lost::Missing) => return Ok(InForce::None),
        Err(lost) => return Err(lost.to_string()),
    };
    let mut first_broken = None;
    for name in files {
        let file = dirs.conf_dir.join(&name);
        match read(root, &file) {
            Ok(network) => return Ok(InForce::Loaded { file, network }),
            Err(Lost::Unknown(problem)) => return Err(problem),
            Err(lost) => {
                first_broken.get_or_insert(InForce::Invalid { file, problem: lost.to_string() });
            }
        }
        if dirs.named_by == NamedBy::Containerd {
            break;
        }
    }
    Ok(first_broken.unwrap_or(InForce::None))
}

/// Names of configuration files, in order.
fn files(root: Root<'_>, conf_dir: &Path) -> Result<Vec<OsString>, Lost> {
    let found = root.find(conf_dir)?;
    let failed = |error: std::io::Error| Lost::Unknown(format!("{}: {error}", conf_dir.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(found).map_err(failed)?.take(ENTRIES_AT_MOST) {
        let entry = entry.map_err(failed)?;
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !folder && is_config(&entry.file_name()) {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}

/// Go's idea of an extension: what follows the last dot, even where nothing stands before it.
fn is_config(name: &OsString) -> bool {
    name.to_string_lossy().rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

fn read(root: Root<'_>, file: &Path) -> Result<Network, Lost> {
    let content = root.read(file, SIZE_AT_MOST)?;
    let list = file.extension().is_some_and(|extension| extension == "conflist");
    network::parse(&content, list).map_err(Lost::Invalid)
}
