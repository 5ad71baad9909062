//! Pictures of real Kubernetes 1.36 nodes, each broken in one known way: what is told of them first, and that all of it is one
//! story. Runs where `KUBEWHY_RECORDINGS` names the folder with the recordings and their `EXPECTED.md`.

use std::path::Path;

use kubewhy::cli::replay::tellings;
use kubewhy::observe::recorded::Recording;
use serde_json::{Map, Value, json};

use crate::recordings::expected;

/// The plugins that were installed on all of them.
const PLUGINS: &[&str] = &["bridge", "host-local", "loopback", "portmap", "slowcni"];
/// Where the node is well by all that it says, and only a pod tells.
const TOLD_BY_A_POD: &[(&str, &str)] = &[("cni-hang", "SandboxStalled")];

fn read(folder: &Path, file: &str) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(folder.join(file)).ok()?).ok()
}

fn text(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap_or_default().trim().to_owned()
}

/// As `crictl info` prints it: the conditions, and the rest as the verbose part.
fn status(mut info: Value) -> Value {
    let conditions = info["status"]["conditions"].take();
    json!({"conditions": conditions, "info": info})
}

fn cni(folder: &Path) -> Value {
    let files = std::fs::read_dir(folder.join("net.d")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files: Map<String, Value> = files
        .map(|file| {
            (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&file).unwrap().into())
        })
        .collect();
    json!({"files": files, "plugins": PLUGINS})
}

/// One picture in the form that the replay reads: all that was seen was so from the start.
fn as_recording(folder: &Path) -> String {
    let (start, end) = (text(folder, "start"), text(folder, "end"));
    let mut lines = vec![json!({"broken": "", "runtime": "containerd 2.1", "expect": null})];
    lines.push(json!({"at": start, "node": read(folder, "node.json").unwrap()}));
    match (read(folder, "cri-status.json"), text(folder, "cri-status.err")) {
        (Some(info), _) => lines.push(json!({"at": start, "status": status(info)})),
        (None, error) => lines.push(json!({"at": start, "calls": error})),
    }
    lines.push(json!({"at": start, "cni": cni(folder)}));
    if let Some(list) = read(folder, "cri-sandboxes.json") {
        lines.push(json!({"at": start, "sandboxes": list["items"]}));
    }
    if let Some(pod) = read(folder, "pod.json") {
        let uid = pod["metadata"]["uid"].clone();
        lines.push(json!({"at": pod["metadata"]["creationTimestamp"], "pod": pod}));
        for mut event in
            read(folder, "pod-events.json").into_iter().flat_map(|list| list["items"].as_array().cloned().unwrap())
        {
            event["pod"] = uid.clone();
            lines.push(json!({"at": event["lastTimestamp"], "event": event}));
        }
    }
    lines.push(json!({"at": end, "end": true}));
    lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_broken_node_is_told_by_its_cause_and_by_nothing_else() {
    let Some(folder) = std::env::var_os("KUBEWHY_RECORDINGS") else {
        crate::skipped("every_broken_node", "KUBEWHY_RECORDINGS does not name a folder of recordings");
        return;
    };
    let folder = Path::new(&folder);
    let expected = expected(&std::fs::read_to_string(folder.join("EXPECTED.md")).unwrap());
    let mut wrong = Vec::new();
    let all: Vec<_> = expected.iter().filter(|((group, _), _)| group == "node").collect();
    for ((_, name), cause) in &all {
        let scratch = tempfile::tempdir().unwrap();
        let recording = Recording::read(&as_recording(&folder.join("node").join(name)), scratch.path()).unwrap();
        let told = tellings(&recording, usize::MAX);
        let reasons: Vec<_> = told.iter().map(|(notice, _)| notice.reason).collect();
        let by_a_pod = TOLD_BY_A_POD.iter().find(|(of, _)| of == name).map(|(_, cause)| *cause);
        let wanted = by_a_pod.unwrap_or_else(|| cause.split(|c: char| !c.is_alphanumeric()).next().unwrap());
        if reasons != [wanted] {
            wrong.push(format!(
                "{name}: {cause}: said {reasons:?}: {:#?}",
                told.iter().map(|(n, _)| &n.sentence).collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() >= 9, "only {} recordings were judged", all.len());
}
