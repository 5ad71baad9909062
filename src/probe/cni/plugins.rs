//! Which plugins a network needs that no plugin directory has.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use super::{CniDirs, NamedBy};
use crate::host::{Lost, Root};

/// The plugins of `needed` that are not there, and why some can't be told where that is so. What can't be told is not
/// missing.
pub(super) fn missing(root: Root<'_>, dirs: &CniDirs, needed: &[Arc<str>]) -> (Vec<Arc<str>>, Option<String>) {
    let loopback = (dirs.named_by == NamedBy::Containerd && !needed.is_empty()).then(|| Arc::from("loopback"));
    let mut unseen = None;
    let absent = |plugin: &Arc<str>| match find(root, dirs, plugin) {
        Presence::Present => false,
        Presence::Absent => true,
        Presence::Unknown(problem) => {
            unseen.get_or_insert(problem);
            false
        }
    };
    let missing = needed.iter().cloned().chain(loopback).filter(absent).collect();
    (missing, unseen)
}

enum Presence {
    Present,
    Absent,
    Unknown(String),
}

/// A type with a slash is no name of a plugin (containernetworking/cni: pkg/invoke/find.go).
fn find(root: Root<'_>, dirs: &CniDirs, plugin: &str) -> Presence {
    if plugin.contains('/') {
        return Presence::Absent;
    }
    let mut answer = match dirs.named_by {
        NamedBy::Guess => Presence::Unknown("the runtime does not say where its CNI plugins are".to_owned()),
        NamedBy::Containerd | NamedBy::Operator => Presence::Absent,
    };
    for dir in &dirs.bin_dirs {
        match look(root, &dir.join(plugin)) {
            Presence::Present => return Presence::Present,
            Presence::Absent => {}
            unknown @ Presence::Unknown(_) => answer = unknown,
        }
    }
    answer
}

fn look(root: Root<'_>, file: &Path) -> Presence {
    let found = match root.find(file) {
        Ok(found) => found,
        Err(Lost::Unknown(problem)) => return Presence::Unknown(problem),
        Err(_) => return Presence::Absent,
    };
    match found.metadata() {
        Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => Presence::Present,
        Ok(_) => Presence::Absent,
        Err(error) => Presence::Unknown(format!("{}: {error}", file.display())),
    }
}
