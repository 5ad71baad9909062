//! The kubelet says that the disk is short of room while we pull: nothing of ours goes on or is held, until it is well again.

use anyhow::{Context, ensure};
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::demo::NODE;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::node::{MIB, Node, set};
use crate::stage::SOON;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn told() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let small = node.serve("base/small", 1, 1, 1);
        let large = node.serve_slowly("base/large", 2, 8, 2);
        node.begin(&set("all", &[&small.name, &large.name], ", keep: true"))?;
        node.gave(&large, 3 * MIB).await?;
        node.until("held", SOON, async || {
            Ok(node.held().await?.len() == 1 + usize::from(node.heeds_pins()) && node.has(&small).await?)
        })
        .await?;

        pressure(&node, "True")?;
        node.holds_nothing().await?;
        node.told("PrepullNoRoom", "Pre-pull set all waits: the disk is short of room", SOON).await?;
        ensure!(node.has(&small).await? && !node.is_pinned(&small).await?, "only the pin goes, not the image");
        let (before, asked) = (node.sent(&large).bytes, node.scene.lab.faulty.served(&large.repository).requests);

        pressure(&node, "False")?;
        node.until("goes on", SOON, async || Ok(node.sent(&large).bytes > before)).await?;
        ensure!(node.scene.lab.faulty.served(&large.repository).requests > asked, "it had not stopped");
        node.fault("base/large", Fault::Healthy);
        node.complete("all").await?;
        node.until("pinned", SOON, async || Ok(node.is_pinned(&small).await? == node.heeds_pins())).await?;
        node.came_once(&small, 0)?;
        node.end().await
    });
}

/// As the kubelet would write it; the stand-in writes its own again only when that changes.
fn pressure(node: &Node, status: &str) -> anyhow::Result<()> {
    let mut object = Value::clone(&*node.scene.api.store().get(&NODES, "", NODE).context("the Node")?);
    let conditions = object["status"]["conditions"].as_array_mut().context("its conditions")?;
    let disk = conditions.iter_mut().find(|condition| condition["type"] == "DiskPressure").context("its disk's")?;
    disk["status"] = json!(status);
    node.scene.put(object);
    Ok(())
}
