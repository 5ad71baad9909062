//! Tests of sweeping, in a directory of their own.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::*;

/// A host on which an agent ran, and what it has left.
struct Host {
    dir: tempfile::TempDir,
    files: Files,
}

fn host() -> Host {
    let dir = tempfile::tempdir().unwrap();
    let [state, run] = ["var/lib/kubewhy", "run/kubewhy"].map(|name| dir.path().join(name));
    for dir in [&state, &run] {
        fs::create_dir_all(dir).unwrap();
    }
    for name in state_files() {
        fs::write(state.join(name), "{}").unwrap();
    }
    drop(UnixListener::bind(run.join("kubewhy.sock")).unwrap());
    fs::create_dir(run.join(".kubewhy.sock.new")).unwrap();
    drop(UnixListener::bind(run.join(".kubewhy.sock.new/s")).unwrap());
    let files = Files::of(&state.join(""), &run.join("kubewhy.sock"));
    Host { dir, files }
}

impl Host {
    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Every path that is there.
    fn tree(&self) -> Vec<String> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
                found.push(entry.path());
                if entry.file_type().unwrap().is_dir() {
                    below(&entry.path(), found);
                }
            }
        }
        let mut found = Vec::new();
        below(self.dir.path(), &mut found);
        found.sort();
        let inside = |path: &PathBuf| path.strip_prefix(self.dir.path()).unwrap().display().to_string();
        found.iter().map(inside).collect()
    }

    fn sweep(&self) -> Vec<(String, Outcome, String)> {
        let inside = |name: &str| name.trim_start_matches(self.dir.path().to_str().unwrap()).to_owned();
        let items = self.files.sweep(false).into_iter();
        items.map(|item| (inside(&item.name), item.outcome, item.says.unwrap_or_default())).collect()
    }

    /// What stayed, and why.
    fn stays(&self) -> Vec<(String, Outcome, String)> {
        self.sweep().into_iter().filter(|(_, outcome, _)| *outcome != Outcome::Removed).collect()
    }
}

#[test]
fn all_that_an_agent_leaves_goes_with_its_directories_and_a_second_time_there_is_nothing() {
    let host = host();
    let (before, said) = (host.tree(), host.files.sweep(true));
    assert_eq!(host.tree(), before, "only asked");
    assert!(said.iter().all(|item| item.outcome == Outcome::Found), "{said:?}");
    assert_eq!(host.stays(), []);
    assert_eq!(host.tree(), ["run", "var", "var/lib"]);
    assert_eq!((host.sweep(), said.len()), (Vec::new(), state_files().count() + 5));
}

#[test]
fn what_is_not_kubewhy_s_stays_with_its_directory_and_is_named() {
    let host = host();
    for name in ["a", "b", "c", "d"] {
        fs::write(host.at("var/lib/kubewhy").join(name), "mine").unwrap();
    }
    fs::remove_file(host.at("var/lib/kubewhy/stories.0")).unwrap();
    fs::create_dir(host.at("var/lib/kubewhy/stories.0")).unwrap();
    let said = host.stays();
    let [(file, Outcome::Left, never), (dir, Outcome::Left, strangers)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((&**file, &**dir), ("/var/lib/kubewhy/stories.0", "/var/lib/kubewhy"));
    assert!(never.contains("it is a directory") && strangers.ends_with("a, b, c and 2 more"), "{never}; {strangers}");
    assert_eq!(host.tree().iter().filter(|path| path.starts_with("var/lib/kubewhy/")).count(), 5);
}

#[test]
fn no_link_is_followed_neither_of_a_file_nor_of_a_directory() {
    let host = host();
    let other = host.at("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("history.0"), "mine").unwrap();
    fs::remove_file(host.at("run/kubewhy/kubewhy.sock")).unwrap();
    symlink(other.join("history.0"), host.at("run/kubewhy/kubewhy.sock")).unwrap();
    fs::remove_dir_all(host.at("var/lib/kubewhy")).unwrap();
    symlink(&other, host.at("var/lib/kubewhy")).unwrap();
    let stays: Vec<_> = host.stays().into_iter().map(|(path, outcome, _)| (path, outcome)).collect();
    let is = |path: &str, outcome| (path.to_owned(), outcome);
    let [state, socket, dir] = ["/var/lib/kubewhy", "/run/kubewhy/kubewhy.sock", "/run/kubewhy"];
    assert_eq!(stays, [is(socket, Outcome::Left), is(dir, Outcome::Left), is(state, Outcome::Failed)]);
    assert_eq!(fs::read_to_string(other.join("history.0")).unwrap(), "mine");
}

#[test]
fn a_directory_of_another_name_is_not_ours_though_our_socket_is_in_it() {
    let host = host();
    let elsewhere = host.at("run/kubewhy/kubewhy.sock");
    fs::rename(host.at("run/kubewhy"), host.at("run/shared")).unwrap();
    let files = Files::of(&host.at("nowhere"), &host.at("run/shared/kubewhy.sock"));
    let removed = files.sweep(false);
    assert_eq!(removed.len(), 3, "{removed:?}");
    assert!(!elsewhere.exists() && fs::read_dir(host.at("run/shared")).unwrap().next().is_none());
}

#[test]
fn state_and_socket_may_share_a_directory() {
    let host = host();
    let shared = host.at("var/lib/kubewhy");
    fs::rename(host.at("run/kubewhy/kubewhy.sock"), shared.join("kubewhy.sock")).unwrap();
    let swept = Files::of(&shared, &shared.join("kubewhy.sock")).sweep(false);
    assert!(swept.iter().all(|item| item.outcome == Outcome::Removed) && !shared.exists(), "{swept:?}");
}

#[test]
fn each_directory_that_an_agent_may_hold_is_named_once() {
    let host = host();
    symlink(host.at("run"), host.at("var/run")).unwrap();
    let files = Files::of(&host.at("run/kubewhy"), &host.at("var/run/kubewhy/kubewhy.sock"));
    assert_eq!(files.held(), [host.at("run/kubewhy").canonicalize().unwrap()].into());
    let held = ["run/kubewhy", "var/lib/kubewhy"].map(|path| host.at(path).canonicalize().unwrap());
    assert_eq!(host.files.held(), held.into());
}
