//! Faults of what runs beside the runtime: the kubelet, and what the kernel gives out.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::demo::{Act, Agent, NODE, On, Scene, Start};
use kubewhy_lab::in_lab;
use tokio::process::Command;

use super::row::{CONFIG, Fault, LOOK, node, play};
use crate::stage::PROGRAM;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        act: Act {
            title: "the kubelet is killed",
            cause: "KubeletDown",
            on: On::Node,
            also: None,
            broken: |s| {
                Box::pin(async {
                    s.kubelet.kill().await;
                    Ok(())
                })
            },
            mended: |s| Box::pin(async { s.kubelet.restart().await }),
        },
        // Whoever looks for a process among all of them looks more rarely.
        shows: Duration::from_secs(5),
        heals: LOOK,
    },
    Fault {
        act: Act {
            title: "root has no inotify instance left",
            cause: "InotifyExhausted",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(inotify_at_most(s, 0)),
            mended: |s| Box::pin(inotify_at_most(s, 128)),
        },
        shows: LOOK,
        heals: LOOK,
    },
];

/// Runs what it is given as the root of a user namespace, whom every user is known to: limits set there end there.
const OWN_ROOT: &str = r#"#!/bin/sh
for map in uid gid; do
    (until echo '0 0 4294967295' >/proc/$$/${map}_map; do sleep 0.05; done) 2>/dev/null &
done
exec unshare --user sh -c 'until grep -q . /proc/self/uid_map; do sleep 0.05; done; exec "$@"' sh "#;

/// How many inotify instances may be had where the agent runs.
async fn inotify_at_most(scene: &mut Scene, count: u32) -> anyhow::Result<()> {
    let pid = scene.agent.daemon.pid().context("no agent")?.to_string();
    let set = format!("echo {count} >/proc/sys/user/max_inotify_instances");
    let done = Command::new("nsenter").args(["--user", "--target", &pid, "sh", "-c", &set]).status().await?;
    ensure!(done.success(), "{set}: {done}");
    Ok(())
}

/// An agent with a root of its own.
async fn agent(scene: &Scene) -> anyhow::Result<Agent> {
    let program = scene.lab.dir.join("as-root-of-its-own");
    std::fs::write(&program, format!("{OWN_ROOT}'{PROGRAM}' \"$@\"\n"))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Agent::start(&Start {
        program: &program,
        dir: &scene.lab.dir.join("own"),
        node: NODE,
        socket: &scene.lab.containerd.socket(),
        kubelet: &scene.lab.dir,
        kubeconfig: Some(&scene.kubeconfig),
        config: CONFIG,
        port: 9480,
    })
    .await
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn beside() {
    in_lab!(async {
        let mut scene = node().await?;
        scene.agent.stop().await?;
        scene.agent = agent(&scene).await?;
        play(FAULTS, &mut scene).await?;
        scene.end().await
    });
}
