//! What is present costs the registry nothing, and what is missing is told with its set.

use anyhow::ensure;
use kubewhy_lab::hosts::FAULTY;
use kubewhy_lab::in_lab;

use super::node::{Node, set};
use crate::stage::{SOON, events, message, said};

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn left_alone() {
    in_lab!(async {
        let mut node = Node::start().await?;
        let [present, absent] =
            [("base/present", 1), ("base/absent", 2)].map(|(name, seed)| node.serve(name, 1, 1, seed));
        let missing = format!("{FAULTY}/base/missing:1");
        node.scene.lab.containerd.pull_image(&present.name).await?;
        let asked = node.scene.lab.faulty.served("base/present");

        let good = set("good", &[&present.name, &absent.name], "");
        let mixed = set("mixed", &[&present.name, &absent.name, &missing], "");
        node.begin(&(good + &mixed))?;
        let complete = node.told("PrepullComplete", "", SOON).await?;
        ensure!(message(&complete).contains("Pre-pull set good: all 2 images are here"), "{complete:#}");
        let failed = node.told("ImageNotFound", "Pre-pull set mixed", SOON).await?;
        ensure!(message(&failed).contains(&missing), "{failed:#}");
        node.scene.agent.stop().await?;

        ensure!(node.scene.lab.faulty.served("base/present") == asked, "what was present was pulled again");
        node.came_once(&absent, 0)?;
        let complete = events(&node.scene).iter().filter(|event| event["reason"] == "PrepullComplete").count();
        ensure!(complete == 1, "not told once: {:#?}", said(&node.scene));
        Ok(())
    });
}
