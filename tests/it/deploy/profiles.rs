//! Holds everything under `deploy/` that can be applied to what it says it asks for: directories of the host, privilege,
//! rights. As kustomize renders it.

use std::collections::BTreeSet;
use std::path::Path;

use kubewhy_lab::openapi::Schemas;
use serde_json::{Value, json};

use super::render::{self, Overlay, folder, folders, one, pod};
use super::{host_mounts_of, list, text};

/// What each overlay mounts of the host, beside what it writes itself.
const BASE: &[&str] =
    &["/etc/cni", "/opt/cni", "/proc", "/run", "/sys/fs", "/var/lib/cni", "/var/lib/kubelet", "/var/log"];
const K3S: &[&str] = &["/var/lib/rancher/k3s/agent/etc/cni", "/var/lib/rancher/k3s/data"];
const OPENSHIFT: &[&str] = &["/etc/kubernetes/cni", "/usr/libexec/cni"];
/// More than the base, and less.
const OVERLAYS: &[(&str, &[&str], &[&str])] = &[
    ("base", &[], &[]),
    ("deep", &["/dev/kmsg"], &[]),
    ("k3s", K3S, &[]),
    ("kubelet-identity", &["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/pki"], &[]),
    ("microk8s", &["/var/snap/microk8s/common/run"], &[]),
    ("openshift", OPENSHIFT, &["/etc/cni", "/opt/cni"]),
    ("pre-1.30", &[], &[]),
    ("rke2", &["/var/lib/rancher/rke2/agent/etc/kubelet.conf.d"], &[]),
    ("socket", &["/run/containerd"], &["/proc", "/run", "/sys/fs", "/var/lib/cni", "/var/lib/kubelet", "/var/log"]),
];
/// What each part can be put on.
const PARTS: &[(&str, &str)] = &[
    ("condition", "base"),
    ("metrics-auth", "base"),
    ("non-root", "socket"),
    ("prepull-marks", "base"),
    ("storage", "base"),
];

/// What is no way to run the agent, and has tests of its own.
const NONE: &[&str] = &["clean", "monitoring"];

/// Every overlay, and every part on an overlay.
fn all(kustomize: &Path) -> Vec<(String, Vec<Value>)> {
    let overlays = OVERLAYS.iter().map(|(name, ..)| ((*name).to_owned(), render::built(kustomize, &folder(name))));
    let parts = PARTS.iter().map(|(part, of)| {
        let overlay = Overlay { of, components: vec![part], ..Overlay::default() };
        (format!("{part} on {of}"), overlay.built(kustomize))
    });
    overlays.chain(parts).collect()
}

fn directories(pod: &Value) -> BTreeSet<String> {
    host_mounts_of(pod).values().map(|(host, _)| text(&host["path"])).collect()
}

fn paths<'a>(paths: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    paths.into_iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn every_folder_is_known_here_and_says_how_it_is_used() {
    let ours = |kind| folders(kind).into_iter().filter(|name| !NONE.contains(&name.as_str())).collect::<Vec<_>>();
    assert_eq!(ours("Kustomization"), OVERLAYS.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    assert_eq!(ours("Component"), PARTS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, ..) in OVERLAYS {
        let file = std::fs::read_to_string(folder(name).join("kustomization.yaml")).unwrap();
        let head = file.lines().next().unwrap();
        assert!(head.starts_with("# kubewhy") && head.ends_with(&format!("apply -k deploy/{name}")), "{head}");
    }
    for (name, _) in PARTS {
        let file = std::fs::read_to_string(folder(name).join("kustomization.yaml")).unwrap();
        assert!(file.contains(&format!("components: [../{name}]")), "{name}");
    }
}

#[test]
fn each_overlay_mounts_what_it_says_and_nothing_else() {
    let Some(kustomize) = render::kustomize("what each overlay mounts") else { return };
    for (name, more, less) in OVERLAYS {
        let own = if *name == "socket" { [].as_slice() } else { &["/run/kubewhy", "/var/lib/kubewhy"] };
        let mut expected = paths(BASE.iter().chain(*more).chain(own));
        expected.retain(|path| !less.contains(&path.as_str()));
        assert_eq!(directories(pod(&render::built(&kustomize, &folder(name)))), expected, "{name}");
    }
}

#[test]
fn host_directories_are_read_only_and_pin_nothing_save_our_own() {
    let Some(kustomize) = render::kustomize("how host directories are mounted") else { return };
    for (overlay, objects) in all(&kustomize) {
        for (name, (host, mount)) in host_mounts_of(pod(&objects)) {
            let (kind, path) = (text(&host["type"]), text(&host["path"]));
            let single = match path.as_str() {
                "/dev/kmsg" => "CharDevice",
                "/etc/kubernetes/kubelet.conf" => "File",
                _ => "Directory",
            };
            assert!(kind == single || (single == "Directory" && kind == "DirectoryOrCreate"), "{name} is a {kind}");
            if name == "state" || name == "api" {
                assert_eq!(mount["mountPath"], host["path"]);
                continue;
            }
            assert_eq!(mount["readOnly"], true, "{overlay}: {name}");
            // What the kubelet's kubeconfig names has to be where it says so.
            let inside = if name.starts_with("kubelet-k") || name == "kubelet-certificate" { "" } else { "/host" };
            assert_eq!(text(&mount["mountPath"]), format!("{inside}{path}"), "{overlay}: {name}");
            let still = ["/proc", "/sys/fs"].contains(&&*path);
            let way = [&mount["mountPropagation"], &mount["recursiveReadOnly"]].map(Value::as_str);
            let expected = match single {
                "File" => [None, None],
                _ if still && overlay == "pre-1.30" => [None, None],
                _ if still => [None, Some("IfPossible")],
                _ => [Some("HostToContainer"), None],
            };
            assert_eq!(way, expected, "{overlay}: {name}");
        }
    }
}

