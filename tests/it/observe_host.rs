//! The host as a container sees it: parts of it mounted below a prefix, from the same file system, and nothing of it in the
//! directories that lead there. What is in no mount is unknown, never missing. Needs root on Linux, to mount.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use kubewhy::model::cni::CniConfig;
use kubewhy::observe::host::{CniDirs, NamedBy, cni};
use kubewhy_lab::in_lab;

const BRIDGE: &str = r#"{"cniVersion":"1.0.0","name":"lab","plugins":[{"type":"bridge"}]}"#;

#[test]
fn what_of_the_host_is_not_mounted_is_unknown_and_what_is_gone_from_a_mount_is_missing() {
    in_lab!(async {
        let dir = tempfile::tempdir()?;
        let (host, prefix) = (dir.path().join("node"), dir.path().join("host"));
        for part in ["etc/cni/net.d", "opt/cni/bin", "var/snap/run", "var/lib/cni/bin"] {
            std::fs::create_dir_all(host.join(part))?;
        }
        std::fs::write(host.join("etc/cni/net.d/10-lab.conflist"), BRIDGE)?;
        for mounted in ["etc/cni", "opt/cni", "var/snap/run"] {
            bind(&host.join(mounted), &prefix.join(mounted))?;
        }
        missing(&prefix, "/etc/cni/net.d", "/opt/cni/bin", &["bridge", "loopback"])?;
        missing(&prefix, "/etc/cni/net.d", "/var/lib/cni/bin", &[])?;
        let k3s = dirs("/var/lib/rancher/k3s/agent/etc/cni/net.d", "/opt/cni/bin");
        ensure!(cni::look(&prefix, &k3s).config == CniConfig::Unknown, "{:?}", cni::look(&prefix, &k3s));
        let whole = dir.path().join("whole");
        bind(&host, &whole)?;
        missing(&whole, "/etc/cni/net.d", "/var/lib/cni/bin", &["bridge", "loopback"])?;
        ensure!(cni::look(&whole, &k3s).config == CniConfig::Missing, "{:?}", cni::look(&whole, &k3s));
        Ok(())
    });
}

fn bind(dir: &Path, place: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(place)?;
    let done = Command::new("mount").arg("--bind").args([dir, place]).status()?;
    ensure!(done.success(), "mount --bind: {done}");
    Ok(())
}

fn missing(root: &Path, conf_dir: &str, bin_dir: &str, plugins: &[&str]) -> anyhow::Result<()> {
    let seen = cni::look(root, &dirs(conf_dir, bin_dir));
    let missing: Vec<&str> = seen.missing_plugins.iter().map(|plugin| &**plugin).collect();
    ensure!(missing == plugins && seen.unreadable.is_some() == plugins.is_empty(), "{seen:?}");
    Ok(())
}

fn dirs(conf_dir: &str, bin_dir: &str) -> CniDirs {
    CniDirs { conf_dir: conf_dir.into(), bin_dirs: vec![bin_dir.into()], named_by: NamedBy::Containerd }
}
