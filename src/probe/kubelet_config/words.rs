//! The words of a kubelet's configuration, and how one file of it goes over another. Pure.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle};

/// How deep a file may nest; the deepest thing it can say is half as deep.
const DEPTH: usize = 16;

/// Each word by the names that lead to it: `evictionHard.nodefs.available`. Lists are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::probe) struct Words {
    /// None is `null`: said, and taken back.
    said: BTreeMap<String, Option<String>>,
    /// Names that hold others, maybe none.
    maps: BTreeSet<String>,
}

impl Words {
    /// None where that is no configuration at all.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = Self::default();
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            match event.ok()?.0 {
                Event::MappingStart(..) if open.len() < DEPTH => {
                    words.maps.extend(named(&open));
                    open.push(Open::Map(None));
                }
                Event::SequenceStart(..) if open.len() < DEPTH => open.push(Open::List),
                Event::MappingStart(..) | Event::SequenceStart(..) => return None,
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    told(&mut open);
                }
                Event::Scalar(word, style, ..) => {
                    let null = style == ScalarStyle::Plain && matches!(&*word, "" | "~" | "null" | "Null" | "NULL");
                    words.take(&mut open, &word, null);
                }
                Event::Alias(_) => told(&mut open),
                _ => {}
            }
        }
        // What holds no key at all is another file.
        (!words.said.is_empty() || !words.maps.is_empty()).then_some(words)
    }

    fn take(&mut self, open: &mut [Open], word: &str, null: bool) {
        if let Some(Open::Map(key @ None)) = open.last_mut() {
            *key = Some(word.to_owned());
            return;
        }
        if let Some(name) = named(open) {
            self.said.insert(name, (!null).then(|| word.to_owned()));
        }
        told(open);
    }

    /// What is said there, though it may be empty.
    pub(in crate::probe) fn said(&self, name: &str) -> Option<&str> {
        self.said.get(name)?.as_deref()
    }

    /// Whether that holds others, though it may be none.
    pub(in crate::probe) fn has(&self, name: &str) -> bool {
        self.maps.contains(name)
    }

    /// Says it anew.
    pub(in crate::probe) fn put(&mut self, name: &str, word: &str) {
        self.said.insert(name.to_owned(), Some(word.to_owned()));
    }

    /// Holds nothing there from now on.
    pub(super) fn empty(&mut self, name: &str) {
        self.forget(name);
        self.maps.insert(name.to_owned());
    }

    /// Goes over these as a JSON merge patch does (RFC 7386).
    pub(super) fn patch(&mut self, stronger: Self) {
        for (name, word) in stronger.said {
            self.forget(&name);
            if word.is_some() {
                self.said.insert(name, word);
            }
        }
        stronger.maps.iter().for_each(|name| _ = self.said.remove(name));
        self.maps.extend(stronger.maps);
    }

    fn forget(&mut self, name: &str) {
        let others =
            |known: &str| known.strip_prefix(name).is_none_or(|rest| !rest.is_empty() && !rest.starts_with('.'));
        self.said.retain(|known, _| others(known));
        self.maps.retain(|known| others(known));
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

/// The names that lead to the next value; none in a list, and at the top.
fn named(open: &[Open]) -> Option<String> {
    let names: Option<Vec<_>> = open.iter().map(Open::key).collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join("."))
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
evictionSoft: {}
registerWithTaints:
- {key: a, effect: NoSchedule}
cgroupDriver: systemd
resolvConf: \"\"
failSwapOn: null
";

    #[test]
    fn words_are_found_by_the_names_that_lead_to_them() {
        let config = Words::parse(KUBEADM).unwrap();
        assert_eq!(config.said("evictionHard.nodefs.available"), Some("5%"));
        assert_eq!(config.said("evictionHard.memory.available"), Some("200Mi"));
        assert_eq!(config.said("cgroupDriver"), Some("systemd"));
        assert_eq!((config.said("failSwapOn"), config.said("resolvConf")), (None, Some("")));
        assert!(config.has("evictionHard") && config.has("evictionSoft") && !config.has("cgroupDriver"));
        assert_eq!((config.said("registerWithTaints.key"), config.said("clusterDNS")), (None, None));
    }

    #[test]
    fn json_is_read_too_as_some_clouds_write_it() {
        let config = Words::parse(r#"{"kind": "KubeletConfiguration", "evictionHard": {"a": "1"}}"#).unwrap();
        assert_eq!(config.said("evictionHard.a"), Some("1"));
    }

    #[test]
    fn a_drop_in_changes_what_it_names_and_takes_back_what_it_calls_null() {
        let mut config = Words::parse(KUBEADM).unwrap();
        let patch = "evictionHard: {nodefs.available: 1%}\nauthentication: null\ncgroupDriver: null\nfailSwapOn: false";
        config.patch(Words::parse(patch).unwrap());
        assert_eq!(config.said("evictionHard.nodefs.available"), Some("1%"));
        assert_eq!(config.said("evictionHard.memory.available"), Some("200Mi"));
        assert_eq!((config.said("cgroupDriver"), config.said("failSwapOn")), (None, Some("false")));
        assert!(!config.has("authentication") && config.said("authentication.anonymous.enabled").is_none());
        config.patch(Words::parse("evictionHard: ").unwrap());
        assert!(!config.has("evictionHard") && config.said("evictionHard.memory.available").is_none());
    }

    #[test]
    fn what_is_no_configuration_is_none() {
        let deep = "[".repeat(10_000);
        for text in ["", "---", "- a", "a: [", "just words", "\0\u{1}", &deep, "? [a]\n: b", "*x"] {
            assert_eq!(Words::parse(text), None, "{text:?}");
        }
    }
}