#[test]
fn the_least_profile_leaves_nothing_on_the_node() {
    let Some(kustomize) = render::kustomize("the least profile") else { return };
    let objects = render::built(&kustomize, &folder("socket"));
    let volumes = list(&pod(&objects)["volumes"]);
    let own: Vec<_> = volumes.iter().filter(|volume| ["state", "api"].contains(&&*text(&volume["name"]))).collect();
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(|volume| volume["emptyDir"] == json!({}) && volume["hostPath"].is_null()), "{own:?}");
    let written = volumes.iter().filter(|volume| volume["hostPath"]["type"] == "DirectoryOrCreate");
    assert_eq!(written.map(|volume| text(&volume["name"])).collect::<Vec<_>>(), ["cni-conf", "cni-bin"]);
}

#[test]
fn the_least_profile_takes_another_runtime_as_it_shows() {
    let Some(kustomize) = render::kustomize("another runtime's socket") else { return };
    let overlay = Overlay { of: "socket", more: render::shown("socket", "patches:"), ..Overlay::default() };
    let objects = overlay.built(&kustomize);
    assert_eq!(directories(pod(&objects)), paths(&["/etc/cni", "/opt/cni", "/run/crio"]));
    let mounts = host_mounts_of(pod(&objects));
    assert_eq!(mounts["runtime"].1["mountPath"], "/host/run/crio");
    assert_eq!(mounts["runtime"].0["type"], "Directory");
}

/// Nobody but the deep profile is privileged, and that has the host's PID namespace no more than the others.
#[test]
fn only_the_deep_profile_is_privileged() {
    let Some(kustomize) = render::kustomize("who is privileged") else { return };
    for (name, objects) in all(&kustomize) {
        let pod = pod(&objects);
        let deep = name == "deep";
        let bounds = json!({"privileged": false, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}});
        let free = json!({"privileged": true, "readOnlyRootFilesystem": true});
        assert_eq!(pod["containers"][0]["securityContext"], if deep { free } else { bounds }, "{name}");
        assert!(pod["hostPID"].is_null() && pod["hostIPC"].is_null(), "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        let root = json!([0, 0, null, null]);
        let user = json!([65532, 65532, true, [9470]]);
        let keys = ["runAsUser", "runAsGroup", "runAsNonRoot", "supplementalGroups"];
        let who: Value = keys.iter().map(|key| pod["securityContext"][key].clone()).collect();
        assert_eq!(who, if name.starts_with("non-root") { user } else { root }, "{name}");
    }
}

/// What nobody finds, nobody removes.
#[test]
fn one_label_finds_every_object_and_the_namespace_holds_the_rest() {
    let Some(kustomize) = render::kustomize("what is left in a cluster") else { return };
    for (name, objects) in all(&kustomize) {
        for object in objects {
            let metadata = &object["metadata"];
            assert_eq!(metadata["labels"]["app.kubernetes.io/name"], "kubewhy", "{name}: {}", object["kind"]);
            assert!(metadata["namespace"].is_null() || metadata["namespace"] == "kubewhy", "{name}: {metadata}");
        }
    }
}

#[test]
fn no_role_has_secrets_or_a_right_to_all_of_anything() {
    let Some(kustomize) = render::kustomize("the rights of each role") else { return };
    let mut roles = 0;
    for (name, objects) in all(&kustomize) {
        for role in objects.iter().filter(|object| text(&object["kind"]).ends_with("Role")) {
            for rule in list(&role["rules"]) {
                let words = ["apiGroups", "resources", "verbs"].map(|key| rule.get(key).map_or(&[][..], list)).concat();
                assert!(words.iter().all(|word| word != "*" && word != "secrets"), "{name}: {rule}");
                roles += 1;
            }
        }
    }
    assert!(roles > 20);
}

/// The schemas of the API (`/openapi/v3` of any API server), one file per group and version, are large: they are not kept
/// here. OpenShift's own kinds are in none of them.
#[test]
fn every_object_fits_the_schemas_of_the_api() {
    let Some(schemas) = std::env::var_os("KUBEWHY_OPENAPI") else {
        crate::skipped("the check against the API's schemas", "KUBEWHY_OPENAPI is not set");
        return;
    };
    let Some(kustomize) = render::kustomize("the check against the API's schemas") else { return };
    let schemas = Schemas::from_folder(Path::new(&schemas)).unwrap();
    for (name, objects) in all(&kustomize) {
        for object in objects.iter().filter(|object| object["kind"] != "SecurityContextConstraints") {
            let faults = |faults: Vec<String>| panic!("{name}: {}:\n{}", object["kind"], faults.join("\n"));
            schemas.validate(object).unwrap_or_else(faults);
        }
    }
    let objects = render::built(&kustomize, &folder("base"));
    let mut misspelt = one(&objects, "DaemonSet").clone();
    misspelt["spec"]["template"]["spec"]["hostNetwrok"] = json!(true);
    assert!(schemas.validate(&misspelt).is_err(), "unknown fields pass");
}
