//! Sandboxes in the making: a CNI plugin that hangs, with a runtime that restarts meanwhile, and with logs that lie there from
//! before a reboot.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use kubewhy::model::Time;
use kubewhy::model::stage::Stage;
use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::NAMESPACE;
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record;
use serde_json::json;
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

/// A directory that was last written to before this machine was up.
fn left_behind(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path)?;
    let up = fs::read_to_string("/proc/uptime")?;
    let up: f64 = up.split('.').next().context("no uptime")?.parse()?;
    let then = SystemTime::now() - Duration::from_secs_f64(up) - DAY;
    Ok(File::open(path)?.set_times(FileTimes::new().set_accessed(then).set_modified(then))?)
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn rebooted() {
    in_lab!(async {
        let node = Node::start().await?;
        let logs = node.scene.lab.dir.join("pods").join(format!("{NAMESPACE}_cart_{UID}"));
        let kubelet = node.scene.lab.dir.join("kubelet/pods").join(UID);
        for folder in [logs.join("main"), logs, kubelet.join("containers/main"), kubelet.join("containers"), kubelet] {
            left_behind(&folder)?;
        }
        node.scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        let before = kubewhy_lab::apiserver::rfc3339(Time::now() - DAY);
        node.run_changed("cart", |pod| {
            pod["metadata"]["uid"] = json!(UID);
            pod["status"]["startTime"] = json!(before);
            pod["status"]["conditions"][0]["lastTransitionTime"] = json!(before);
        });
        let began = hangs(&node, "cart").await?;
        node.diagnosed("cart", "SandboxStalled", began).await?;
        node.until("cart", "in its sandbox", |start| start.stage == Stage::Sandbox).await?;
        node.scene.lab.cni.put_plugin_back(PLUGIN)?;
        node.runs("cart").await?;
        node.end().await
    });
}
