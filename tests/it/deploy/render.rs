//! What kustomize and Helm make of `deploy/`. Without kustomize nothing is said of it, save where `make test` demands it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{base, list, text};

/// The folder of a profile, a distribution or a part.
pub(super) fn folder(name: &str) -> PathBuf {
    base().parent().unwrap().join(name)
}

/// The folders that are applied or named in an overlay, by kind.
pub(super) fn folders(kind: &str) -> Vec<String> {
    let all = std::fs::read_dir(base().parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    let of_kind = |name: &String| {
        let file = std::fs::read_to_string(folder(name).join("kustomization.yaml"));
        file.is_ok_and(|file| file.lines().any(|line| line == format!("kind: {kind}")))
    };
    let mut names: Vec<String> = all.map(|entry| entry.file_name().into_string().unwrap()).filter(of_kind).collect();
    names.sort();
    names
}

/// A program that `tests/lab/parts.sh deploy` has put there.
fn program(name: &str) -> Option<PathBuf> {
    let parts = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/parts");
    let place = std::env::var_os("KUBEWHY_PARTS").map_or_else(parts, PathBuf::from).join("bin").join(name);
    place.exists().then_some(place)
}

/// Whether `test` can be done: with kustomize. It fails where it must be done.
pub(super) fn kustomize(test: &str) -> Option<PathBuf> {
    let found = program("kustomize");
    if found.is_none() {
        crate::wanted(test, "there is no kustomize; tests/lab/parts.sh deploy gets it, or says why not");
    }
    found
}

/// Whether `test` can be done: with Helm.
pub(super) fn helm(test: &str) -> Option<PathBuf> {
    let found = program("helm");
    if found.is_none() {
        crate::skipped(test, "there is no helm; tests/lab/parts.sh deploy says why");
    }
    found
}

/// Every document of a text.
pub(super) fn documents(rendered: &str) -> Vec<Value> {
    let texts = rendered.split("\n---\n").map(|text| text.trim_start_matches("---\n"));
    let read = |text| serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    texts.map(read).filter(|document: &Value| !document.is_null()).collect()
}

/// What `kustomize build` makes of a folder.
pub(super) fn built(kustomize: &Path, folder: &Path) -> Vec<Value> {
    let output = Command::new(kustomize).arg("build").arg(folder).output().unwrap();
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

/// An overlay of somebody's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay<'a> {
    /// Of `deploy/`, what it is an overlay of.
    pub(super) of: &'a str,
    pub(super) components: Vec<&'a str>,
    /// Folders whose `mounts.yaml` it has a copy of.
    pub(super) mounts: Option<&'a str>,
    /// What else stands in its file.
    pub(super) more: String,
}

impl Overlay<'_> {
    /// What `kustomize build` makes of it.
    pub(super) fn built(&self, kustomize: &Path) -> Vec<Value> {
        let dir = tempfile::tempdir().unwrap();
        let up = "../".repeat(dir.path().canonicalize().unwrap().components().count() - 1);
        let there = |name: &str| {
            let folder = folder(name).canonicalize().unwrap();
            format!("{up}{}", folder.strip_prefix("/").unwrap().display())
        };
        let mut file: Value = match self.more.as_str() {
            "" => json!({}),
            more => serde_saphyr::from_str(more).unwrap(),
        };
        file["resources"] = json!([there(self.of)]);
        file["components"] = self.components.iter().map(|part| there(part)).collect();
        if let Some(mounts) = self.mounts {
            std::fs::copy(folder(mounts).join("mounts.yaml"), dir.path().join("mounts.yaml")).unwrap();
            let mut patches = list(file.get("patches").unwrap_or(&json!([]))).to_vec();
            patches.push(json!({"path": "mounts.yaml"}));
            file["patches"] = patches.into();
        }
        std::fs::write(dir.path().join("kustomization.yaml"), file.to_string()).unwrap();
        built(kustomize, dir.path())
    }
}

/// The lines that a folder's `kustomization.yaml` shows for an overlay, from the one that begins so.
pub(super) fn shown(name: &str, first: &str) -> String {
    let file = std::fs::read_to_string(folder(name).join("kustomization.yaml")).unwrap();
    let mut lines = file.lines().filter_map(|line| line.strip_prefix('#')).skip_while(|line| line.trim() != first);
    let head = lines.next().unwrap_or_else(|| panic!("{name} shows no {first}"));
    let indent = &head[..head.len() - first.len()];
    let rest = lines.map_while(|line| line.strip_prefix(indent));
    [first].into_iter().chain(rest).collect::<Vec<_>>().join("\n")
}

/// What `helm template` makes of the chart, or why it does not.
pub(super) fn templated(helm: &Path, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let mut command = Command::new(helm);
    command.args(["template", "anything"]).arg(folder("chart")).args(["--namespace", "kubewhy"]).args(arguments);
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(documents(&String::from_utf8(output.stdout).unwrap())),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

/// The objects by kind and name, with what has no order in one, and the configuration as what it says.
pub(super) fn by_name(objects: &[Value]) -> BTreeMap<String, Value> {
    let named = |object: &Value| format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]));
    let all: BTreeMap<String, Value> = objects.iter().map(|object| (named(object), ordered(object.clone()))).collect();
    assert_eq!(all.len(), objects.len(), "one is there twice");
    all
}

fn ordered(mut object: Value) -> Value {
    // With `namespace:` kustomize gives one to each kind that it does not know; the API server takes it off again
    // (Kubernetes: EnsureObjectNamespaceMatchesRequestNamespace in apiserver/pkg/registry/rest/meta.go).
    const CLUSTER_WIDE: &[&str] =
        &["FlowSchema", "PriorityLevelConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    if CLUSTER_WIDE.contains(&&*text(&object["kind"])) {
        object["metadata"].as_object_mut().unwrap().remove("namespace");
    }
    if let Some(config) = object.pointer_mut("/data/config.yaml") {
        *config = serde_saphyr::from_str(config.as_str().unwrap()).unwrap();
    }
    let pod = "/spec/template/spec";
    for list in ["/volumes", "/containers/0/volumeMounts", "/containers/0/env"] {
        if let Some(Value::Array(list)) = object.pointer_mut(&format!("{pod}{list}")) {
            list.sort_by_key(|one| text(&one["name"]));
        }
    }
    object
}

/// The one of a kind.
pub(super) fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    one
}

/// The pod of the agent.
pub(super) fn pod(objects: &[Value]) -> &Value {
    &one(objects, "DaemonSet")["spec"]["template"]["spec"]
}
