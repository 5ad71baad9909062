//! One look, a synchronous function of files: per pod two directories by name and one list of a few entries.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::{KubeletPlaces, boot};
use crate::host::Mounts;
use crate::host::Root;
use crate::model::Time;
use crate::model::ids::PodId;
use crate::model::marks::{Dated, Made, Mark, Marks, PodMarks};

/// Pods that are looked for at once; of the rest nothing is known.
const PODS_AT_MOST: usize = 512;
/// Entries of a pod's log directory that are read; one with more is no pod's.
const CONTAINERS_AT_MOST: usize = 128;

/// Looks, and remembers what does not change while this process lives: what is mounted where, and the boot.
#[derive(Clone, Debug)]
pub(super) struct Looker {
    root: PathBuf,
    places: KubeletPlaces,
    boot: Option<Time>,
    homes: Option<PathBuf>,
    logs: Option<PathBuf>,
}

impl Looker {
    pub(super) fn new(root: PathBuf, places: KubeletPlaces) -> Self {
        Self { root, places, boot: None, homes: None, logs: None }
    }

    /// Looks once.
    pub(super) fn look(&mut self, pods: &[PodId]) -> Marks {
        if self.boot.is_none() || self.homes.is_none() || self.logs.is_none() {
            self.find();
        }
        let asked = pods.iter().take(PODS_AT_MOST);
        let pods = asked.map(|id| (id.uid.clone(), self.pod(id))).collect();
        Marks { boot: self.boot, pods }
    }

    fn find(&mut self) {
        let Ok(mounts) = Mounts::at(&self.root) else { return };
        let root = Root(&mounts);
        self.boot = boot::time(root);
        self.homes = seen(root, &self.places.root.join("pods"));
        self.logs = seen(root, &self.places.pod_logs);
    }

    fn pod(&self, id: &PodId) -> PodMarks {
        let (uid, logs) = (id.uid.as_str(), format!("{}_{}_{}", id.namespace, id.name, id.uid));
        let inside =
            |place: &Option<PathBuf>, name| place.as_ref().filter(|_| is_name(name)).map(|place| place.join(name));
        let (home, logs) = (inside(&self.homes, uid), inside(&self.logs, &logs));
        let within = logs.as_deref();
        let (home, logs) = (home.as_deref().map_or(Mark::Unknown, mark), within.map_or(Mark::Unknown, mark));
        let containers = match logs {
            Mark::Unknown => None,
            Mark::Absent => Some(BTreeMap::new()),
            Mark::Made(_) => within.and_then(containers),
        };
        PodMarks { home, logs, containers }
    }
}

/// Where a directory of the host in which pods have theirs is for this process. One that is empty may as well be another
/// than the kubelet's: whoever mounts a directory makes it.
fn seen(root: Root<'_>, path: &Path) -> Option<PathBuf> {
    let found = root.find(path).ok()?;
    found.read_dir().ok()?.next().map(|_| found)
}

/// It leads nowhere but into the directory it is looked for in.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

fn mark(directory: &Path) -> Mark {
    match directory.symlink_metadata() {
        Ok(metadata) => age(&metadata).map_or(Mark::Unknown, Mark::Made),
        Err(error) if error.kind() == ErrorKind::NotFound => Mark::Absent,
        Err(_) => Mark::Unknown,
    }
}

/// The containers that have a directory there.
fn containers(logs: &Path) -> Option<BTreeMap<Arc<str>, Made>> {
    let mut found = BTreeMap::new();
    for (read, entry) in logs.read_dir().ok()?.enumerate() {
        let entry = entry.ok().filter(|_| read < CONTAINERS_AT_MOST)?;
        if let (Ok(name), Some(made)) = (entry.file_name().into_string(), entry.metadata().ok().as_ref().and_then(age))
        {
            found.insert(name.into(), made);
        }
    }
    Some(found)
}

/// Since when a directory is there, as well as its file system knows (Linux: statx(2), stx_btime).
fn age(metadata: &Metadata) -> Option<Made> {
    if !metadata.is_dir() {
        return None;
    }
    let time = |time: SystemTime| Time::try_from(time).ok();
    let birth = metadata.created().ok().and_then(time).map(|at| Made { at, dated: Dated::Birth });
    birth.or_else(|| Some(Made { at: time(metadata.modified().ok()?)?, dated: Dated::Change }))
}
