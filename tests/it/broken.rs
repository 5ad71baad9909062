//! Holds examples/broken to what it promises: each pod is one that an API server takes, and what the kubelet says of it comes out of the
//! whole pipeline as the cause that its file names. Whether a node breaks so is `tests/e2e/broken.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use kubewhy::causes;
use kubewhy::cli::replay::replay;
use kubewhy::model::cause::Cause;
use kubewhy::observe::recorded::Recording;
use kubewhy_lab::openapi::Schemas;
use serde_json::{Value, json};

const BOUND: &str = "2026-11-21T03:00:00Z";
const NAMESPACE: &str = "kubewhy-broken";

/// One file.
struct Broken {
    pod: Value,
    /// What the kubelet says; none where it is silent.
    kubelet: Option<String>,
    cause: &'static Cause,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/broken")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn kustomization() -> Value {
    serde_saphyr::from_str(&read("kustomization.yaml")).unwrap()
}

fn all() -> Vec<Broken> {
    let files = kustomization()["resources"].as_array().unwrap().clone();
    let files = files.iter().map(|file| file.as_str().unwrap()).filter(|file| *file != "namespace.yaml");
    files.map(broken).collect()
}

fn broken(file: &str) -> Broken {
    let text = read(file);
    let said = |who: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# {who}: "))).unwrap();
    let kubelet = Some(said("kubelet").to_owned()).filter(|words| words != "nothing");
    let pod: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(file, format!("{}.yaml", pod["metadata"]["name"].as_str().unwrap()));
    Broken { pod, kubelet, cause: causes::by_id(said("kubewhy")).unwrap_or_else(|| panic!("{file} names no cause")) }
}

#[test]
fn ten_pods_are_broken_in_ten_ways_and_the_readme_has_them_all() {
    let (all, readme) = (all(), read("README.md"));
    let mut causes: Vec<_> = all.iter().map(|broken| broken.cause.id).collect();
    causes.sort_unstable();
    causes.dedup();
    assert_eq!(causes.len(), 10);
    let there = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let beside = ["README.md", "kustomization.yaml", "namespace.yaml"];
    assert_eq!(there.filter(|file| !beside.contains(&file.as_str())).count(), all.len(), "a file is not applied");
    for Broken { pod, cause, .. } in &all {
        assert_eq!((&pod["kind"], &pod["metadata"]["namespace"]), (&json!("Pod"), &json!(NAMESPACE)));
        let name = pod["metadata"]["name"].as_str().unwrap();
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        assert!(row.contains(&format!("[{0}](../../docs/causes.md#{1})", cause.id, cause.id.to_lowercase())), "{row}");
    }
}

#[test]
fn every_broken_pod_fits_the_schemas_of_the_api() {
    let Some(folder) = std::env::var_os("KUBEWHY_OPENAPI").map(PathBuf::from) else {
        return crate::skipped("the broken pods against the API's schemas", "KUBEWHY_OPENAPI is not set");
    };
    let schemas = Schemas::from_folder(&folder).unwrap();
    let namespace = serde_saphyr::from_str(&read("namespace.yaml")).unwrap();
    for object in all().into_iter().map(|broken| broken.pod).chain([namespace]) {
        schemas.validate(&object).unwrap_or_else(|faults| panic!("{}:\n{}", object["metadata"], faults.join("\n")));
    }
}

#[test]
fn kubectl_makes_one_namespace_with_all_of_them_of_the_folder() {
    let Ok(made) = Command::new("kubectl").arg("kustomize").arg(folder()).output() else {
        return crate::skipped("examples/broken by kubectl", "there is no kubectl");
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).unwrap();
    let objects: Vec<Value> = made.split("\n---\n").map(|object| serde_saphyr::from_str(object).unwrap()).collect();
    assert_eq!(objects.len(), 11);
    for object in &objects {
        let own =
            if object["kind"] == "Namespace" { &object["metadata"]["name"] } else { &object["metadata"]["namespace"] };
        assert_eq!(own, NAMESPACE);
    }
}

