//! Holds deploy/base to what it promises: the rules of the standard profile, our own command line and configuration.

mod chart;
mod clean;
mod made;
mod openshift;
mod overlays;
mod profiles;
mod render;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kubewhy::client::endpoint::Endpoint;
use serde_json::{Value, json};

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base")
}

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(base().join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The objects that `kubectl apply -k` would apply, by kind.
fn objects() -> BTreeMap<String, Value> {
    let files = read("kustomization.yaml")["resources"].as_array().unwrap().clone();
    files.iter().map(|file| read(file.as_str().unwrap())).map(|object| (text(&object["kind"]), object)).collect()
}

fn pod() -> Value {
    objects()["DaemonSet"]["spec"]["template"]["spec"].clone()
}

fn container() -> Value {
    let containers = pod()["containers"].as_array().unwrap().clone();
    assert_eq!(containers.len(), 1);
    containers[0].clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// Volumes of the host with their mounts: name → (hostPath, mount).
fn host_mounts() -> BTreeMap<String, (Value, Value)> {
    host_mounts_of(&pod())
}

fn host_mounts_of(pod: &Value) -> BTreeMap<String, (Value, Value)> {
    let mount_of = |name: &Value| {
        let mount = list(&pod["containers"][0]["volumeMounts"]).iter().find(|mount| mount["name"] == *name);
        mount.unwrap_or_else(|| panic!("{name} is not mounted")).clone()
    };
    let of_the_host = list(&pod["volumes"]).iter().filter(|volume| volume["hostPath"].is_object());
    of_the_host.map(|volume| (text(&volume["name"]), (volume["hostPath"].clone(), mount_of(&volume["name"])))).collect()
}

#[test]
fn every_file_of_the_base_is_applied() {
    let resources = read("kustomization.yaml")["resources"].clone();
    let named: BTreeSet<String> = list(&resources).iter().map(text).collect();
    let there = std::fs::read_dir(base()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.filter(|file| file != "kustomization.yaml").collect::<BTreeSet<_>>(), named);
}

#[test]
fn every_place_where_a_runtime_is_looked_for_is_mounted() {
    let container = container();
    let root = list(&container["env"]).iter().find(|one| one["name"] == "KUBEWHY_HOST_ROOT").unwrap();
    let root = text(&root["value"]);
    let elsewhere = host_mounts_of(&read("../microk8s/mounts.yaml")["spec"]["template"]["spec"]);
    let mounts = host_mounts().into_values().chain(elsewhere.into_values());
    let mounts: Vec<String> = mounts.map(|(_, mount)| text(&mount["mountPath"])).collect();
    for socket in Endpoint::Search(root.into()).candidates() {
        assert!(mounts.iter().any(|mount| socket.starts_with(mount)), "{} is not mounted", socket.display());
    }
}

/// What the agent writes by default, on a root file system that it may not write to.
#[test]
fn the_socket_of_the_api_has_a_place_that_can_be_written_to() {
    let socket = Path::new(kubewhy::serve::api::DEFAULT_SOCKET);
    let (_, mount) = host_mounts()["api"].clone();
    assert_eq!(socket.parent(), Some(Path::new(&text(&mount["mountPath"]))));
    assert!(mount["readOnly"].is_null());
    assert!(!list(&container()["args"]).iter().any(|arg| text(arg).starts_with("--api-socket")));
}

#[test]
fn the_history_is_looked_for_where_the_pod_keeps_it() {
    let args = list(&container()["args"]).iter().map(text).collect::<Vec<_>>();
    let known = kubewhy::cli::definition();
    let history = known.find_subcommand("history").unwrap();
    let flag = history.get_opts().find(|flag| flag.get_long() == Some("state-dir")).unwrap();
    let default = flag.get_default_values()[0].to_str().unwrap();
    assert!(args.contains(&format!("--state-dir={default}")), "{default}");
}

#[test]
fn the_standard_profile_asks_for_no_more_than_it_says() {
    let paths: BTreeSet<String> = host_mounts().values().map(|(host, _)| text(&host["path"])).collect();
    let own = ["/run/kubewhy", "/var/lib/kubewhy"];
    let read = ["/etc/cni", "/opt/cni", "/proc", "/run", "/sys/fs", "/var/lib/cni", "/var/lib/kubelet", "/var/log"];
    assert_eq!(paths, own.iter().chain(&read).map(|path| (*path).to_owned()).collect());
    assert_eq!(
        container()["securityContext"],
        json!({
            "privileged": false,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        })
    );
    let pod = pod();
    assert_eq!(
        pod["securityContext"],
        json!({"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    assert!(pod["hostPID"].is_null() && pod["hostIPC"].is_null() && container()["ports"].is_null());
}

#[test]
fn the_agent_runs_where_nothing_else_can() {
    let (pod, spec) = (pod(), objects()["DaemonSet"]["spec"].clone());
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["dnsPolicy"], "Default");
    assert_eq!(pod["priorityClassName"], "system-node-critical");
    assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
    assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/os": "linux"}));
    assert_eq!(spec["updateStrategy"]["rollingUpdate"], json!({"maxUnavailable": "10%", "maxSurge": 0}));
    let resources = json!({"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}});
    assert_eq!(container()["resources"], resources);
    for level in ["enforce", "audit", "warn"] {
        let label = format!("pod-security.kubernetes.io/{level}");
        assert_eq!(objects()["Namespace"]["metadata"]["labels"][label], "privileged");
    }
}

#[test]
fn probes_ask_on_loopback_where_the_agent_answers() {
    let container = container();
    let address = list(&container["args"]).iter().map(text).find_map(|arg| {
        arg.strip_prefix("--health-address=").map(|address| address.parse::<std::net::SocketAddr>().unwrap())
    });
    for probe in ["livenessProbe", "readinessProbe"] {
        let get = &container[probe]["httpGet"];
        assert_eq!(format!("{}:{}", text(&get["host"]), get["port"]), address.unwrap().to_string());
        assert!(address.unwrap().ip().is_loopback());
    }
}

#[test]
fn the_rights_are_the_least_and_never_secrets() {
    let role = objects()["ClusterRole"].clone();
    let rights: BTreeMap<String, Vec<String>> = list(&role["rules"])
        .iter()
        .flat_map(|rule| {
            list(&rule["resources"]).iter().map(|r| (text(r), list(&rule["verbs"]).iter().map(text).collect()))
        })
        .collect();
    let expected = [
        ("events", vec!["create", "patch", "list"]),
        ("nodes", vec!["list", "watch"]),
        ("pods", vec!["list", "watch"]),
    ];
    let expected = expected.map(|(r, verbs)| (r.to_owned(), verbs.into_iter().map(str::to_owned).collect()));
    assert_eq!(rights, BTreeMap::from(expected));
}

#[test]
fn every_right_states_its_reason() {
    let parts =
        ["condition", "prepull-marks", "storage", "metrics-auth"].map(|part| format!("../{part}/clusterrole.yaml"));
    for file in parts.iter().map(String::as_str).chain(["clusterrole.yaml"]) {
        let role = std::fs::read_to_string(base().join(file)).unwrap();
        let lines: Vec<&str> = role.lines().collect();
        for (index, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("  - apiGroups")) {
            assert!(lines[index - 1].trim_start().starts_with('#'), "{file}:{} has no reason above it", index + 1);
        }
    }
}

/// Each optional right is `get` of one resource, so that each can be left out alone, and bound to the agent's account.
#[test]
fn the_optional_rights_of_storage_read_single_objects_and_nothing_else() {
    let [role, binding] = ["../storage/clusterrole.yaml", "../storage/clusterrolebinding.yaml"].map(read);
    let named = |rule: &Value| {
        assert_eq!((&rule["verbs"], list(&rule["apiGroups"]).len()), (&json!(["get"]), 1), "{rule}");
        let [resource] = list(&rule["resources"]) else { panic!("{rule}") };
        text(resource)
    };
    let resources: BTreeSet<String> = list(&role["rules"]).iter().map(named).collect();
    let expected = [
        "csidrivers",
        "csinodes",
        "persistentvolumeclaims",
        "persistentvolumes",
        "resourceclaims",
        "volumeattachments",
    ];
    assert_eq!(resources, expected.map(str::to_owned).into());
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["subjects"], objects()["ClusterRoleBinding"]["subjects"]);
    let component = read("../storage/kustomization.yaml");
    assert_eq!(component["kind"], "Component");
    assert_eq!(component["resources"], json!(["clusterrole.yaml", "clusterrolebinding.yaml"]));
}

#[test]
fn the_rights_to_write_on_the_node_are_apart_and_one_each() {
    for (folder, resource) in [("condition", "nodes/status"), ("prepull-marks", "nodes")] {
        let [role, binding] =
            ["clusterrole", "clusterrolebinding"].map(|file| read(&format!("../{folder}/{file}.yaml")));
        assert_eq!(role["rules"], json!([{"apiGroups": [""], "resources": [resource], "verbs": ["patch"]}]));
        assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
        assert_eq!(binding["subjects"], objects()["ClusterRoleBinding"]["subjects"]);
        assert_eq!(read(&format!("../{folder}/kustomization.yaml"))["kind"], "Component");
    }
}

#[test]
fn the_rights_to_ask_who_reads_the_metrics_are_apart_and_bound_to_the_agent() {
    let [role, binding, reader] = ["clusterrole.yaml", "clusterrolebinding.yaml", "reader.yaml"]
        .map(|file| read(&format!("../metrics-auth/{file}")));
    let right =
        |group: &str, resource: &str| json!({"apiGroups": [group], "resources": [resource], "verbs": ["create"]});
    let both = [right("authentication.k8s.io", "tokenreviews"), right("authorization.k8s.io", "subjectaccessreviews")];
    assert_eq!(role["rules"], json!(both));
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["subjects"], objects()["ClusterRoleBinding"]["subjects"]);
    assert_eq!(reader["rules"], json!([{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]));
    let component = read("../metrics-auth/kustomization.yaml");
    assert_eq!(component["kind"], "Component");
    assert_eq!(component["resources"], json!(["clusterrole.yaml", "clusterrolebinding.yaml", "reader.yaml"]));
    assert_eq!(component["patches"], json!([{"path": "daemonset.yaml"}]));
}

/// What the patch sets are the agent's own variables, and never the one without the other.
#[test]
fn metrics_are_served_to_other_machines_only_behind_the_guard() {
    let patch = read("../metrics-auth/daemonset.yaml");
    for key in ["name", "namespace"] {
        assert_eq!(patch["metadata"][key], objects()["DaemonSet"]["metadata"][key], "it patches another object");
    }
    let container = &patch["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], self::container()["name"]);
    let env = list(&container["env"]).iter().map(|one| (text(&one["name"]), text(&one["value"])));
    let env: BTreeMap<String, String> = env.collect();
    assert_eq!(env["KUBEWHY_METRICS_AUTH"], "true");
    let address: std::net::SocketAddr = env["KUBEWHY_METRICS_ADDRESS"].parse().unwrap();
    assert_eq!(container["ports"][0]["containerPort"], address.port());
    let known = kubewhy::cli::definition();
    let run = known.find_subcommand("run").unwrap();
    let flags: BTreeSet<&str> = run.get_opts().filter_map(|flag| flag.get_env()?.to_str()).collect();
    assert!(env.keys().all(|name| flags.contains(name.as_str())), "{env:?}");
}

#[test]
fn the_binding_the_account_and_the_volumes_fit_together() {
    let objects = objects();
    let binding = &objects["ClusterRoleBinding"];
    assert_eq!(binding["roleRef"]["name"], objects["ClusterRole"]["metadata"]["name"]);
    for key in ["name", "namespace"] {
        assert_eq!(binding["subjects"][0][key], objects["ServiceAccount"]["metadata"][key]);
    }
    let (pod, daemonset) = (pod(), &objects["DaemonSet"]);
    assert_eq!(pod["serviceAccountName"], objects["ServiceAccount"]["metadata"]["name"]);
    let config = list(&pod["volumes"]).iter().find(|volume| volume["configMap"].is_object()).unwrap();
    assert_eq!(config["configMap"]["name"], objects["ConfigMap"]["metadata"]["name"]);
    let labels = &daemonset["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&daemonset["spec"]["selector"]["matchLabels"], labels);
    for kind in ["ServiceAccount", "ConfigMap", "DaemonSet"] {
        assert_eq!(objects[kind]["metadata"]["namespace"], objects["Namespace"]["metadata"]["name"], "{kind}");
    }
}

#[test]
fn the_command_line_of_the_pod_is_ours() {
    let container = container();
    let args = list(&container["args"]).iter().map(text);
    let matches = kubewhy::cli::definition().try_get_matches_from(["kubewhy".to_owned()].into_iter().chain(args));
    assert_eq!(matches.unwrap().subcommand_name(), Some("run"));
    let known = kubewhy::cli::definition();
    let run = known.find_subcommand("run").unwrap();
    let env: BTreeSet<&str> = run.get_opts().filter_map(|flag| flag.get_env()?.to_str()).collect();
    for variable in list(&container["env"]) {
        assert!(env.contains(variable["name"].as_str().unwrap()), "no flag takes {}", variable["name"]);
    }
}

#[test]
fn the_config_map_passes_our_own_check() {
    let map = objects()["ConfigMap"].clone();
    let accepted = kubewhy::config::parse(text(&map["data"]["config.yaml"]).as_bytes(), &[]).unwrap();
    assert!(accepted.notes.is_empty(), "{:?}", accepted.notes);
}
