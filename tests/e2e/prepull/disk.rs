//! A disk that is nearly full: what does not fit above the set's floor is cut off as soon as its manifest says so, told, and
//! pulled once there is room. Below the floor nothing of ours is held.

use std::path::Path;

use anyhow::ensure;
use kubewhy_lab::disk::Disk;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::in_lab;
use kubewhy_lab::namespaces::GROUND;

use super::node::{MIB, Node, set_above};
use crate::stage::SOON;

/// Of which the set leaves a fifth free.
const SIZE: u64 = 192 * MIB;
/// What others have of it: with it there is room for the small image above the floor, and none for the large one.
const TAKEN: u64 = 72 * MIB;
/// Downloaded and unpacked it is reckoned to take four times that.
const LARGE: u64 = 24;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn floor() {
    in_lab!(async {
        let ground = Path::new(GROUND);
        let disk = Disk::mount(&ground.join("disk"), &ground.join("containerd/root"), SIZE)?;
        let mut node = Node::start().await?;
        disk.take(TAKEN)?;
        let small = node.serve("base/small", 1, 2, 1);
        let large = node.serve_slowly("base/large", 1, LARGE, 2);
        node.begin(&set_above("20%", "all", &[&small.name, &large.name], ""))?;
        node.told("PrepullNoRoom", &format!("the disk has no room for {}", large.name), SOON).await?;
        node.until("the small one", SOON, async || node.has(&small).await).await?;
        let sent = node.sent(&large);
        ensure!(sent.times == 1 && sent.bytes < LARGE * MIB / 2, "it was not cut off early, nor left alone: {sent:?}");

        disk.empty()?;
        node.went_on(&large, 1).await?;
        ensure!(!node.held().await?.is_empty(), "what it has is held");

        // Others take what is to stay free: nothing of ours may stand in the way of who cleans up.
        disk.take(2 * TAKEN)?;
        node.told("PrepullNoRoom", "the disk is short of room, so nothing is pulled, held or pinned", SOON).await?;
        node.holds_nothing().await?;
        ensure!(node.has(&small).await?, "nothing is ever removed");

        disk.empty()?;
        node.fault(&large.repository, Fault::Healthy);
        node.complete("all").await?;
        node.came_once(&small, 0)?;
        node.end().await
    });
}
