//! Faults of what runs beside the runtime: the kubelet, what the kernel gives out, and the clock.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::SignedDuration;
use kubewhy_lab::apiserver;
use kubewhy_lab::demo::{Act, Agent, NODE, On, Scene, Start};
use kubewhy_lab::in_lab;
use tokio::process::Command;
use tokio::time::sleep;

use super::row::{CONFIG, Fault, LOOK, node, play};
use crate::stage::PROGRAM;

const FAULTS: &[Fault] = &[
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
    Fault {
        act: Act {
            title: "the clock of the API server is shifted",
            cause: "ClockSkewed",
            on: On::Node,
            also: None,
            broken: |s| Box::pin(clock_ahead(s, SHIFTED)),
            mended: |s| Box::pin(clock_ahead(s, SignedDuration::ZERO)),
        },
        shows: AGAIN.saturating_add(LOOK),
        heals: AGAIN.saturating_add(LOOK),
    },
    Fault {
        act: Act {
            title: "likewise, and only the agent's own answers tell it",
            cause: "ClockSkewed",
            on: On::Node,
            also: None,
            broken: |s| {
                Box::pin(async {
                    std::fs::rename(KUBECONFIG, AWAY)?;
                    clock_ahead(s, -SHIFTED).await?;
                    sleep(BETWEEN_ANSWERS).await;
                    end_watches(s).await
                })
            },
            mended: |s| {
                Box::pin(async {
                    std::fs::rename(AWAY, KUBECONFIG)?;
                    clock_ahead(s, SignedDuration::ZERO).await
                })
            },
        },
        shows: BETWEEN_ANSWERS.saturating_add(AGAIN),
        heals: AGAIN.saturating_add(LOOK),
    },
];

/// Far more than clocks may be apart.
const SHIFTED: SignedDuration = SignedDuration::from_mins(5);
/// By which the kubelet's way to the API server is found.
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";
const AWAY: &str = "/var/lib/kubelet/kubeconfig.away";
/// A watch that was cut is opened again within this time.
const AGAIN: Duration = Duration::from_secs(2);
/// Two answers that are so far apart are two.
const BETWEEN_ANSWERS: Duration = Duration::from_secs(6);

/// By the clock of the API server, and of its answers.
async fn clock_ahead(scene: &mut Scene, by: SignedDuration) -> anyhow::Result<()> {
    scene.api.clock().set_apart(by);
    end_watches(scene).await
}

/// What happens every few minutes happens at once: watches end, and are opened anew.
async fn end_watches(scene: &Scene) -> anyhow::Result<()> {
    scene.api.set_fault(apiserver::Fault::Refuse.everywhere());
    sleep(Duration::from_millis(100)).await;
    scene.api.set_faults(Vec::new());
    Ok(())
}

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
