//! What `kubewhy check` makes of a runtime that answers, of one that hangs and of none.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use k8s_cri::v1::{Image, ImageStatusResponse, ListPodSandboxResponse, PodSandbox, StatusResponse};
use serde_json::{Value, json};
use tonic::Code;

use crate::fake_runtime::{FakeRuntime, Reply, answer, image, runtime};

/// A host with nothing but a runtime's socket.
struct Host {
    root: tempfile::TempDir,
    runtime: FakeRuntime,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("run/containerd");
        std::fs::create_dir_all(&folder).unwrap();
        let runtime = FakeRuntime::containerd(&folder.join("containerd.sock"));
        Self { root, runtime }
    }
}

/// The readings of one probe, by what each is about.
fn readings(root: &Path, probe: &str) -> HashMap<String, Value> {
    let args = ["check", "-o", "json", "--host-root", root.to_str().unwrap()];
    let output = Command::new(env!("CARGO_BIN_EXE_kubewhy")).args(args).env_clear().output().unwrap();
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let of = |reading: Value| (reading["of"].as_str().unwrap().to_owned(), reading);
    all.into_iter().filter(|reading| reading["probe"] == probe).map(of).collect()
}

#[test]
fn a_runtime_that_answers_is_told_call_by_call_with_its_pause_image() {
    let host = Host::new();
    let config = json!({"sandboxImage": "registry.k8s.io/pause:3.10"}).to_string();
    let info = HashMap::from([("config".to_owned(), config)]);
    host.runtime.on(&runtime("Status"), answer(&StatusResponse { info, ..StatusResponse::default() }));
    let items = vec![PodSandbox::default(), PodSandbox::default()];
    host.runtime.on(&runtime("ListPodSandbox"), answer(&ListPodSandboxResponse { items }));
    for (here, verdict, says) in [
        (Some(Image { pinned: true, ..Image::default() }), "fine", "registry.k8s.io/pause:3.10 is here, and pinned"),
        (None, "suspect", "registry.k8s.io/pause:3.10 is not here: the next pod has to pull it"),
    ] {
        host.runtime.on(&image("ImageStatus"), answer(&ImageStatusResponse { image: here, ..Default::default() }));
        let pause = &readings(host.root.path(), "pause-image")[""];
        assert_eq!((&pause["verdict"], &pause["says"]), (&json!(verdict), &json!(says)));
    }
    let calls = readings(host.root.path(), "runtime-calls");
    assert_eq!(calls.len(), 5, "{calls:?}");
    assert!(calls.values().all(|call| call["verdict"] == "fine"), "{calls:?}");
    assert!(calls["Connect"]["says"].as_str().unwrap().ends_with("ms, containerd 2.1.4"), "{calls:?}");
    assert!(calls["ListPodSandbox"]["says"].as_str().unwrap().ends_with("ms, 2 sandboxes"), "{calls:?}");
}

#[test]
fn a_call_that_fails_is_told_with_what_it_says_of_the_runtime() {
    let host = Host::new();
    host.runtime.on(&runtime("ListPodSandbox"), Reply::Fail(Code::Internal, "the store is closed"));
    host.runtime.on(&runtime("Status"), Reply::Fail(Code::Internal, "cni plugin timed out"));
    let calls = readings(host.root.path(), "runtime-calls");
    let [list, status] = ["ListPodSandbox", "Status"].map(|method| &calls[method]);
    assert_eq!((&list["verdict"], &list["cause"]), (&json!("broken"), &json!("RuntimeDown")), "{list}");
    assert_eq!(
        (&status["verdict"], &status["missing"]),
        (&json!("unknown"), &json!("answer")),
        "a plugin may hold it up: {status}"
    );
}

#[test]
fn a_host_without_a_runtime_has_none_to_ask() {
    let root = tempfile::tempdir().unwrap();
    let calls = readings(root.path(), "runtime-calls");
    assert_eq!(calls["Connect"]["missing"], "subject", "{calls:?}");
    assert!(readings(root.path(), "pause-image").is_empty());
}
