//! A CNI plugin that hangs: what holds the pod is told on every containerd, in each profile of rights: by what the plugin
//! was called for, by being the only one, or from containerd's records alone; and a hung plugin that blocks CRI Status is
//! not a runtime that is down.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, ensure};
use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::{Agent, CONFIG, NODE, Scene, Start};
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::stage::{PROGRAM, message, said, scene, told_so, unwatched};

const STALLED: &str = "SandboxStalled";

fn hang(scene: &Scene, pod: &str) -> anyhow::Result<()> {
    scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
    scene.run_pod(pod, json!({"image": scene.lab.app}));
    Ok(())
}

/// The process that a sentence names is a plugin of the lab.
fn names_the_process(event: &Value) -> anyhow::Result<()> {
    let (_, after) = message(event).split_once("(pid ").context("a pid")?;
    let pid = after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"))?;
    ensure!(name.trim() == PLUGIN, "pid {pid} is {name}");
    Ok(())
}

#[test]
fn the_plugin_that_hangs_is_named_with_its_process_and_blocks_status_without_the_runtime_being_down() {
    in_lab!(async {
        let scene = scene().await?;
        hang(&scene, "invoice")?;
        let event =
            told_so(&scene, "invoice", STALLED, "made: CNI plugin bridge does not return. Its ADD has run for ")
                .await?;
        println!("deep profile: {}", message(&event));
        names_the_process(&event)?;

        // Loading a configuration waits for the plugin, with the lock that Status needs: in containerd 2.
        scene.lab.cni.configure()?;
        if !scene.lab.containerd.version().trim_start_matches('v').starts_with("1.") {
            let hung = told_so(&scene, NODE, "CniHung", "CNI plugin bridge does not return.").await?;
            println!("on the node: {}", message(&hung));
        }
        let others: Vec<_> = said(&scene).into_iter().filter(|said| !said.contains("does not return")).collect();
        ensure!(others.is_empty(), "a runtime that is well, a pod that waits: {others:#?}");

        scene.lab.cni.put_plugin_back(PLUGIN)?;
        let ended = told_so(&scene, "invoice", "Resolved", "").await?;
        println!("in the end: {}", message(&ended));
        scene.end().await
    });
}

/// As in a container of the standard profile: root without any capability.
#[test]
fn without_capabilities_the_only_plugin_is_taken_for_the_only_sandbox_s_and_of_two_neither() {
    in_lab!(async {
        let scene = unwatched().await?;
        let _agent = agent(&scene, "setpriv --bounding-set=-all --inh-caps=-all --", CONFIG).await?;
        hang(&scene, "invoice")?;
        let words = "made: CNI plugin bridge does not return. It has run for ";
        let event = told_so(&scene, "invoice", STALLED, words).await?;
        println!("standard profile: {}", message(&event));
        names_the_process(&event)?;
        scene.run_pod("basket", json!({"image": scene.lab.app}));
        let event =
            told_so(&scene, "basket", STALLED, "2 CNI plugins run on this node, the oldest, bridge, for ").await?;
        println!("standard profile, two pods: {}", message(&event));
        scene.lab.cni.put_plugin_back(PLUGIN)?;
        told_so(&scene, "basket", "Resolved", "").await?;
        scene.end().await
    });
}

/// As in the socket profile: no process table at all.
#[test]
fn without_the_process_table_containerd_s_own_records_show_the_sandbox_and_no_event_is_asked_for() {
    in_lab!(async {
        let scene = unwatched().await?;
        let before = scene.api.journal().event_reads();
        let hidden = "unshare --mount sh -c 'mount -t tmpfs none /proc; exec \"$@\"' sh";
        let _agent = agent(&scene, hidden, &CONFIG.replace("askEvents: 3s", "askEvents: 10s")).await?;
        hang(&scene, "invoice")?;
        let event = told_so(&scene, "invoice", STALLED, "A CNI plugin that hangs looks like this").await?;
        println!("socket profile: {}", message(&event));
        let one = scene.lab.containerd.version().trim_start_matches('v').starts_with("1.");
        let words =
            if one { "containerd lists none that is ready." } else { "containerd waits for CNI to make its network." };
        ensure!(message(&event).contains(words), "{event:#}");
        ensure!(scene.api.journal().event_reads() == before, "what is seen was asked for");
        scene.lab.cni.put_plugin_back(PLUGIN)?;
        told_so(&scene, "invoice", "Resolved", "").await?;
        scene.end().await
    });
}

/// An agent that is started through other programs, which take from it what a profile does not have.
async fn agent(scene: &Scene, through: &str, config: &str) -> anyhow::Result<Agent> {
    let program = scene.lab.dir.join("in-a-profile");
    std::fs::write(&program, format!("#!/bin/sh\nexec {through} '{PROGRAM}' \"$@\"\n"))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Agent::start(&Start {
        program: &program,
        dir: &scene.lab.dir.join("profile"),
        node: NODE,
        socket: &scene.lab.containerd.socket(),
        kubelet: &scene.lab.dir,
        kubeconfig: Some(&scene.kubeconfig),
        config,
        port: 9480,
    })
    .await
}
