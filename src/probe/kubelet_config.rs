//! What the kubelet's configuration file says, for the probes whose question depends on it. Reads one file, and never a
//! credential: the file has none. What the kubelet's flags change, but for which file it is, is not
//! seen.

use std::collections::BTreeMap;
use std::path::Path;

use granit_parser::{Event, Parser};

use super::Node;
use super::kubelet::daemon::{self, Places};
use crate::host::Lost;

const SIZE_AT_MOST: u64 = 256 * 1024;
/// How deep the file may nest; the deepest thing it can say is half as deep.
const DEPTH: usize = 16;

/// The words of the file, each by the names that lead to it: `evictionHard.nodefs.available`. Lists are left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct KubeletConfig(BTreeMap<String, String>);

impl KubeletConfig {
    /// Reads the one that a running kubelet was given, or the usual one. That it is not there, or is something else, is an
    /// error like any other.
    pub(super) fn read(node: &Node) -> Result<Self, Lost> {
        let running = daemon::find(node).ok().flatten();
        Self::at(node, &Places::of(node, running.as_ref()).config)
    }

    /// Reads this one.
    pub(super) fn at(node: &Node, file: &Path) -> Result<Self, Lost> {
        let content = node.root().read(file, SIZE_AT_MOST)?;
        Self::parse(&String::from_utf8_lossy(&content))
            .ok_or_else(|| Lost::Invalid(format!("{} is no configuration of a kubelet", file.display())))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            match event.ok()?.0 {
                Event::MappingStart(..) if open.len() < DEPTH => open.push(Open::Map(None)),
                Event::SequenceStart(..) if open.len() < DEPTH => open.push(Open::List),
                Event::MappingStart(..) | Event::SequenceStart(..) => return None,
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    told(&mut open);
                }
                Event::Scalar(word, ..) => words.take(&mut open, &word),
                Event::Alias(_) => told(&mut open),
                _ => {}
            }
        }
        // What holds no key at all is another file.
        (!words.0.is_empty()).then_some(words)
    }

    fn take(&mut self, open: &mut [Open], word: &str) {
        if let Some(Open::Map(key @ None)) = open.last_mut() {
            *key = Some(word.to_owned());
            return;
        }
        let names: Option<Vec<_>> = open.iter().map(Open::key).collect();
        if let Some(names) = names.filter(|names| !names.is_empty()) {
            self.0.insert(names.join("."), word.to_owned());
        }
        told(open);
    }

    /// What is said there; none where nothing or only `null` is.
    pub(super) fn get(&self, names: &str) -> Option<&str> {
        self.0.get(names).map(String::as_str).filter(|word| !matches!(*word, "" | "~" | "null"))
    }

    /// What is said there, though it may be empty.
    pub(super) fn said(&self, names: &str) -> Option<&str> {
        self.0.get(names).map(String::as_str)
    }

    /// Whether anything is said below this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }
}

/// A map, with the key whose value comes next, or a list.
enum Open {
    Map(Option<String>),
    List,
}

impl Open {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Map(key) => key.as_deref(),
            Self::List => None,
        }
    }
}

/// A value is complete: its map waits for the next key.
fn told(open: &mut [Open]) {
    if let Some(Open::Map(key)) = open.last_mut() {
        *key = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBEADM: &str = "\
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous: {enabled: false}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
clusterDNS: [10.96.0.10]
evictionHard:
  nodefs.available: 5%
  memory.available: \"200Mi\"
registerWithTaints:
- {key: a, effect: NoSchedule}
cgroupDriver: systemd
resolvConf: /run/systemd/resolve/resolv.conf
failSwapOn: null
";

    #[test]
    fn words_are_found_by_the_names_that_lead_to_them() {
        let config = KubeletConfig::parse(KUBEADM).unwrap();
        assert_eq!(config.get("evictionHard.nodefs.available"), Some("5%"));
        assert_eq!(config.get("evictionHard.memory.available"), Some("200Mi"));
        assert_eq!(config.get("cgroupDriver"), Some("systemd"));
        assert_eq!(config.get("failSwapOn"), None);
        assert!(config.has("evictionHard") && !config.has("evictionSoft") && !config.has("cgroupDriver"));
        assert_eq!((config.get("registerWithTaints.key"), config.get("clusterDNS")), (None, None));
    }

    #[test]
    fn json_is_read_too_as_some_clouds_write_it() {
        let config = KubeletConfig::parse(r#"{"kind": "KubeletConfiguration", "evictionHard": {"a": "1"}}"#).unwrap();
        assert_eq!(config.get("evictionHard.a"), Some("1"));
    }

    #[test]
    fn what_is_no_configuration_is_none() {
        let deep = "[".repeat(10_000);
        for text in ["", "---", "- a", "a: [", "just words", "\0\u{1}", &deep, "? [a]\n: b", "*x"] {
            assert_eq!(KubeletConfig::parse(text), None, "{text:?}");
        }
    }
}
