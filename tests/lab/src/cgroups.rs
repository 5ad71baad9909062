//! The one thing of a lab that outlives its namespaces: its cgroup directories. Removes its own at the end and, at the
//! next start, those of labs that were killed. Never a directory of another name, or of a lab that still lives.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const MOUNT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "kubewhy-lab-";
/// The kernel needs a moment to bury the processes of a namespace: 50 tries, 5 s.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// A name for a new lab's cgroup: it carries the pid of this process, so that it can be told dead from alive.
pub(crate) fn fresh_name() -> String {
    static LABS: AtomicU32 = AtomicU32::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed))
}

/// Removes the cgroups of a lab that has ended, in every hierarchy.
pub(crate) async fn remove(name: &str) {
    for _ in 0..TRIES {
        let left = found().into_iter().filter(|path| path.ends_with(name)).filter(|path| !remove_tree(path)).count();
        if left == 0 {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the cgroups of labs whose process is gone. What cannot be removed yet is left to the next start.
pub(crate) fn sweep() {
    for path in found() {
        if owner(&path).is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove_tree(&path);
        }
    }
}

/// The pid in the name of a lab's cgroup.
fn owner(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?.strip_prefix(PREFIX)?;
    name.split('-').next().filter(|pid| !pid.is_empty() && pid.bytes().all(|c| c.is_ascii_digit()))
}

/// The labs' cgroups: at the top of the one hierarchy (v2), or of each (v1).
fn found() -> Vec<PathBuf> {
    let top = folders(Path::new(MOUNT));
    let below = top.iter().flat_map(|path| folders(path)).collect::<Vec<_>>();
    top.into_iter().chain(below).filter(|path| owner(path).is_some()).collect()
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Removes a cgroup and those below it; false while a process is still in one.
fn remove_tree(path: &Path) -> bool {
    // All of them are tried, also after one that could not be removed.
    let stuck = folders(path).iter().filter(|folder| !remove_tree(folder)).count();
    stuck == 0 && std::fs::remove_dir(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_of_ours_has_an_owner() {
        assert_eq!(owner(Path::new("/sys/fs/cgroup/memory/kubewhy-lab-42-0")), Some("42"));
        assert_eq!(owner(Path::new("/sys/fs/cgroup/memory/kubewhy-lab-../x")), None);
        assert_eq!(owner(Path::new("/sys/fs/cgroup/memory/kubewhy-lab-")), None);
        assert_eq!(owner(Path::new("/sys/fs/cgroup/memory/system.slice")), None);
    }

    #[test]
    fn a_cgroup_goes_with_those_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let lab = dir.path().join("kubewhy-lab-1-0");
        std::fs::create_dir_all(lab.join("pod/container")).unwrap();
        assert!(remove_tree(&lab));
        assert!(!lab.exists());
    }
}
