//! Containers: init containers and a sidecar, a hook that hangs, a process that dies.

use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use serde_json::json;
use tokio::time::sleep;

use super::node::Node;
use super::page::say_measured;

#[test]
#[ignore = "the table runs it on every containerd"]
fn hook() {
    in_lab!(async {
        let node = Node::start().await?;
        node.run_changed("cart", |pod| {
            let command = ["sh", "-c", "sleep 8"];
            pod["spec"]["containers"][0]["lifecycle"] = json!({"postStart": {"exec": {"command": command}}});
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
                let mut second = pod["spec"]["containers"][0].clone();
                second["name"] = json!("logs");
                pod["spec"]["containers"].as_array_mut().unwrap().push(second);
            });
        }
        let began = node.begins("cart", Stage::Start).await?;
        node.diagnosed("cart", "InitContainerRunning", began).await?;
        node.runs("cart").await?;
        node.runs("agent").await?;
        node.end().await
    });
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
        sleep(Duration::from_secs(12)).await;
        let told = node.told().await?;
        let of_pods = told.snapshot.starts.iter().filter(|start| start.trouble.is_some()).count();
        let on_node = told.snapshot.node_troubles.len();
        say_measured("nothing told of a process that ends by itself");
        ensure!(of_pods + on_node == 0, "told: {:#?}", told.snapshot);
        node.end().await
    });
}
