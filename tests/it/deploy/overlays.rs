//! Holds the policies and the flow of deploy/base to the account they are about, and the overlays to what they take out of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::render::{self, Overlay};
use super::{host_mounts_of, list, objects, read, text};

/// The account that the API server knows the agent by.
fn user() -> String {
    let account = &objects()["ServiceAccount"]["metadata"];
    format!("system:serviceaccount:{}:{}", text(&account["namespace"]), text(&account["name"]))
}

/// What says that a request is an agent's, in whatever namespace it is: an overlay's namespace does not reach into it.
fn by_the_agent() -> String {
    let name = text(&objects()["ServiceAccount"]["metadata"]["name"]);
    let username = "request.userInfo.username";
    format!("{username}.startsWith('system:serviceaccount:') && {username}.endsWith(':{name}')")
}

/// What an overlay takes out of the base: kinds of objects, all named as in the base.
fn taken_out(overlay: &str) -> BTreeSet<String> {
    let kustomization = read(&format!("../{overlay}/kustomization.yaml"));
    assert_eq!(kustomization["resources"], json!(["../base"]), "{overlay}");
    let inline = list(&kustomization["patches"]).iter().filter_map(|patch| patch["patch"].as_str());
    let deletes =
        inline.map(|patch| serde_saphyr::from_str(patch).unwrap()).filter(|patch: &Value| patch["$patch"] == "delete");
    let of_patch = |patch: Value| {
        let (object, kind) = (&objects()[&text(&patch["kind"])], text(&patch["kind"]));
        assert_eq!(
            (&patch["apiVersion"], &patch["metadata"]["name"]),
            (&object["apiVersion"], &object["metadata"]["name"])
        );
        kind
    };
    deletes.map(of_patch).collect()
}

