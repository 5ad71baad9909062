//! A recorded node whose kubelet pulls one image at a time, and a registry that accepts connections and never answers: who
//! is told what, and when. The recordings hold the API server's side; the one lease of containerd's is added, as containerd
//! keeps it while it waits for a registry. Runs where `KUBEWHY_RECORDINGS` names the folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kubewhy::engine::Crank;
use kubewhy::model::diagnosis::Subject;
use kubewhy::model::observation::{Observation, Seen};
use kubewhy::model::pull::Pull;
use kubewhy::model::settings::Settings;
use kubewhy::model::{Time, after, since};
use kubewhy::observe::recorded::Recording;

use crate::recordings::{as_recording, expected};

/// The pod whose registry is mute, and one that came to its image within the same second: whose pull it is can't be told.
const HEAD: &str = "image-mute-registry";
const TOGETHER: &str = "image-wrong-arch";

/// The lease that containerd holds for a pull of which nothing has come.
fn mute(began: Time) -> Seen {
    Seen::Pulls(vec![Pull {
        lease: "1763693383-mute".into(),
        own: None,
        began: Some(began),
        repositories: Vec::new(),
        manifests: Vec::new(),
        document: None,
        layers: Vec::new(),
        complete_list: false,
    }])
}

/// All pods of the folder as one node saw them, in order.
fn node(folder: &Path, names: impl Iterator<Item = String>) -> Vec<Observation> {
    let scratch = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for name in names {
        let raw = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        all.extend(Recording::read(&as_recording(&raw, "containerd 2.1"), scratch.path()).unwrap().observations);
    }
    all.sort_by_key(|observation| observation.at);
    all
}

/// What is said first of each pod, and how long after its sandbox was up.
fn said(observations: &[Observation], lease: (Time, Seen)) -> BTreeMap<String, (&'static str, Duration)> {
    let mut ready: BTreeMap<String, Time> = BTreeMap::new();
    for pod in observations.iter().filter_map(|o| if let Seen::PodChanged(pod) = &o.seen { Some(pod) } else { None }) {
        if let Some((true, Some(since))) = pod.sandbox_ready {
            ready.entry(pod.id.name.to_string()).or_insert(since);
        }
    }
    let (mut crank, mut first) = (Crank::new("lab-node", false), BTreeMap::new());
    let mut queue = observations.iter().peekable();
    let begin = queue.peek().unwrap().at;
    for second in 0..100 {
        let now = after(begin, Duration::from_secs(second));
        while let Some(observation) = queue.next_if(|observation| observation.at <= now) {
            crank.take(observation.clone());
        }
        if lease.0 <= now {
            crank.take(Observation { at: now, seen: lease.1.clone() });
        }
        for found in crank.turn(&Settings::default(), now).0.diagnoses {
            let Subject::Pod(id) = &found.subject else { continue };
            let name = id.name.to_string();
            let waited = ready.get(&name).map_or(Duration::ZERO, |ready| since(*ready, now));
            first.entry(name).or_insert((found.cause.id, waited));
        }
    }
    first
}

#[test]
fn pods_behind_a_mute_registry_are_told_so_and_the_one_that_waits_for_it_is_not() {
    let Some(folder) = std::env::var_os("KUBEWHY_RECORDINGS") else {
        return crate::skipped("pull_queue", "KUBEWHY_RECORDINGS does not name a folder of recordings");
    };
    let folder = Path::new(&folder);
    let expected = expected(&std::fs::read_to_string(folder.join("EXPECTED.md")).unwrap());
    let of_node: BTreeMap<String, String> = expected
        .into_iter()
        .filter_map(|((group, name), text)| (group == "pods-serial-pulls").then_some((name, text)))
        .collect();
    let observations = node(&folder.join("pods-serial-pulls"), of_node.keys().cloned());
    let began: Time = "2026-11-21T02:49:43Z".parse().unwrap();
    let lease = (began, mute(began));
    assert!(observations.iter().any(|o| o.at < began), "the recording is of another day");
    let said = said(&observations, lease);
    let mut waiting = 0;
    for (name, text) in of_node {
        let told = said.get(&name).copied();
        if text.contains("ImagePullQueued") && name != TOGETHER {
            let (cause, waited) = told.unwrap_or_else(|| panic!("nothing is said of {name}"));
            assert_eq!(cause, "ImagePullQueued", "{name}");
            assert!((13..=17).contains(&waited.as_secs()), "{name} after {waited:?}");
            waiting += 1;
        } else {
            assert_ne!(told.map(|(cause, _)| cause), Some("ImagePullQueued"), "{name}: {text}");
        }
    }
    assert_eq!(waiting, 12);
    assert!(!said.contains_key(HEAD), "{:?}", said[HEAD]);
}
