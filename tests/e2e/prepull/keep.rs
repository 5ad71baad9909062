//! What is to be kept is pinned where containerd heeds that, let go when it leaves the configuration, and pulled again when
//! somebody removed it.

use anyhow::ensure;
use kubewhy_lab::in_lab;

use super::node::{Node, set};
use crate::stage::SOON;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn pinned() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [kept, dropped] = [("base/kept", 1), ("base/dropped", 2)].map(|(name, seed)| node.serve(name, 1, 1, seed));
        let heeded = node.heeds_pins();
        node.begin(&set("all", &[&kept.name, &dropped.name], ", keep: true"))?;
        node.complete("all").await?;
        for image in [&kept, &dropped] {
            node.until("pinned", SOON, async || Ok(node.is_pinned(image).await? == heeded)).await?;
        }
        // Where pins are not heeded none is set, and a pull that is through leaves no lease.
        node.until("held", SOON, async || Ok(node.held().await?.len() == 2 * usize::from(heeded))).await?;

        node.edit(&set("all", &[&kept.name], ", keep: true"))?;
        node.until("read", SOON, async || Ok(node.accepted() == 2)).await?;
        node.until("let go", SOON, async || Ok(!node.is_pinned(&dropped).await?)).await?;
        node.until("held", SOON, async || Ok(node.held().await?.len() == usize::from(heeded))).await?;
        ensure!(node.has(&dropped).await?, "nothing is ever removed");
        ensure!(node.is_pinned(&kept).await? == heeded, "what stays is kept");

        node.scene.agent.stop().await?;
        node.scene.lab.containerd.forget_image(&kept.name).await?;
        ensure!(!node.has(&kept).await?, "somebody removed it");
        node.launch()?;
        node.until("pulled again", SOON, async || node.has(&kept).await).await?;
        node.until("pinned again", SOON, async || Ok(node.is_pinned(&kept).await? == heeded)).await?;
        node.end().await
    });
}
