//! Looks at hosts made of temporary directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use super::*;

const BRIDGE: &str =
    r#"{"cniVersion":"1.0.0","name":"lab","plugins":[{"type":"bridge","ipam":{"type":"host-local"}}]}"#;

struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(host.path("etc/cni/net.d")).unwrap();
        fs::create_dir_all(host.path("opt/cni/bin")).unwrap();
        fs::create_dir_all(host.path("usr")).unwrap();
        host
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn config(self, name: &str, content: &str) -> Self {
        fs::write(self.path("etc/cni/net.d").join(name), content).unwrap();
        self
    }

    fn plugin(self, name: &str, mode: u32) -> Self {
        let file = self.path("opt/cni/bin").join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn look(&self, named_by: NamedBy) -> CniHost {
        look(self.0.path(), &CniDirs { named_by, ..CniDirs::default() })
    }
}

fn loaded(host: &CniHost) -> &str {
    match &host.config {
        CniConfig::Loaded { file, .. } => file.file_name().unwrap().to_str().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn problem(host: &CniHost) -> String {
    match &host.config {
        CniConfig::Invalid { file, problem } => format!("{}: {problem}", file.display()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_directory_and_one_that_is_not_there_hold_no_configuration() {
    let host = Host::new().config("README.md", "x").config("10-x.conflist.bak", BRIDGE);
    fs::create_dir(host.path("etc/cni/net.d/20-folder.conf")).unwrap();
    assert_eq!(host.look(NamedBy::Containerd).config, CniConfig::Missing);
    fs::remove_dir_all(host.path("etc/cni")).unwrap();
    assert_eq!(host.look(NamedBy::Containerd).config, CniConfig::Missing);
}

#[test]
fn a_whole_network_is_loaded_and_misses_nothing() {
    let host = Host::new().config("10-lab.conflist", BRIDGE);
    let host = host.plugin("bridge", 0o755).plugin("host-local", 0o755).plugin("loopback", 0o755);
    let seen = host.look(NamedBy::Containerd);
    assert_eq!((loaded(&seen), &seen.missing_plugins[..], &seen.unreadable), ("10-lab.conflist", &[][..], &None));
}

#[test]
fn the_first_file_by_name_decides_for_containerd_and_the_first_valid_one_for_the_others() {
    let host = Host::new().config("10-broken.conf", "{").config("20-single.conf", r#"{"type":"ptp"}"#);
    let host = host.config("30-list.conflist", BRIDGE);
    assert!(problem(&host.look(NamedBy::Containerd)).starts_with("/etc/cni/net.d/10-broken.conf: not valid JSON"));
    assert_eq!(loaded(&host.look(NamedBy::Operator)), "20-single.conf");
}

#[test]
fn a_plugin_that_is_absent_or_not_executable_or_a_loop_is_missing() {
    let host = Host::new().config("10-lab.conflist", BRIDGE).plugin("bridge", 0o644);
    symlink("/opt/cni/bin/host-local", host.path("opt/cni/bin/host-local")).unwrap();
    let missing = host.look(NamedBy::Containerd).missing_plugins;
    assert_eq!(missing, ["bridge", "host-local", "loopback"].map(Arc::from));
    assert_eq!(host.look(NamedBy::Operator).missing_plugins.len(), 2, "only go-cni needs loopback");
}

#[test]
fn absence_from_a_guessed_directory_proves_nothing() {
    let seen = Host::new().config("10-lab.conflist", BRIDGE).look(NamedBy::Guess);
    assert!(seen.missing_plugins.is_empty() && seen.unreadable.unwrap().contains("does not say"));
}

#[test]
fn plugins_are_found_in_any_directory_and_through_links() {
    let host = Host::new().config("10-lab.conflist", BRIDGE).plugin("real", 0o755);
    fs::create_dir_all(host.path("usr/lib/cni")).unwrap();
    symlink("/opt/cni/bin/real", host.path("usr/lib/cni/bridge")).unwrap();
    symlink("real", host.path("opt/cni/bin/host-local")).unwrap();
    assert!(host.look(NamedBy::Operator).missing_plugins.is_empty());
}

#[test]
fn what_is_not_mounted_is_unknown_and_not_missing() {
    let host = Host::new().config("10-lab.conflist", BRIDGE);
    fs::remove_dir_all(host.path("opt")).unwrap();
    let seen = host.look(NamedBy::Operator);
    assert!(seen.missing_plugins.is_empty() && seen.unreadable.unwrap().contains("not mounted"));
    fs::remove_dir_all(host.path("etc")).unwrap();
    assert_eq!(host.look(NamedBy::Operator).config, CniConfig::Unknown);
}

/// k3s keeps its configuration and plugins below /var, of which the standard profile may mount other parts.
#[test]
fn what_lies_beside_a_mount_is_unknown_and_not_missing() {
    let host = Host::new().config("10-lab.conflist", BRIDGE);
    fs::create_dir_all(host.path("var/snap/microk8s")).unwrap();
    let line = |dir: &str| format!("1 2 8:1 / {} ro - ext4 /dev/sda1 rw\n", host.path(dir).display());
    let mounts = Mounts::among(host.0.path(), ["etc/cni", "var/snap/microk8s"].map(line).concat().as_bytes());
    let elsewhere = |conf_dir: &str| CniDirs {
        conf_dir: conf_dir.into(),
        bin_dirs: vec!["/var/lib/cni/bin".into()],
        named_by: NamedBy::Containerd,
    };
    let seen = look_below(Root(&mounts), &elsewhere("/var/lib/rancher/k3s/agent/etc/cni/net.d"));
    assert_eq!(seen.config, CniConfig::Unknown);
    let seen = look_below(Root(&mounts), &elsewhere("/etc/cni/net.d"));
    assert!(matches!(seen.config, CniConfig::Loaded { .. }) && seen.missing_plugins.is_empty());
    assert_eq!(seen.unreadable.unwrap(), "/var/lib/cni/bin/bridge of the host is not mounted");
}

#[test]
fn a_directory_that_cannot_be_listed_is_unknown() {
    let host = Host::new();
    fs::remove_dir(host.path("etc/cni/net.d")).unwrap();
    fs::write(host.path("etc/cni/net.d"), "a file").unwrap();
    let seen = host.look(NamedBy::Containerd);
    assert_eq!(seen.config, CniConfig::Unknown);
    assert!(seen.unreadable.unwrap().starts_with("/etc/cni/net.d: "));
}

#[test]
fn a_fifo_a_huge_file_and_a_loop_of_links_are_broken_and_not_waited_for() {
    for (make, what) in [
        (
            (|file| rustix::fs::mkfifoat(rustix::fs::CWD, file, 0o644.into()).unwrap()) as fn(&Path),
            "not a regular file",
        ),
        (|file| fs::File::create(file).unwrap().set_len(1 << 30).unwrap(), "far too large"),
        (|file| symlink("/etc/cni/net.d/10-x.conf", file).unwrap(), "a loop of symbolic links"),
    ] {
        let host = Host::new();
        make(&host.path("etc/cni/net.d/10-x.conf"));
        assert_eq!(problem(&host.look(NamedBy::Containerd)), format!("/etc/cni/net.d/10-x.conf: {what}"));
    }
}
