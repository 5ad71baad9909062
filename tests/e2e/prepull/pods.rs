//! A pod's pull goes first: ours makes way while it moves and goes on after it; one that does not move holds ours up for a
//! while and not for ever.

use anyhow::{Context, ensure};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use serde_json::json;

use super::node::{MIB, Node, say_measured, set};
use crate::stage::SOON;

/// Ours makes way within this time: four looks of 250 ms, on a machine that does much else.
const WAY_WITHIN: f64 = 3.0;
/// A pull that stands still holds ours up for 15 s from when it was last seen to move.
const STILL_AT_LEAST: f64 = 12.0;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn first() {
    in_lab!(async {
        let mut node = Node::start().await?;
        // As many layers as containerd fetches at a time, from 2.1 on on the whole node.
        let ours = node.serve_slowly("base/ours", 3, 16, 1);
        let moving = node.serve_slowly("shop/reports", 1, 6, 2);
        node.begin(&set("all", &[&ours.name], ""))?;

        node.gave(&ours, 3 * MIB).await?;
        node.scene.run_pod("reports", json!({"image": moving.name}));
        let begun = node.pod("reports", Stage::ImagePull).await?;
        node.gave(&moving, 5 * MIB).await?;
        let last = node.scene.lab.faulty.served(&ours.repository).last.context("ours began")?;
        let way = last.duration_since(begun).as_secs_f64();
        say_measured(&format!("ours made way {way:.1} s after the pod's pull began"));
        ensure!(way < WAY_WITHIN, "ours was still given bytes {way:.1} s after the pod's pull began");
        node.pod("reports", Stage::Running).await?;
        node.went_on(&ours, 1).await?;

        let stuck = node.serve("shop/stuck", 1, 4, 3);
        node.fault("shop/stuck", Fault::Stalled(MIB));
        node.scene.run_pod("stuck", json!({"image": stuck.name}));
        node.gave(&stuck, MIB).await?;
        let still = node.scene.lab.faulty.served(&stuck.repository).last.context("it began")?;
        let begun = node.sent(&ours).times;
        node.until("ours goes on", SOON, async || Ok(node.sent(&ours).times > begun)).await?;
        let held = jiff::Timestamp::now().duration_since(still).as_secs_f64();
        say_measured(&format!("went on after {held:.1} s of a pod's pull that stood still"));
        ensure!(held > STILL_AT_LEAST, "held up for {held:.1} s");

        // Were it mended at once, it would cut off ours again, while that comes fast.
        node.fault(&ours.repository, Fault::Healthy);
        node.complete("all").await?;
        node.fault(&stuck.repository, Fault::Healthy);
        node.pod("stuck", Stage::Running).await?;
        node.came_once(&ours, 2)?;
        node.came_once(&moving, 0)?;
        node.end().await
    });
}