/// A policy that fails open, warns, or is about another account holds nobody back.
#[test]
fn the_policies_hold_the_agent_s_account_and_deny() {
    for folder in ["base", "condition", "prepull-marks"] {
        let [policy, binding] = ["policy", "policybinding"].map(|file| read(&format!("../{folder}/{file}.yaml")));
        let spec = &policy["spec"];
        assert_eq!((&spec["failurePolicy"], &spec["paramKind"]), (&json!("Fail"), &Value::Null), "{folder}");
        assert_eq!(list(&spec["matchConditions"]).len(), 1);
        assert_eq!(spec["matchConditions"][0]["expression"], by_the_agent(), "{folder}");
        assert_eq!(binding["spec"], json!({"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}));
        for validation in list(&spec["validations"]) {
            // As other reasons it would be a fault of the Event, which is dropped; what is forbidden is kept.
            assert_eq!(validation["reason"], "Forbidden", "{validation}");
            assert!(validation["message"].is_string() || validation["messageExpression"].is_string(), "{validation}");
        }
    }
    let rules = |file: &str| read(file)["spec"]["matchConstraints"]["resourceRules"][0]["resources"].clone();
    assert_eq!(rules("policy.yaml"), json!(["events"]));
    // Each holds what its own right is about: what both held, neither would let the other's do.
    assert_eq!(rules("../condition/policy.yaml"), json!(["nodes/status"]));
    assert_eq!(rules("../prepull-marks/policy.yaml"), json!(["nodes"]));
    for folder in ["condition", "prepull-marks"] {
        let resources = read(&format!("../{folder}/kustomization.yaml"))["resources"].clone();
        for file in ["policy.yaml", "policybinding.yaml"] {
            assert!(
                list(&resources).iter().any(|resource| resource == file),
                "the right to change Nodes without its policy"
            );
        }
    }
}

#[test]
fn the_policy_of_the_marks_knows_the_labels_as_the_agent_writes_them() {
    let policy = std::fs::read_to_string(super::base().join("../prepull-marks/policy.yaml")).unwrap();
    assert_eq!(policy.matches(&format!("startsWith('{}')", kubewhy::report::node_marks::PREFIX)).count(), 3);
}

#[test]
fn in_another_namespace_the_policies_and_the_queue_are_still_the_agent_s() {
    let Some(kustomize) = render::kustomize("the base in another namespace") else { return };
    // With the patch that the base shows.
    let more = render::shown("base", "namespace: elsewhere");
    let overlay = Overlay { of: "base", components: vec!["condition", "prepull-marks"], more, ..Overlay::default() };
    let objects = overlay.built(&kustomize);
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let account = &of("ServiceAccount")[0]["metadata"];
    assert_eq!((&account["name"], &account["namespace"]), (&json!("kubewhy"), &json!("elsewhere")));
    let bindings = of("ClusterRoleBinding");
    assert_eq!(bindings.len(), 3);
    for binding in bindings {
        assert_eq!(binding["subjects"][0]["namespace"], account["namespace"]);
    }
    let policies = of("ValidatingAdmissionPolicy");
    assert_eq!(policies.len(), 3);
    for policy in policies {
        assert_eq!(policy["spec"]["matchConditions"][0]["expression"], by_the_agent());
    }
    let subject = &of("FlowSchema")[0]["spec"]["rules"][0]["subjects"][0]["serviceAccount"];
    assert_eq!((&subject["name"], &subject["namespace"]), (&account["name"], &account["namespace"]));
}

#[test]
fn the_agents_queue_apart_from_all_others_for_a_small_share() {
    let (objects, all) = (objects(), json!(["*"]));
    let (schema, level) = (&objects["FlowSchema"]["spec"], &objects["PriorityLevelConfiguration"]);
    assert_eq!(schema["priorityLevelConfiguration"]["name"], level["metadata"]["name"]);
    let precedence = schema["matchingPrecedence"].as_u64().unwrap();
    assert!((901..9_000).contains(&precedence), "after the control plane, before all service accounts");
    let subject = &schema["rules"][0]["subjects"][0]["serviceAccount"];
    assert_eq!(user(), format!("system:serviceaccount:{}:{}", text(&subject["namespace"]), text(&subject["name"])));
    let rule = &schema["rules"][0]["resourceRules"][0];
    for key in ["verbs", "apiGroups", "resources", "namespaces"] {
        assert_eq!(rule[key], all, "{key}");
    }
    assert_eq!(rule["clusterScope"], true);
    let limited = &level["spec"]["limited"];
    assert_eq!((&limited["nominalConcurrencyShares"], &limited["borrowingLimitPercent"]), (&json!(5), &json!(0)));
    let queuing = &limited["limitResponse"]["queuing"];
    let waiting = queuing["handSize"].as_u64().unwrap() * queuing["queueLengthLimit"].as_u64().unwrap();
    assert_eq!(waiting, 1_600, "the comment says how many may wait");
}

#[test]
fn older_api_servers_get_the_base_without_what_they_do_not_know() {
    let newer =
        ["FlowSchema", "PriorityLevelConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    assert_eq!(taken_out("pre-1.30"), newer.map(str::to_owned).into());
}

#[test]
fn with_the_kubelet_s_identity_there_is_no_token_and_its_files_are_where_they_are_named() {
    let of_the_account = [
        "ClusterRole",
        "ClusterRoleBinding",
        "FlowSchema",
        "PriorityLevelConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    assert_eq!(taken_out("kubelet-identity"), of_the_account.map(str::to_owned).into());
    let patch = read("../kubelet-identity/identity.yaml");
    for key in ["name", "namespace"] {
        assert_eq!(patch["metadata"][key], objects()["DaemonSet"]["metadata"][key], "it patches another object");
    }
    let pod = &patch["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    let mounts = host_mounts_of(pod);
    for (name, (host, mount)) in &mounts {
        assert_eq!((&mount["mountPath"], &mount["readOnly"]), (&host["path"], &json!(true)), "{name}");
    }
    let variable = &pod["containers"][0]["env"][0];
    assert!(mounts.values().any(|(host, _)| host["path"] == variable["value"]), "{variable}");
    let known = kubewhy::cli::definition();
    let run = known.find_subcommand("run").unwrap();
    let flag = run.get_opts().find(|flag| flag.get_long() == Some("kubeconfig")).unwrap();
    assert_eq!(variable["name"].as_str(), flag.get_env().and_then(|name| name.to_str()));
}
