//! What the kubelet was told, for the probes whose question depends on it: by its configuration file, by the drop-in files
//! that go over it, and by its flags, which go over both (Kubernetes: NewKubeletCommand in cmd/kubelet/app/server.go).
//! Never reads a credential: none of these has one.

mod flags;
mod words;

use std::path::{Path, PathBuf};

pub(super) use self::words::Words;
use super::kubelet::daemon::{self, Places};
use super::{Node, eviction};
use crate::host::{Lost, Process};

const SIZE_AT_MOST: u64 = 256 * 1024;
/// More drop-in files than a node has.
const DROP_INS: usize = 64;
/// How deep their folders may nest.
const DEPTH: usize = 8;

/// What it was told.
#[derive(Debug)]
pub(super) struct KubeletConfig {
    words: Words,
    certain: bool,
}

impl KubeletConfig {
    /// What the kubelet was told that runs, or would be by the usual file. That this is not there, or is something else, is an
    /// error like any other.
    pub(super) fn read(node: &Node) -> Result<Self, Lost> {
        let running = daemon::find(node).ok().flatten();
        Self::of(node, running.as_ref())
    }

    /// What this kubelet was told.
    pub(super) fn of(node: &Node, running: Option<&Process>) -> Result<Self, Lost> {
        let places = Places::of(node, running);
        let mut words = Words::default();
        if let Some(file) = &places.config {
            words = parsed(node, file)?;
            eviction::complete(&mut words);
        }
        for file in
            places.drop_ins.iter().map(|dir| drop_ins(node, dir, DEPTH)).collect::<Result<Vec<_>, _>>()?.concat()
        {
            words.patch(parsed(node, &file)?);
        }
        let told = running.filter(|process| daemon::has_own_flags(process));
        told.map_or(Ok(()), |process| flags::take(&mut words, &process.command))?;
        Ok(Self { words, certain: told.is_some() })
    }

    /// All of it is seen: the kubelet runs, and its command line is its own.
    pub(super) fn is_certain(&self) -> bool {
        self.certain
    }

    /// What is said there; none where nothing is.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.said(name).filter(|word| !word.is_empty())
    }

    /// What is said there, though it may be empty.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.words.said(name)
    }
}

fn parsed(node: &Node, file: &Path) -> Result<Words, Lost> {
    let content = node.root().read(file, SIZE_AT_MOST)?;
    Words::parse(&String::from_utf8_lossy(&content))
        .ok_or_else(|| Lost::Invalid(format!("{} is no configuration of a kubelet", file.display())))
}

/// Those of a folder and the folders in it, in the order of their names (Kubernetes: mergeKubeletConfigurations).
fn drop_ins(node: &Node, dir: &Path, depth: usize) -> Result<Vec<PathBuf>, Lost> {
    let unread = |error: std::io::Error| Lost::Unknown(format!("{}: {error}", dir.display()));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(node.root().find(dir)?).map_err(unread)?.take(DROP_INS) {
        entries.push(entry.map_err(unread)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let path = dir.join(entry.file_name());
        if entry.file_type().map_err(unread)?.is_dir() {
            let inner = depth.checked_sub(1).ok_or(Lost::Unusable("its folders nest too deep"))?;
            files.extend(drop_ins(node, &path, inner)?);
        } else if path.extension().is_some_and(|extension| extension == "conf") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::scene::Host;
    use super::*;

    const FILE: &str = "var/lib/kubelet/config.yaml";

    fn host(flags: &[&str]) -> Host {
        let command = [&["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml"], flags].concat();
        Host::new().whole().process(812, 'S', &command).file(FILE, "healthzPort: 1\nresolvConf: /a\nfailSwapOn: false")
    }

    fn said(host: &Host, name: &str) -> Option<String> {
        KubeletConfig::read(&host.node()).unwrap().said(name).map(str::to_owned)
    }

    #[test]
    fn flags_go_over_drop_ins_by_name_and_these_over_the_file() {
        let host = host(&["--config-dir=/etc/kubelet.d", "--healthz-port=5"])
            .file("etc/kubelet.d/20-b.conf", "healthzPort: 3\nresolvConf: /c")
            .file("etc/kubelet.d/10-a.conf", "healthzPort: 2\nresolvConf: /b")
            .file("etc/kubelet.d/15/x.conf", "cgroupDriver: systemd")
            .file("etc/kubelet.d/30-c.yaml", "resolvConf: /d");
        assert_eq!(said(&host, "healthzPort").as_deref(), Some("5"));
        assert_eq!(said(&host, "resolvConf").as_deref(), Some("/c"));
        assert_eq!(said(&host, "cgroupDriver").as_deref(), Some("systemd"));
        assert_eq!(said(&host, "failSwapOn").as_deref(), Some("false"));
        assert!(KubeletConfig::read(&host.node()).unwrap().is_certain());
    }

    #[test]
    fn what_is_not_all_seen_is_not_certain_and_what_can_t_be_read_is_an_error() {
        let file = || Host::new().whole().file(FILE, "healthzPort: 1");
        assert!(!KubeletConfig::read(&file().node()).unwrap().is_certain(), "its flags are not seen");
        let held = file().process(812, 'S', &["/snap/microk8s/7/kubelite", "--kubelet-args-file=/x"]);
        assert!(!KubeletConfig::read(&held.node()).unwrap().is_certain(), "its flags are in a file");
        assert!(KubeletConfig::read(&host(&["--config-dir=/etc/kubelet.d"]).node()).is_err());
        let wrong = host(&["--config-dir=/etc/kubelet.d"]).file("etc/kubelet.d/a.conf", "- a");
        assert!(KubeletConfig::read(&wrong.node()).is_err());
        assert!(KubeletConfig::read(&host(&["--fail-swap-on=perhaps"]).node()).is_err());
    }

    #[test]
    fn a_kubelet_that_was_given_no_file_reads_none() {
        let host =
            Host::new().whole().process(812, 'S', &["kubelet", "--healthz-port", "7"]).file(FILE, "resolvConf: /a");
        assert_eq!((said(&host, "healthzPort").as_deref(), said(&host, "resolvConf")), (Some("7"), None));
    }
}
