//! Holds the SecurityContextConstraints of `deploy/openshift` to the pods that it is for: they may have what they ask for,
//! and nothing else. Its kind is OpenShift's own, so no schema of Kubernetes knows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::render::{self, Overlay, folder, one, pod};
use super::{list, read, text};

fn scc() -> Value {
    read("../openshift/scc.yaml")
}

/// What a pod asks of the SCC.
fn asked(pod: &Value) -> Value {
    let container = &pod["containers"][0];
    let flag = |value: &Value| value.as_bool().unwrap_or(false);
    let kind = |volume: &Value| volume.as_object().unwrap().keys().find(|key| *key != "name").unwrap().clone();
    let volumes: BTreeSet<String> = list(&pod["volumes"]).iter().map(kind).collect();
    let ports = container.get("ports").map_or(&[][..], list);
    json!({
        "allowHostNetwork": flag(&pod["hostNetwork"]),
        "allowHostPorts": flag(&pod["hostNetwork"]) && !ports.is_empty(),
        "allowHostPID": flag(&pod["hostPID"]),
        "allowHostIPC": flag(&pod["hostIPC"]),
        "allowHostDirVolumePlugin": volumes.contains("hostPath"),
        "allowPrivilegedContainer": flag(&container["securityContext"]["privileged"]),
        "allowPrivilegeEscalation": flag(&container["securityContext"]["allowPrivilegeEscalation"]),
        "volumes": volumes,
    })
}

#[test]
fn the_scc_gives_the_pods_what_they_ask_for_and_no_more() {
    let Some(kustomize) = render::kustomize("what the SCC gives") else { return };
    let overlay = Overlay { of: "openshift", components: vec!["metrics-auth"], ..Overlay::default() };
    let objects = overlay.built(&kustomize);
    let (scc, mut asked) = (scc(), asked(pod(&objects)));
    // The API server adds the one of the account's token.
    let volumes = list(&asked["volumes"]).iter().cloned().chain([json!("projected")]);
    let volumes: BTreeSet<String> = volumes.map(|kind| text(&kind)).collect();
    asked["volumes"] = json!(volumes);
    for (key, wanted) in asked.as_object().unwrap() {
        assert_eq!(scc[key], *wanted, "{key}");
    }
    let context = &pod(&objects)["containers"][0]["securityContext"];
    assert_eq!(context["capabilities"]["drop"], scc["requiredDropCapabilities"]);
    assert_eq!(context["readOnlyRootFilesystem"], scc["readOnlyRootFilesystem"]);
    for key in ["allowedCapabilities", "defaultAddCapabilities", "users", "groups"] {
        assert_eq!(scc[key], json!([]), "{key}");
    }
    assert_eq!(scc["seccompProfiles"], json!(["runtime/default"]));
    for key in ["runAsUser", "seLinuxContext", "fsGroup", "supplementalGroups"] {
        assert_eq!(scc[key], json!({"type": "RunAsAny"}), "{key}");
    }
}

/// A field that is none would be dropped, and with it what it was to forbid.
#[test]
fn every_field_of_the_scc_is_one() {
    let known: BTreeSet<&str> = [
        "allowHostDirVolumePlugin",
        "allowHostIPC",
        "allowHostNetwork",
        "allowHostPID",
        "allowHostPorts",
        "allowPrivilegeEscalation",
        "allowPrivilegedContainer",
        "allowedCapabilities",
        "apiVersion",
        "defaultAddCapabilities",
        "defaultAllowPrivilegeEscalation",
        "fsGroup",
        "groups",
        "kind",
        "metadata",
        "priority",
        "readOnlyRootFilesystem",
        "requiredDropCapabilities",
        "runAsUser",
        "seLinuxContext",
        "seccompProfiles",
        "supplementalGroups",
        "users",
        "volumes",
    ]
    .into();
    let scc = scc();
    assert_eq!(scc.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    assert_eq!((&scc["apiVersion"], &scc["metadata"]["name"]), (&json!("security.openshift.io/v1"), &json!("kubewhy")));
}

#[test]
fn the_agent_s_account_alone_may_use_it_and_its_pods_name_it() {
    let Some(kustomize) = render::kustomize("who may use the SCC") else { return };
    let objects = render::built(&kustomize, &folder("openshift"));
    let (role, binding) = (one(&objects, "Role"), one(&objects, "RoleBinding"));
    let use_it = json!([{"apiGroups": ["security.openshift.io"], "resources": ["securitycontextconstraints"],
        "resourceNames": [scc()["metadata"]["name"]], "verbs": ["use"]}]);
    assert_eq!(role["rules"], use_it);
    assert_eq!((&binding["roleRef"]["kind"], &binding["roleRef"]["name"]), (&role["kind"], &role["metadata"]["name"]));
    let account = &one(&objects, "ServiceAccount")["metadata"];
    let subject = json!([{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}]);
    assert_eq!(binding["subjects"], subject);
    let template = &one(&objects, "DaemonSet")["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["openshift.io/required-scc"], scc()["metadata"]["name"]);
    assert_eq!(template["spec"]["securityContext"]["seLinuxOptions"], json!({"type": "spc_t"}));
    assert_eq!(one(&objects, "Namespace")["metadata"]["annotations"]["openshift.io/node-selector"], "");
}

/// The runtime does not say where it looks, so the overlay does, of directories that it mounts.
#[test]
fn where_cni_lies_is_said_and_mounted() {
    let Some(kustomize) = render::kustomize("CNI on OpenShift") else { return };
    let objects = render::built(&kustomize, &folder("openshift"));
    let env = list(&pod(&objects)["containers"][0]["env"]);
    let value = |name: &str| text(&env.iter().find(|one| one["name"] == name).unwrap()["value"]);
    let dirs = format!("{}:{}", value("KUBEWHY_CNI_CONF_DIR"), value("KUBEWHY_CNI_BIN_DIR"));
    let mounts = super::host_mounts_of(pod(&objects));
    for dir in dirs.split(':') {
        assert!(mounts.values().any(|(host, _)| dir.starts_with(&text(&host["path"]))), "{dir} is not mounted");
    }
}
