//! A pull that is cut off goes on from the bytes it has: whatever cut it, and whoever ended meanwhile.

use anyhow::ensure;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;

use super::node::{MIB, Node, set};

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn cut() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let ours = node.serve_slowly("base/ours", 2, 16, 1);
        let pods = node.serve_slowly("shop/cart", 1, 2, 2);
        node.begin(&set("all", &[&ours.name], ""))?;

        // By a pull that is not ours.
        node.gave(&ours, 3 * MIB).await?;
        node.scene.lab.containerd.pull_image(&pods.name).await?;
        node.went_on(&ours, 1).await?;

        // By the end of the agent, and its next start.
        node.gave(&ours, 6 * MIB).await?;
        node.scene.agent.stop().await?;
        ensure!(!node.held().await?.is_empty(), "an agent that ends keeps what it has by its lease");
        node.launch()?;
        node.went_on(&ours, 2).await?;

        // By its death.
        node.gave(&ours, 9 * MIB).await?;
        node.scene.agent.daemon.kill().await?;
        node.launch()?;
        node.went_on(&ours, 3).await?;

        // By containerd's.
        node.gave(&ours, 12 * MIB).await?;
        node.scene.lab.containerd.daemon().kill().await?;
        node.scene.lab.containerd.restart().await?;
        node.went_on(&ours, 4).await?;

        node.fault("base/ours", Fault::Healthy);
        node.complete("all").await?;
        node.came_once(&ours, 4)?;
        node.came_once(&pods, 0)?;
        node.holds_nothing().await?;
        node.end().await
    });
}
