//! The very files of examples/broken on a real containerd: what is told of each is what its file says. Left out are those whose trouble
//! the stand-in for the kubelet does not make: it tells of no mount that fails, and does not hold pods to runAsNonRoot.

use std::path::Path;

use anyhow::{Context, ensure};
use kubewhy_lab::demo::{CONFIG, NODE, Scene, Tempo};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::hosts::{FAULTY, REGISTRY};
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::stage::{PROGRAM, events, message, said, told};

const NOT_MADE: [&str; 2] = ["volume-missing", "root-forbidden"];
/// Whose wait is shortened, as the demo shortens others.
const SOONER: &str = "  InitContainerRunning: {after: 4s}\n  HookRunning: {after: 4s}\n";

/// Each pod that can be broken here, bound to the node, with the cause that its file names.
fn broken() -> anyhow::Result<Vec<(Value, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/broken");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        let Some(cause) = text.lines().find_map(|line| line.strip_prefix("# kubewhy: ")) else { continue };
        // Registries of the lab stand for those of the world: one that has the images, one that wants a login.
        let text = text.replace("registry.k8s.io", REGISTRY).replace("docker.io", FAULTY);
        let mut pod: Value = serde_saphyr::from_str(&text)?;
        if NOT_MADE.iter().all(|name| pod["metadata"]["name"] != *name) {
            let now = kubewhy_lab::apiserver::rfc3339(jiff::Timestamp::now());
            pod["spec"]["nodeName"] = json!(NODE);
            let scheduled = json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now});
            pod["status"] = json!({"phase": "Pending", "conditions": [scheduled]});
            all.push((pod, cause.to_owned()));
        }
    }
    Ok(all)
}

/// The images that the files name, where they are looked for here.
fn stock(scene: &Scene) -> anyhow::Result<()> {
    let (lab, app) = (&scene.lab, Image::app(&scene.lab.busybox));
    lab.registry.push("pause", "3.10.1", &app)?;
    lab.registry.push("e2e-test-images/busybox", "1.36.1-1", &app)?;
    drop(lab.faulty.push("library/kubewhy-has-no-such-image", "1", &app));
    lab.faulty.set("library/kubewhy-has-no-such-image", Fault::Status(401));
    Ok(())
}

#[test]
fn of_each_broken_pod_that_which_its_file_names_is_told_and_nothing_else() {
    in_lab!(async {
        let config = format!("{CONFIG}{SOONER}");
        let scene = Scene::start_with(Path::new(PROGRAM), Tempo::Hasty, &config, |_| {}).await?;
        stock(&scene)?;
        let all = broken()?;
        ensure!(all.len() == 8, "{} files", all.len());
        for (pod, _) in &all {
            scene.put(pod.clone());
        }
        for (pod, cause) in &all {
            let name = pod["metadata"]["name"].as_str().context("no name")?;
            let event = told(&scene, name, cause).await?;
            println!("{name}: {} {cause}: {}", event["type"], message(&event));
        }
        let expected = |event: &Value| {
            let of = |pod: &Value| pod["metadata"]["name"] == event["involvedObject"]["name"];
            all.iter().any(|(pod, cause)| of(pod) && event["reason"] == *cause)
        };
        ensure!(events(&scene).iter().all(expected), "{:#?}", said(&scene));
        scene.end().await
    });
}
