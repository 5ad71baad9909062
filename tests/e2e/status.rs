//! `kubewhy status` beside an agent on a real node: the pod that starts, its pull with a bar, and how the start
//! went once it is over. How true the bar is `pulls.rs` tests.

use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::demo::Scene;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::stage::{PROGRAM, SOON, scene};

const REPOSITORY: &str = "shop/reports";
/// Bytes a second.
const RATE: u64 = 1_500_000;

async fn status(scene: &Scene, args: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(PROGRAM);
    let output = command.arg("status").arg("--api-socket").arg(&scene.agent.api).args(args).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The state once it is so.
pub(super) async fn state(scene: &Scene, what: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + SOON;
    loop {
        let state = serde_json::from_str(&status(scene, &["-o", "json"]).await?)?;
        if is(&state) {
            return Ok(state);
        }
        ensure!(Instant::now() < deadline, "not {what}: {state:#}");
        sleep(Duration::from_millis(200)).await;
    }
}

fn share(state: &Value) -> Option<f64> {
    let pull = &state["pulls"][0];
    Some(pull["bytes_done"].as_f64()? / pull["bytes_total"].as_f64()?)
}

#[test]
fn a_start_is_seen_from_its_pull_to_its_end() {
    in_lab!(async {
        let scene = scene().await?;
        let image = Image::large(&scene.lab.busybox, 1, 12 << 20, 9);
        let name = scene.lab.faulty.push(REPOSITORY, "0.8.2", &image);
        scene.lab.faulty.set(REPOSITORY, Fault::Slow(RATE));
        scene.run_pod("reports", json!({"image": name}));

        let half = state(&scene, "half way", |state| share(state).is_some_and(|share| share > 0.5)).await?;
        let start = &half["starts"][0];
        ensure!(start["pod"]["name"] == "reports" && start["stage"] == "ImagePull", "{half:#}");
        ensure!(half["pulls"][0]["pods"][0]["name"] == "reports", "{half:#}");
        let page = status(&scene, &[]).await?;
        ensure!(page.contains("reports  ImagePull") && page.contains(" %  ") && page.contains("MB/s"), "{page}");
        println!("{page}");

        scene.lab.faulty.set(REPOSITORY, Fault::Healthy);
        state(&scene, "running", |state| !state["starts"][0]["arrived"].is_null()).await?;
        let course = status(&scene, &["reports"]).await?;
        ensure!(course.contains("runs, after ") && course.contains("ImagePull (main)"), "{course}");
        println!("{course}");
        let unknown = status(&scene, &["carrt"]).await.err().context("there is no such pod")?.to_string();
        ensure!(unknown.contains("no start of carrt is known here"), "{unknown}");
        Ok(())
    });
}
