//! A state directory that can't be written: the agent tells what it sees all the same, says that it will forget it, and what
//! it had kept before still holds.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use kubewhy_lab::demo::{Agent, Scene};
use kubewhy_lab::disk::Disk;
use kubewhy_lab::in_lab;
use serde_json::json;

use super::killed::{NODE, Trouble, node, pod, running, told};
use super::stage::{SOON, Way, until, unwatched};

const BYTES: u64 = 8 << 20;
const FORGETS: &[&str] = &["the state directory can't be used"];

/// A pod in trouble, told once by now.
async fn stuck(scene: &Scene, name: &str) -> anyhow::Result<Trouble> {
    scene.put(pod(
        name,
        &json!({"waiting": {"reason": "CreateContainerConfigError", "message": "secret \"cart\" not found"}}),
    ));
    let trouble = Trouble { pod: name.to_owned(), cause: "ConfigReferenceMissing", mended: false };
    until("the first report", || told(scene, &trouble).firsts > 0).await?;
    Ok(trouble)
}

/// It starts, and its end is told; nothing was told twice.
async fn mended(scene: &Scene, trouble: &Trouble) -> anyhow::Result<()> {
    scene.put(pod(&trouble.pod, &running()));
    until("the ending", || told(scene, trouble).ends > 0).await?;
    let told = told(scene, trouble);
    ensure!((told.firsts, told.ends) == (1, 1), "{}: {told:?}", trouble.pod);
    Ok(())
}

async fn forgetful(way: &Way) -> anyhow::Result<Agent> {
    let mut agent = way.launch()?;
    agent.says(FORGETS, SOON).await?;
    Ok(agent)
}

fn remount(place: &Path, how: &str) -> anyhow::Result<()> {
    ensure!(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(place).status()?.success(), "{how}");
    Ok(())
}

#[test]
fn a_disk_that_is_full_or_read_only_costs_no_report_and_what_was_kept_holds() {
    in_lab!(async {
        let scene = unwatched().await?;
        scene.put(node());
        let way = Way { node: NODE.to_owned(), ..Way::of(&scene, "crowded") };
        let place = way.dir.join("state");
        let disk = Disk::mount(&scene.lab.dir.join("state.img"), &place, BYTES)?;

        disk.fill_blocks()?;
        let mut agent = forgetful(&way).await?;
        let trouble = stuck(&scene, "full-from-the-start").await?;
        disk.empty()?;
        agent.says(&["stories are kept on disk again"], SOON).await?;
        agent.daemon.kill().await?;
        let mut agent = way.ready().await?;
        mended(&scene, &trouble).await?;
        let trouble = stuck(&scene, "full-later").await?;
        disk.fill_blocks()?;
        let second = stuck(&scene, "full-already").await?;
        agent.daemon.kill().await?;
        let mut agent = way.ready().await?;
        mended(&scene, &trouble).await?;
        mended(&scene, &second).await?;
        agent.stop().await?;

        disk.empty()?;
        remount(&place, "ro")?;
        let mut agent = forgetful(&way).await?;
        let trouble = stuck(&scene, "read-only").await?;
        mended(&scene, &trouble).await?;
        agent.stop().await?;
        scene.end().await
    });
}
