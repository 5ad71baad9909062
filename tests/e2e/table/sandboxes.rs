//! Sandboxes in the making: a CNI plugin that hangs, with a runtime that restarts meanwhile, and with logs that lie there from
//! before a reboot.

use std::fs;
use std::time::Duration;

use anyhow::ensure;
use kubewhy::model::Time;
use kubewhy::model::stage::Stage;
use kubewhy_lab::apiserver::rfc3339;
use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::NAMESPACE;
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

use super::node::Node;
use super::page::say_measured;

const UID: &str = "5f0c9d1e-7b3a-4f5e-9a41-3c2b1d0e8f77";
const DAY: Duration = Duration::from_secs(86_400);

/// When the plugin began to hang, once it has.
async fn hangs(node: &Node, pod: &str) -> anyhow::Result<Time> {
    node.begins(pod, record::Stage::Sandbox).await?;
    loop {
        if let Some(at) = node.scene.lab.cni.hung_since(PLUGIN) {
            return Ok(at);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn hung() {
    in_lab!(async {
        let node = Node::start().await?;
        node.scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        node.run("cart", json!({"image": node.scene.lab.app}));
        let began = hangs(&node, "cart").await?;
        node.diagnosed("cart", "SandboxStalled", began).await?;
        node.scene.lab.cni.put_plugin_back(PLUGIN)?;
        node.runs("cart").await?;
        node.end().await
    });
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn restarted() {
    in_lab!(async {
        let mut node = Node::start().await?;
        node.scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        node.run("cart", json!({"image": node.scene.lab.app}));
        hangs(&node, "cart").await?;
        sleep(Duration::from_secs(1)).await;
        node.scene.lab.containerd.daemon().kill().await?;
        node.scene.lab.containerd.restart().await?;
        sleep(Duration::from_secs(6)).await;
        node.until("cart", "in its sandbox", |start| start.stage == Stage::Sandbox).await?;
        node.scene.lab.cni.put_plugin_back(PLUGIN)?;
        node.runs("cart").await?;
        say_measured("told at Sandbox all the time");
        node.end().await
    });
}

/// From now on the machine was booted a moment ago, as far as can be read in this lab.
async fn reboot(node: &Node) -> anyhow::Result<Time> {
    // The kernel tells the boot in whole seconds, cut off: nothing that is there by now may seem younger.
    sleep(Duration::from_millis(1500)).await;
    let boot = Time::from_second(Time::now().as_second())?;
    let told = fs::read_to_string("/proc/stat")?;
    let line = |line: &str| match line.starts_with("btime ") {
        true => format!("btime {}\n", boot.as_second()),
        false => format!("{line}\n"),
    };
    let file = node.scene.lab.dir.join("stat");
    fs::write(&file, told.lines().map(line).collect::<String>())?;
    let mounted = Command::new("mount").arg("--bind").arg(&file).arg("/proc/stat").status().await?;
    ensure!(mounted.success(), "/proc/stat can't be covered: {mounted}");
    Ok(boot)
}

/// A pod that was taken up yesterday and lost its sandbox with the boot.
fn taken_up_before(boot: Time, pod: &mut Value) {
    let (lost, yesterday) = (rfc3339(boot), rfc3339(boot - DAY));
    pod["metadata"]["uid"] = json!(UID);
    pod["status"]["startTime"] = json!(yesterday);
    pod["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": yesterday},
        {"type": "PodReadyToStartContainers", "status": "False", "lastTransitionTime": lost},
    ]);
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn rebooted() {
    in_lab!(async {
        let node = Node::start().await?;
        let logs = node.scene.lab.dir.join("pods").join(format!("{NAMESPACE}_cart_{UID}"));
        let kubelet = node.scene.lab.dir.join("kubelet/pods").join(UID);
        for folder in [logs.join("main"), kubelet.join("containers/main")] {
            fs::create_dir_all(folder)?;
        }
        let boot = reboot(&node).await?;
        node.scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        node.run_changed("cart", |pod| taken_up_before(boot, pod));
        let began = hangs(&node, "cart").await?;
        node.diagnosed("cart", "SandboxStalled", began).await?;
        let stalled = node.start_of("cart").await?;
        ensure!(stalled.stage == Stage::Sandbox, "{stalled:#?}");
        ensure!(stalled.trouble.as_ref().is_some_and(|trouble| trouble.since >= boot), "{stalled:#?}");
        node.scene.lab.cni.put_plugin_back(PLUGIN)?;
        node.runs("cart").await?;
        let course = node.start_of("cart").await?.spans;
        let misled = course.iter().any(|span| span.evidence.ends_with("log directory") || span.stage == Stage::Create);
        ensure!(!misled, "told by what is left from before: {course:#?}");
        node.end().await
    });
}
