//! The archive that `make image` makes, by `deploy/image/oci.sh` and without the long build: any static program stands for ours.
//! What the image says of itself is read from the archive alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/image/oci.sh")
}

/// Made in a place of its own, from files of other times: its archive and what was said.
fn made(program: &[u8], epoch: &str) -> (TempDir, Output) {
    made_of(program, epoch, "abc123")
}

/// Likewise, of that commit; of none where that is empty.
fn made_of(program: &[u8], epoch: &str, revision: &str) -> (TempDir, Output) {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("program"), program).unwrap();
    fs::write(place.path().join("sbom"), r#"{"bomFormat": "CycloneDX"}"#).unwrap();
    let output = Command::new(script())
        .args(["program", "sbom", "arm64", "kubewhy:0.1.0", "out/kubewhy.tar"])
        .current_dir(place.path())
        .env("SOURCE_DATE_EPOCH", epoch)
        .env("REVISION", revision)
        .output()
        .unwrap();
    (place, output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

/// The files of an archive, by name.
fn files(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    let done = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(place.path()).status().unwrap();
    assert!(done.success());
    let mut found = BTreeMap::new();
    let mut folders = vec![place.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(place.path()).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap()
}

/// What a descriptor names; it has to be what it says.
fn blob(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
    let name = descriptor["digest"].as_str().unwrap().replace(':', "/");
    let bytes = files[&format!("blobs/{name}")].clone();
    assert_eq!((json!(bytes.len()), name), (descriptor["size"].clone(), format!("sha256/{}", digest(&bytes))));
    bytes
}

#[test]
fn the_image_is_the_program_and_the_list_of_its_crates_and_says_what_it_is() {
    let (place, output) = made(b"\x7fELF static", "1700000000");
    assert!(output.status.success(), "{}", said(&output));
    let files = files(&place.path().join("out/kubewhy.tar"));
    let index = object(&files, "index.json");
    let manifest = &index["manifests"][0];
    assert_eq!(said(&output).lines().last(), manifest["digest"].as_str(), "its last line is the digest");
    assert_eq!(manifest["platform"], json!({"architecture": "arm64", "os": "linux"}));
    assert_eq!(manifest["annotations"]["io.containerd.image.name"], "docker.io/library/kubewhy:0.1.0");

    let manifest: Value = serde_json::from_slice(&blob(&files, manifest)).unwrap();
    let config: Value = serde_json::from_slice(&blob(&files, &manifest["config"])).unwrap();
    let run = &config["config"];
    assert_eq!([&run["User"], &run["Entrypoint"]], [&json!("65532:65532"), &json!(["/kubewhy"])]);
    assert_eq!(run["Env"], json!(["PATH=/"]), "for kubectl exec POD -- kubewhy status");
    assert_eq!(run["Labels"], manifest["annotations"]);
    let label = |name: &str| run["Labels"][format!("org.opencontainers.image.{name}")].clone();
    assert_eq!(
        ["version", "revision", "licenses", "created"].map(label),
        ["0.1.0", "abc123", "Apache-2.0", "2023-11-14T22:13:20Z"]
    );

    let layer = tempfile::tempdir().unwrap();
    let packed = layer.path().join("layer.tar.gz");
    fs::write(&packed, blob(&files, &manifest["layers"][0])).unwrap();
    let listed = Command::new("tar").arg("-tvzf").arg(&packed).env("TZ", "UTC").output().unwrap();
    let lines: Vec<String> =
        said(&listed).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let entry = |mode: &str, size: usize, name: &str| format!("{mode} 0/0 {size} 2023-11-14 22:13 {name}");
    assert_eq!(lines, [entry("-rwxr-xr-x", 11, "kubewhy"), entry("-rw-r--r--", 26, "kubewhy.cdx.json")]);
    // What Docker before 25 reads says the same.
    let old = object(&files, "manifest.json");
    assert_eq!(old[0]["RepoTags"], json!(["kubewhy:0.1.0"]));
    assert_eq!(files[old[0]["Config"].as_str().unwrap()], blob(&files, &manifest["config"]));
}

#[test]
fn without_a_commit_there_is_no_label_of_one() {
    let (place, output) = made_of(b"\x7fELF static", "0", "");
    assert!(output.status.success(), "{}", said(&output));
    let files = files(&place.path().join("out/kubewhy.tar"));
    let manifest: Value = serde_json::from_slice(&blob(&files, &object(&files, "index.json")["manifests"][0])).unwrap();
    let named: Vec<&String> = manifest["annotations"].as_object().unwrap().keys().collect();
    assert!(named.len() == 5 && !named.iter().any(|name| name.ends_with("revision")), "{named:?}");
}

#[test]
fn the_same_program_gives_the_same_bytes_and_another_does_not() {
    let bytes = |program: &[u8], epoch: &str| {
        let (place, output) = made(program, epoch);
        assert!(output.status.success(), "{}", said(&output));
        fs::read(place.path().join("out/kubewhy.tar")).unwrap()
    };
    let first = bytes(b"\x7fELF static", "1700000000");
    assert_eq!(digest(&first), digest(&bytes(b"\x7fELF static", "1700000000")));
    assert_ne!(digest(&first), digest(&bytes(b"\x7fELF other", "1700000000")));
    assert_ne!(digest(&first), digest(&bytes(b"\x7fELF static", "1700000001")));
}

#[test]
fn a_program_that_nothing_would_load_is_refused() {
    let (place, output) = made(b"\x7fELF /lib64/ld-linux-x86-64.so.2", "0");
    assert!(!output.status.success());
    assert!(
        said(&output).contains("linked dynamically") && said(&output).contains("make release"),
        "{}",
        said(&output)
    );
    assert!(!place.path().join("out/kubewhy.tar").exists());
}
