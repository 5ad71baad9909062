//! Holds `deploy/clean` to the program's own command line, to what it mounts and to the rights that cleaning takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kubewhy_lab::openapi::Schemas;
use serde_json::{Value, json};

use super::render::{self, Overlay};
use super::{host_mounts_of, list, text};

/// The objects that `kubectl apply -k` would apply.
fn rendered(test: &str) -> Option<Vec<Value>> {
    Some(render::built(&render::kustomize(test)?, &render::folder("clean")))
}

#[test]
fn the_pod_that_cleans_sees_the_parents_of_our_directories_and_nothing_else_of_the_host() {
    let Some(objects) = rendered("deploy/clean as it is rendered") else { return };
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
    let Some(objects) = rendered("deploy/clean as it is rendered") else { return };
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

#[test]
fn on_every_overlay_the_pod_that_cleans_has_the_volumes_that_it_mounts_and_waits_for_no_other_node() {
    let Some(kustomize) = render::kustomize("deploy/clean/pod on every overlay") else { return };
    let schemas = Schemas::from_env();
    for of in render::folders("Kustomization").iter().filter(|name| *name != "clean") {
        let objects = Overlay { of, components: vec!["clean/pod"], ..Overlay::default() }.built(&kustomize);
        let daemonset = objects.iter().find(|object| object["kind"] == "DaemonSet").unwrap();
        let pod = &daemonset["spec"]["template"]["spec"];
        let names =
            |list: &Value, key| list.as_array().unwrap().iter().map(|one| text(&one[key])).collect::<BTreeSet<_>>();
        let mounted = names(&pod["containers"][0]["volumeMounts"], "name");
        assert!(mounted.is_superset(&["states", "run"].map(str::to_owned).into()), "{of}: {mounted:?}");
        assert!(mounted.is_subset(&names(&pod["volumes"], "name")), "{of}: {pod:#}");
        assert_eq!(text(&pod["containers"][0]["args"][0]), "clean", "{of}");
        assert_eq!(daemonset["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], "100%", "{of}");
        if let Some(schemas) = &schemas {
            schemas.validate(daemonset).unwrap_or_else(|faults| panic!("{of}: {faults:?}"));
        }
    }
}
