//! Every recording of a broken node, whole: what the catalogue can name is named rightly, what it can't is never misnamed.
//! Runs where `KUBEWHY_RECORDINGS` names the folder with the recordings and their `EXPECTED.md`.

use std::collections::BTreeMap;
use std::path::Path;

use kubewhy::causes;
use kubewhy::cli::replay::replay;
use kubewhy::model::cause::{Grows, Probe};
use kubewhy::observe::recorded::Recording;
use serde_json::{Value, json};

/// The tables of `EXPECTED.md`: per folder and recording the text of its cause.
pub(crate) fn expected(text: &str) -> BTreeMap<(String, String), String> {
    let mut folder = String::new();
    let mut all = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            folder = name.trim().to_owned();
        }
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if line.starts_with('|') && cells.len() == 2 && cells[0] != "recording" && !cells[0].starts_with('-') {
            all.insert((folder.clone(), cells[0].to_owned()), cells[1].to_owned());
        }
    }
    all
}

/// A recording as the watches gave it, in the form that the replay reads.
pub(crate) fn as_recording(raw: &str, runtime: &str) -> String {
    let mut lines = vec![json!({"broken": "", "runtime": runtime, "expect": null}).to_string()];
    for line in raw.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let (at, mut object) = (line["at"].take(), line["object"].take());
        if line["stream"] == "pods" && line["type"] != "DELETED" {
            lines.push(json!({"at": at, "pod": object}).to_string());
        } else if line["stream"] == "events" {
            object["pod"] = object["involvedObject"]["uid"].clone();
            lines.push(json!({"at": at, "event": object}).to_string());
        }
    }
    lines.join("\n")
}

#[test]
fn no_recorded_pod_is_misnamed() {
    let Some(folder) = std::env::var_os("KUBEWHY_RECORDINGS") else {
        crate::skipped("no_recorded_pod_is_misnamed", "KUBEWHY_RECORDINGS does not name a folder of recordings");
        return;
    };
    let folder = Path::new(&folder);
    let expected = expected(&std::fs::read_to_string(folder.join("EXPECTED.md")).unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let (mut judged, mut wrong) = (0, Vec::new());
    for ((group, name), text) in expected.iter().filter(|((group, _), _)| group.starts_with("pods-")) {
        let raw = std::fs::read_to_string(folder.join(group).join(format!("{name}.jsonl"))).unwrap();
        let runtime = if group == "pods-crio" { "CRI-O 1.37" } else { "containerd 2.1" };
        let recording = Recording::read(&as_recording(&raw, runtime), scratch.path()).unwrap();
        let said = replay(&recording).map(|(notice, _)| notice.reason);
        let first_word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        match causes::by_id(first_word) {
            // Pulls are not in these recordings, so what only containerd could tell is not told.
            Some(cause) if said == Some(cause.id) => {}
            // Nothing is said of a pod that failed for good, nor of an application that ended by itself.
            Some(cause)
                if said.is_none() && (cause.kind == Grows::Silent || text.contains("rejected at admission")) => {}
            // Its pull failed twice, for two reasons, of which only the second is in its status.
            _ if name == "image-stall" && said == Some("ImageCorrupt") => {}
            // What only takes long, and has neither words nor a view of the runtime in these recordings.
            Some(cause) if cause.signs.is_empty() && cause.probe != Some(Probe::Starts) && said.is_none() => {}
            None if said.is_none_or(|said| said == "Unclassified") => {}
            _ => wrong.push(format!("{group}/{name}: {text}: said {said:?}")),
        }
        judged += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(judged > 80, "only {judged} recordings were judged");
}
