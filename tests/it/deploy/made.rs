//! Holds what `make manifests` makes to what it is made of.

use std::path::Path;
use std::process::Command;

use super::base;
use super::render::{self, by_name, documents, folder};

fn made(kustomize: &Path, out: &Path) {
    let script = base().parent().unwrap().join("manifests.sh");
    let output = Command::new(script).arg(out).env("KUSTOMIZE", kustomize).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Part of `make check`, by its name.
#[test]
fn documents_made_of_the_manifests_are_current() {
    let Some(kustomize) = render::kustomize("what is made of the manifests") else { return };
    let out = tempfile::tempdir().unwrap();
    made(&kustomize, out.path());
    let read = |place: &Path| std::fs::read_to_string(place).unwrap_or_default();
    // Byte for byte, save what kustomize writes: another version of it may write the same in another way.
    let [fresh, kept] = [out.path().join("install.yaml"), folder("install.yaml")].map(|place| documents(&read(&place)));
    assert_eq!(by_name(&fresh), by_name(&kept), "deploy/install.yaml is old: make manifests");
    let objects = out.path().join("chart/objects");
    let mut files: Vec<_> = std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    let kept = std::fs::read_dir(folder("chart/objects")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(kept.filter(|file| !files.contains(file)).count(), 0, "one is made no more");
    let files = files.iter().map(|file| Path::new("chart/objects").join(file));
    for file in files.chain(["chart/values.schema.json", "monitoring/prometheusrule.yaml"].map(Into::into)) {
        let place = file.display();
        assert!(
            read(&out.path().join(&file)) == read(&folder(&file.to_string_lossy())),
            "{place} is old: make manifests"
        );
    }
}
