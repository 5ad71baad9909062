//! Real wordings and near misses, cause by cause.

use super::classify;
use crate::causes;

fn named(text: &str) -> &'static str {
    classify(text).map_or("-", |cause| cause.id)
}

#[test]
fn each_cause_is_named_from_its_own_words() {
    for (cause, text) in [
        (
            "ImageNotFound",
            r#"rpc error: code = NotFound desc = failed to pull and unpack image "127.0.0.1:5000/app:nope": failed to resolve reference "127.0.0.1:5000/app:nope": 127.0.0.1:5000/app:nope: not found"#,
        ),
        (
            "ImageNotFound",
            r#"unable to pull image or OCI artifact: pull image err: initializing source docker://r.example/app:nope: reading manifest nope in r.example/app: manifest unknown; artifact err: image reference: get manifest from ref: manifest unknown"#,
        ),
        (
            "ImageAccessDenied",
            r#"failed to pull and unpack image "r.example/app:v1": failed to resolve image: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"#,
        ),
        (
            "ImageAccessDenied",
            r#"failed to pull and unpack image "r.example/app:v1": failed to resolve image: unexpected status from HEAD request to https://r.example/v2/app/manifests/v1: 403 Forbidden"#,
        ),
        (
            "ImageAccessDenied",
            r#"unable to pull image or OCI artifact: pull image err: initializing source docker://r.example/app:v1: reading manifest v1 in r.example/app: unauthorized; artifact err: x: unauthorized"#,
        ),
        (
            "RegistryNameUnresolved",
            r#"failed to pull and unpack image "r.nowhere/app:v1": failed to resolve image: failed to do request: Head "https://r.nowhere/v2/app/manifests/v1": dial tcp: lookup r.nowhere on 10.96.0.10:53: no such host"#,
        ),
        (
            "RegistryNameUnresolved",
            r#"failed to do request: Head "https://r.nowhere/v2/": dial tcp: lookup r.nowhere on 10.0.0.2:53: read udp 10.0.0.9:41414->10.0.0.2:53: i/o timeout"#,
        ),
        (
            "RegistryUnreachable",
            r#"failed to do request: Head "https://127.0.0.1:5999/v2/app/manifests/v1": dial tcp 127.0.0.1:5999: connect: connection refused"#,
        ),
        (
            "RegistryUnreachable",
            r#"failed to do request: Head "https://r.example/v2/app/manifests/v1": dial tcp 203.0.113.9:443: i/o timeout"#,
        ),
        (
            "RegistryUnreachable",
            r#"Head "https://r.example/v2/app/manifests/v1": proxyconnect tcp: dial tcp: lookup proxy.corp on 10.0.0.2:53: no such host"#,
        ),
        ("RegistryUnreachable", r#"proxyconnect tcp: dial tcp: lookup http: no such host"#),
        (
            "SandboxImageUnavailable",
            r#"Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "r.nowhere/pause:3.10": failed to pull image "r.nowhere/pause:3.10": failed to do request: dial tcp: lookup r.nowhere on 10.96.0.10:53: no such host"#,
        ),
        (
            "CniPluginMissing",
            r#"failed to setup network for sandbox "3c26": plugin type="flanneld-x" failed (add): failed to find plugin "flanneld-x" in path [/opt/cni/bin]"#,
        ),
        (
            "CniConfigMissing",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
        ),
        ("ConfigReferenceMissing", r#"configmap "cart-settings" not found"#),
        ("ConfigReferenceMissing", r#"couldn't find key db-host in Secret shop/cart"#),
        (
            "CommandNotFound",
            r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file or directory"#,
        ),
        (
            "CommandNotFound",
            r#"runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown"#,
        ),
        (
            "RuntimeDown",
            r#"rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory""#,
        ),
    ] {
        assert_eq!(named(text), cause, "{text}");
    }
}

#[test]
fn any_text_gets_an_answer() {
    for text in ["\0\0", "\\\"\\\"", "é".repeat(100_000).as_str(), "[err1, err2]", "%!s(MISSING)"] {
        assert_eq!(named(text), "-");
    }
}

#[test]
fn every_cause_that_words_can_name_names_its_own_examples() {
    let mut wrong = Vec::new();
    for cause in causes::ALL.iter().filter(|cause| !cause.signs.is_empty()) {
        if cause.examples.len() < 2 {
            wrong.push((cause.id, "-", "has fewer than two examples"));
        }
        let said = cause.examples.iter().map(|text| (cause.id, named(text), *text));
        wrong.extend(said.filter(|(id, said, _)| id != said));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_catalogue_entry_is_found_by_a_wording_and_has_steps_to_take() {
    for cause in causes::ALL.iter().filter(|cause| !cause.signs.is_empty()) {
        assert!(cause.steps.len() >= 2, "{}: what to look at, and what to change", cause.id);
    }
}
