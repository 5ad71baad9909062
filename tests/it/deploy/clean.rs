//! Holds `deploy/clean` to the program's own command line, to what it mounts and to the rights that cleaning takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{base, host_mounts_of, list, text};

/// The objects that `kubectl apply -k` would apply.
fn rendered() -> Option<Vec<Value>> {
    let output = Command::new("kubectl").arg("kustomize").arg(base().join("../clean")).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let documents = String::from_utf8(output.stdout).unwrap();
    Some(documents.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect())
}

#[test]
fn the_pod_that_cleans_sees_the_parents_of_our_directories_and_nothing_else_of_the_host() {
    let Some(objects) = rendered() else {
        return crate::skipped("deploy/clean as it is rendered", "there is no kubectl");
    };
    let daemonset = objects.iter().find(|object| object["kind"] == "DaemonSet").unwrap();
    let pod = &daemonset["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let mounts = host_mounts_of(pod);
    assert_eq!((list(&pod["volumes"]).len(), list(&container["volumeMounts"]).len()), (2, 2), "{pod:#}");
    let paths: BTreeSet<_> = mounts.values().map(|(host, _)| text(&host["path"])).collect();
    assert_eq!(paths, ["/run", "/var/lib"].map(str::to_owned).into());
    for (name, (host, mount)) in &mounts {
        assert_eq!(host["type"], "Directory", "{name}: nothing is made on the node");
        assert_ne!(mount["readOnly"], true, "{name}");
        assert_eq!(mount["mountPropagation"], "HostToContainer", "{name}");
        assert_eq!(text(&mount["mountPath"]), format!("/host{}", text(&host["path"])), "{name}");
    }

    let args: Vec<String> = list(&container["args"]).iter().map(text).collect();
    let known = kubewhy::cli::definition();
    known.clone().try_get_matches_from([&["kubewhy".to_owned()], &args[..]].concat()).unwrap();
    assert_eq!(args[..2], ["clean", "--stay"]);
    let own: BTreeMap<_, _> = args.iter().filter_map(|arg| arg.split_once('=')).collect();
    assert_eq!(own["--state-dir"], "/host/var/lib/kubewhy");
    assert_eq!(own["--api-socket"], format!("/host{}", kubewhy::serve::api::DEFAULT_SOCKET));
    let of_agent = super::objects()["DaemonSet"]["spec"]["template"]["spec"]["containers"][0].clone();
    assert!(list(&of_agent["args"]).contains(&json!("--state-dir=/var/lib/kubewhy")), "it cleans another directory");
    let probed = own["--health-address"].rsplit(':').next().unwrap();
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"].to_string(), probed);
    }
    assert_eq!(container["securityContext"], of_agent["securityContext"]);
}

#[test]
fn it_has_the_rights_to_take_back_what_agents_write_and_its_deletion_deletes_them_all() {
    let Some(objects) = rendered() else {
        return crate::skipped("deploy/clean as it is rendered", "there is no kubectl");
    };
    let named = |object: &Value| (text(&object["kind"]), text(&object["metadata"]["name"]));
    let names: BTreeSet<_> = objects.iter().map(named).collect();
    for folder in ["base", "condition", "prepull-marks"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(folder);
        let files = super::read(&format!("../{folder}/kustomization.yaml"))["resources"].clone();
        for file in list(&files).iter().map(text) {
            let object: Value = serde_saphyr::from_str(&std::fs::read_to_string(dir.join(&file)).unwrap()).unwrap();
            assert!(names.contains(&named(&object)), "{folder}/{file} would stay in the cluster");
        }
    }
    // By this the page finds what is left.
    let ours = "app.kubernetes.io/name";
    assert!(objects.iter().all(|object| object["metadata"]["labels"][ours] == "kubewhy"));
}