/// The pod as its API server has it once it is bound, with that status.
fn bound(pod: &Value, containers: &Value, inits: &Value) -> Value {
    let mut pod = pod.clone();
    pod["metadata"]["uid"] = json!("u");
    pod["metadata"]["creationTimestamp"] = json!(BOUND);
    pod["spec"]["nodeName"] = json!("node-7");
    let scheduled = json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": BOUND});
    let sandbox = if containers["waiting"]["reason"] == "ContainerCreating" { "False" } else { "True" };
    let sandbox = json!({"type": "PodReadyToStartContainers", "status": sandbox, "lastTransitionTime": BOUND});
    pod["status"] = json!({
        "phase": "Pending", "startTime": BOUND, "conditions": [scheduled, sandbox],
        "containerStatuses": [{"name": "main", "state": containers}],
        "initContainerStatuses": if inits.is_null() { json!([]) } else { json!([{"name": "wait-for-database", "state": inits}]) },
    });
    pod
}

/// The reason under which the kubelet waits with these words.
fn reason(cause: &Cause) -> &'static str {
    match cause.id {
        "ConfigReferenceMissing" | "RunAsRootForbidden" => "CreateContainerConfigError",
        "CommandNotFound" => "RunContainerError",
        _ => "ErrImagePull",
    }
}

/// What is recorded of it: at a time, the pod or an Event.
fn recorded(Broken { pod, kubelet, cause }: &Broken) -> Vec<Value> {
    let none = Value::Null;
    let creating = json!({"waiting": {"reason": "ContainerCreating"}});
    let begins = json!({"at": BOUND, "pod": bound(pod, &creating, &none)});
    let second = "2026-11-21T03:00:03Z";
    match kubelet {
        Some(words) if cause.id == "VolumeSourceMissing" => {
            let object = json!({"kind": "Pod", "namespace": NAMESPACE, "name": pod["metadata"]["name"], "uid": "u"});
            // It tries again after twice the time, and says so each time; the agent asks after 15 s.
            let tries = ["00:00", "00:01", "00:03", "00:07", "00:15", "00:31", "01:03"];
            let event = |at: &str| {
                let at = format!("2026-11-21T03:{at}Z");
                let event = json!({
                    "pod": "u", "involvedObject": object, "type": "Warning", "reason": "FailedMount", "message": words,
                    "source": {"component": "kubelet"}, "firstTimestamp": second, "lastTimestamp": at,
                    "metadata": {"name": "v.1", "namespace": NAMESPACE, "creationTimestamp": second},
                });
                json!({"at": at, "event": event})
            };
            [begins].into_iter().chain(tries.map(event)).collect()
        }
        Some(words) => {
            let waiting = json!({"waiting": {"reason": reason(cause), "message": words}});
            vec![begins, json!({"at": second, "pod": bound(pod, &waiting, &none)})]
        }
        None => {
            let (waits, runs) =
                (json!({"waiting": {"reason": "PodInitializing"}}), json!({"running": {"startedAt": second}}));
            let holds = bound(pod, &waits, &runs);
            vec![begins, json!({"at": second, "pod": holds}), json!({"at": "2026-11-21T03:01:00Z", "pod": holds})]
        }
    }
}

#[test]
fn what_the_kubelet_says_of_each_comes_out_as_the_cause_that_its_file_names() {
    let scratch = tempfile::tempdir().unwrap();
    // What holds a pod in its hook shows in the runtime alone, which is in no recording.
    let told = all().into_iter().filter(|broken| broken.cause.id != "HookRunning").map(|broken| {
        let head = json!({"broken": "", "runtime": "containerd 2.1", "expect": null});
        let lines: Vec<_> = [head].into_iter().chain(recorded(&broken)).map(|line| line.to_string()).collect();
        let recording = Recording::read(&lines.join("\n"), scratch.path()).unwrap();
        (broken.cause.id, replay(&recording).map(|(notice, _)| notice.reason))
    });
    let wrong: Vec<_> = told.filter(|(cause, said)| *said != Some(*cause)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
