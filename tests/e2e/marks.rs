//! The directories that the kubelet makes on its way, beside a real runtime: they tell since when a sandbox is in the making,
//! and old ones of the same pod mislead nobody.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::{NAMESPACE, Scene, pod};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::stage::{PROGRAM, SOON, scene};

const UID: &str = "4f0f3b1c-7b1e-4f5a-9c35-5a6a5f0f7a11";
const LOOKS: Duration = Duration::from_millis(200);

/// The start of that pod, as the agent shows it now.
async fn start(scene: &Scene, name: &str) -> anyhow::Result<Option<Value>> {
    let mut command = Command::new(PROGRAM);
    let output = command.args(["status", "-o", "json", "--api-socket"]).arg(&scene.agent.api).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let state: Value = serde_json::from_slice(&output.stdout)?;
    let starts = state["starts"].as_array().context("starts")?;
    Ok(starts.iter().find(|start| start["pod"]["name"] == name).cloned())
}

/// The start of that pod, once it is so.
async fn once(scene: &Scene, name: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + SOON;
    loop {
        let start = start(scene, name).await?;
        if let Some(start) = start.as_ref().filter(|start| is(start)) {
            return Ok(start.clone());
        }
        ensure!(Instant::now() < deadline, "not in time: {start:#?}\n{}", scene.agent.daemon.log_end());
        sleep(LOOKS).await;
    }
}

fn log_folder(scene: &Scene, name: &str, uid: &str) -> PathBuf {
    scene.lab.dir.join("pods").join(format!("{NAMESPACE}_{name}_{uid}"))
}

fn named(name: &str, container: Value) -> Value {
    let mut pod = pod(NAMESPACE, name, container);
    pod["metadata"]["uid"] = json!(UID);
    pod
}

#[test]
fn a_pod_whose_network_plugin_hangs_has_its_sandbox_in_the_making_since_its_log_directory() {
    in_lab!(async {
        let scene = scene().await?;
        scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
        scene.put(named("invoice", json!({"image": scene.lab.app})));

        let told = once(&scene, "invoice", |start| start["spans"][2]["stage"] == "Sandbox").await?;
        let since: Timestamp = told["since"].as_str().context("since")?.parse()?;
        let born: Timestamp = fs::metadata(log_folder(&scene, "invoice", UID))?.created()?.try_into()?;
        ensure!(told["stage"] == "Sandbox" && since == born, "made at {born}: {told:#}");
        ensure!(told["spans"][1]["stage"] == "Volumes", "{told:#}");
        ensure!(told["spans"][2]["evidence"] == "the pod's log directory", "{told:#}");

        scene.lab.cni.put_plugin_back(PLUGIN)?;
        let over = once(&scene, "invoice", |start| !start["arrived"].is_null()).await?;
        println!("{over:#}");
        Ok(())
    });
}

#[test]
fn a_slow_pull_is_no_creation_though_the_pod_s_old_directories_are_there() {
    in_lab!(async {
        let scene = scene().await?;
        scene.lab.containerd.pull_image(&scene.lab.app).await?;
        left_behind(&scene.lab.dir.join("kubelet/pods").join(UID).join("volumes"))?;
        left_behind(&log_folder(&scene, "reports", UID).join("main"))?;
        // They are older than startTime, which the API server has in whole seconds.
        sleep(Duration::from_secs(2)).await;

        let image = scene.lab.faulty.push("shop/reports", "1", &Image::large(&scene.lab.busybox, 1, 12 << 20, 9));
        scene.lab.faulty.set("shop/reports", Fault::Slow(1_500_000));
        scene.put(named("reports", json!({"image": image})));
        let pulled = |start: &Value| start["stage"] == "ImagePull";
        once(&scene, "reports", pulled).await?;
        for _ in 0..20 {
            let now = start(&scene, "reports").await?.context("it is on its way")?;
            ensure!(pulled(&now), "{now:#}");
            sleep(LOOKS).await;
        }
        scene.lab.faulty.set("shop/reports", Fault::Healthy);
        let over = once(&scene, "reports", |start| !start["arrived"].is_null()).await?;
        let stages = over["spans"].as_array().context("spans")?.iter().map(|span| span["stage"].as_str());
        ensure!(stages.clone().all(|stage| stage != Some("Create")), "{over:#}");
        println!("{over:#}");
        Ok(())
    });
}

/// Makes a directory and everything that leads to it look as old as the world.
fn left_behind(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    for part in directory.ancestors().take(2) {
        File::open(part)?.set_times(long_ago)?;
    }
    Ok(())
}
