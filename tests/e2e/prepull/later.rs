//! What takes its time: a tag that moved is asked for again, and a node that is not among the first waits for its turn.

use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::in_lab;
use tokio::time::Instant;

use super::node::{Node, set};

/// The least that the configuration takes, for both.
const MINUTE: Duration = Duration::from_secs(60);
/// A minute and up to a fifth more, and a busy machine.
const WITHIN: Duration = Duration::from_secs(110);

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn in_turn() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let led = node.serve("base/led", 1, 1, 1);
        let old = node.serve("base/moving", 1, 1, 2);
        let sets = set("led", &[&led.name], ", first: {share: 1%, lead: 1m}")
            + &set("moving", &[&old.name], ", refresh: 1m, keep: true");
        let begun = Instant::now();
        node.begin(&sets)?;
        node.complete("moving").await?;
        ensure!(begun.elapsed() < MINUTE, "too slow a machine to tell them apart");
        let new = node.serve("base/moving", 1, 1, 3);

        let asked = async || Ok(node.scene.lab.faulty.served(&led.repository).requests > 0);
        node.until("the turn of this node", WITHIN, asked).await?;
        ensure!(begun.elapsed() >= MINUTE, "asked for after {:?}, before its turn", begun.elapsed());
        node.complete("led").await?;

        let is_new = async || {
            let image = node.scene.lab.containerd.image(&new.name).await?;
            Ok(image.is_some_and(|image| image.id == new.id()))
        };
        node.until("the tag's new image", WITHIN, is_new).await?;
        for image in [&led, &old, &new] {
            node.came_once(image, 0)?;
        }
        node.until("kept", WITHIN, async || Ok(node.is_pinned(&new).await? == node.heeds_pins())).await?;
        node.end().await
    });
}
