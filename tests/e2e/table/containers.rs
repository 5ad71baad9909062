//! Containers: init containers and a sidecar, a hook that hangs, a process that dies.

use anyhow::ensure;
use kubewhy_lab::apiserver::resources::PODS;
use kubewhy_lab::demo::{NAMESPACE, Scene};
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use serde_json::{Value, json};

use super::node::Node;
use super::page::say_measured;
use crate::stage::until;

/// Gives the pod one more container.
fn another(pod: &mut Value, name: &str, mut container: Value) {
    container["name"] = json!(name);
    pod["spec"]["containers"].as_array_mut().unwrap().push(container);
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn hook() {
    in_lab!(async {
        let node = Node::start().await?;
        let hook = json!({"postStart": {"exec": {"command": ["sh", "-c", "sleep 8"]}}});
        node.run_changed("cart", |pod| {
            let last = pod["spec"]["containers"][0].clone();
            pod["spec"]["containers"][0]["lifecycle"] = hook;
            another(pod, "logs", last);
        });
        let began = node.begins("cart", Stage::Hook).await?;
        node.diagnosed("cart", "HookRunning", began).await?;
        node.runs("cart").await?;
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn inits() {
    in_lab!(async {
        let node = Node::start().await?;
        let image = &node.scene.lab.app;
        let inits = json!([
            {"name": "schema", "image": image, "command": ["sh", "-c", "sleep 8"]},
            {"name": "seed", "image": image, "command": ["sh", "-c", "sleep 2"]},
            {"name": "proxy", "image": image, "restartPolicy": "Always"},
        ]);
        for (name, on_host) in [("cart", false), ("agent", true)] {
            node.run_changed(name, |pod| {
                pod["spec"]["hostNetwork"] = json!(on_host);
                pod["spec"]["initContainers"] = inits.clone();
                let plain = pod["spec"]["containers"][0].clone();
                another(pod, "logs", plain);
            });
        }
        let began = node.begins("cart", Stage::Start).await?;
        node.diagnosed("cart", "InitContainerRunning", began).await?;
        node.runs("cart").await?;
        node.runs("agent").await?;
        node.end().await
    });
}

/// How often the pod's container was started again, as its status says.
fn restarts(scene: &Scene, name: &str) -> u64 {
    let pod = scene.api.store().get(&PODS, NAMESPACE, name);
    pod.and_then(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64()).unwrap_or_default()
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn dies() {
    in_lab!(async {
        let node = Node::start().await?;
        let image = &node.scene.lab.app;
        node.run("late", json!({"image": image, "command": ["sh", "-c", "sleep 3; exit 3"]}));
        node.run("at-once", json!({"image": image, "command": ["sh", "-c", "exit 3"]}));
        node.runs("late").await?;
        for name in ["late", "at-once"] {
            until(name, || restarts(&node.scene, name) >= 2).await?;
        }
        let told = node.told().await?;
        let of_pods = told.snapshot.starts.iter().filter(|start| start.trouble.is_some()).count();
        let on_node = told.snapshot.node_troubles.len();
        say_measured("nothing told of a process that ends by itself");
        ensure!(of_pods + on_node == 0, "told: {:#?}", told.snapshot);
        node.end().await
    });
}
