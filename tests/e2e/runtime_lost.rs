//! The runtime goes away and comes back: quickly, which is nobody's business, or not, which is.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use kubewhy_lab::demo::{Agent, NODE, Scene};
use kubewhy_lab::in_lab;

use super::stage::{Way, events, everything_is_told, message, said, scene, told, told_so, until, unwatched};

const CONNECTED: &str = "connected to the container runtime";

#[test]
fn a_runtime_that_is_killed_and_back_at_once_is_seen_again_and_never_called_down() {
    in_lab!(async {
        let mut scene = unwatched().await?;
        let mut agent = Way::of(&scene, "direct").ready().await?;
        restart_unnoticed(&mut scene, &agent).await?;
        agent.stop().await
    });
}

#[test]
fn a_runtime_restarts_unnoticed_behind_a_mount_of_its_directory() {
    in_lab!(async {
        let mut scene = unwatched().await?;
        let socket = scene.lab.containerd.socket();
        let mounted = scene.lab.dir.join("host/run/containerd");
        bind(socket.parent().unwrap(), &mounted)?;
        let way = Way { socket: mounted.join(socket.file_name().unwrap()), ..Way::of(&scene, "mounted") };
        let mut agent = way.ready().await?;
        restart_unnoticed(&mut scene, &agent).await?;
        agent.stop().await
    });
}

async fn restart_unnoticed(scene: &mut Scene, agent: &Agent) -> anyhow::Result<()> {
    scene.lab.containerd.daemon().kill().await?;
    scene.lab.containerd.restart().await?;
    until("the agent is connected again", || agent.lines(&[CONNECTED]).len() > 1).await?;
    everything_is_told(scene).await?;
    let down = events(scene).iter().any(|event| event["reason"] == "RuntimeDown");
    ensure!(!down, "a runtime that was back at once was called down: {:#?}", said(scene));
    Ok(())
}

#[test]
fn a_runtime_that_is_frozen_is_said_to_hang_and_the_thaw_ends_it() {
    in_lab!(async {
        let mut scene = scene().await?;
        scene.lab.containerd.daemon().freeze()?;
        let down = told(&scene, NODE, "RuntimeDown").await?;
        ensure!(message(&down).contains(" has hung for "), "it does not say that it hangs: {down:#}");
        scene.lab.containerd.daemon().thaw()?;
        told_so(&scene, NODE, "Resolved", "RuntimeDown").await?;
        scene.end().await
    });
}

/// Shows a directory at another place, as a mount of a container does.
fn bind(dir: &Path, place: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(place)?;
    let done = Command::new("mount").arg("--bind").args([dir, place]).status()?;
    ensure!(done.success(), "mount --bind: {done}");
    Ok(())
}
