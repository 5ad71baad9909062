//! Pulls that wait, stall or share, on a real containerd: which sentence each pod gets, and that progress is what the registry
//! has sent.

use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use kubewhy_lab::demo::Scene;
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::stage::{PROGRAM, SOON, message, scene, serial_scene, told_so};

/// What an Event says, for whoever reads the test's output.
fn line(scene: &Scene, event: &Value) -> String {
    format!("{} {}: {}", scene.lab.containerd.version(), event["reason"], message(event))
}

/// The state of the node once it is so.
async fn state(scene: &Scene, what: &str, is: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let deadline = Instant::now() + SOON;
    loop {
        let mut command = Command::new(PROGRAM);
        command.arg("status").arg("--api-socket").arg(&scene.agent.api).args(["-o", "json"]);
        let output = command.output().await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let state = serde_json::from_slice(&output.stdout)?;
        if is(&state) {
            return Ok(state);
        }
        ensure!(Instant::now() < deadline, "not {what}: {state:#}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Serves an image with one layer of its own under a fault.
fn faulty(scene: &Scene, repository: &str, bytes: usize, seed: u64, fault: Fault) -> String {
    let image = Image::large(&scene.lab.busybox, 1, bytes, seed);
    scene.lab.faulty.set(repository, fault);
    scene.lab.faulty.push(repository, "1", &image)
}

/// Waits until a pod is at that stage.
async fn at_stage(scene: &Scene, pod: &str, stage: &str) -> anyhow::Result<Value> {
    let is = |start: &Value| start["pod"]["name"] == pod && start["stage"] == stage;
    state(scene, &format!("{pod} at {stage}"), |state| state["starts"].as_array().is_some_and(|all| all.iter().any(is)))
        .await
}

#[test]
fn a_registry_that_never_answers_is_told_on_its_pod_and_on_those_behind_it() {
    in_lab!(async {
        let scene = serial_scene().await?;
        let mute = faulty(&scene, "mute/app", 1 << 20, 1, Fault::Silent);
        scene.run_pod("vault", json!({"image": mute}));
        at_stage(&scene, "vault", "ImagePull").await?;
        sleep(Duration::from_secs(2)).await;
        scene.run_pod("cart", json!({"image": scene.lab.app}));
        sleep(Duration::from_secs(2)).await;
        let log = scene.lab.registry.push("shop/log", "1", &Image::app(&scene.lab.busybox))?;
        scene.run_pod("log", json!({"image": log}));

        let head = told_so(&scene, "vault", "ImagePullStalled", "no answer since the pull began").await?;
        println!("{}", line(&scene, &head));
        let behind = told_so(&scene, "cart", "ImagePullQueued", "the node pulls one at a time").await?;
        println!("{}", line(&scene, &behind));
        ensure!(message(&behind).contains("now that of pod vault: its registry has not answered for "), "{behind:#}");
        let last = told_so(&scene, "log", "ImagePullQueued", "; 1 more before it").await?;
        println!("{}", line(&scene, &last));

        scene.lab.faulty.set("mute/app", Fault::Healthy);
        for pod in ["vault", "cart"] {
            let ended = told_so(&scene, pod, "Resolved", "").await?;
            println!("{}", line(&scene, &ended));
        }
        Ok(())
    });
}

#[test]
fn a_layer_that_stops_is_told_with_its_digest_and_host_also_to_who_waits_for_it() {
    in_lab!(async {
        let scene = scene().await?;
        let image = Image::large(&scene.lab.busybox, 1, 12 << 20, 2);
        scene.lab.faulty.set("shop/reports", Fault::Stalled(5 << 20));
        let name = scene.lab.faulty.push("shop/reports", "1", &image);
        scene.run_pod("reports", json!({"image": name}));
        let event = told_so(&scene, "reports", "ImagePullStalled", "stopped arriving").await?;
        println!("{}", line(&scene, &event));
        let digest = image.layers.last().context("it has layers")?.digest.trim_start_matches("sha256:");
        let short: String = digest.chars().take(12).collect();
        let host = name.split('/').next().unwrap_or_default();
        ensure!(message(&event).contains(&format!("layer {short}")), "{short}: {event:#}");
        ensure!(message(&event).contains(&format!("The image of {host} stopped arriving: no byte for ")), "{event:#}");

        // Another image with the same layer: containerd fetches that once, and the second pull waits for the first.
        let copy = scene.lab.faulty.push("shop/copy", "1", &Image::large(&scene.lab.busybox, 2, 12 << 20, 2));
        scene.run_pod("copy", json!({"image": copy}));
        let shared =
            told_so(&scene, "copy", "ImagePullStalled", &format!("Another pull of this node fetches layer {short}"))
                .await?;
        println!("{}", line(&scene, &shared));
        Ok(())
    });
}

#[test]
fn two_images_that_share_a_layer_count_it_once() {
    in_lab!(async {
        const RATE: u64 = 4_000_000;
        let scene = scene().await?;
        scene.lab.containerd.pull_image(&scene.lab.app).await?;
        let images = [1, 2].map(|layers| Image::large(&scene.lab.busybox, layers, 24 << 20, 3));
        let names = ["one", "two"];
        for (name, image) in names.iter().zip(&images) {
            scene.lab.faulty.set(&format!("shop/{name}"), Fault::Slow(RATE));
            let image = scene.lab.faulty.push(&format!("shop/{name}"), "1", image);
            scene.run_pod(name, json!({"image": image}));
        }
        let both = state(&scene, "both under way", |state| {
            let share = |pull: &Value| Some(pull["bytes_done"].as_f64()? / pull["bytes_total"].as_f64()?);
            let pulls = state["pulls"].as_array().map(Vec::as_slice).unwrap_or_default();
            pulls.len() == 2 && pulls.iter().all(|pull| share(pull).is_some_and(|share| share > 0.1))
        })
        .await?;
        println!("{}", both["pulls"]);
        let served =
            || names.iter().map(|name| scene.lab.faulty.served(&format!("shop/{name}")).bytes).sum::<u64>() as f64;
        let (seen, counted, sent) = last_look(&scene, served).await?;
        println!("{}: sent {sent}, counted {counted} at {seen}", scene.lab.containerd.version());
        // Written in pieces of 1 MiB, what is on its way is not here; counted twice, it would be half as much again.
        ensure!((0.9..1.01).contains(&(counted / sent)), "counted {counted} of {sent} at {seen}");
        for name in names {
            at_stage(&scene, name, "Running").await?;
        }
        let layers = images[1].layers.iter().skip(1).map(|layer| layer.bytes.len()).sum::<usize>() as f64;
        let (in_all, sent) = (received(&scene).await?, served());
        println!("{}: in all sent {sent}, counted {in_all} of {layers}", scene.lab.containerd.version());
        ensure!((counted..1.01 * layers).contains(&in_all), "counted {in_all} of layers of {layers}");
        Ok(())
    });
}

/// The bytes that the agent has seen arriving.
async fn received(scene: &Scene) -> anyhow::Result<f64> {
    let metrics = scene.agent.metrics().await?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("kubewhy_pull_received_bytes_total "));
    Ok(line.context("the counter")?.trim().parse()?)
}

/// When the agent last looked at the pulls that run; none once none does.
async fn looked(scene: &Scene) -> anyhow::Result<Option<Timestamp>> {
    let state = state(scene, "there", |_| true).await?;
    let seen = state["pulls"].as_array().into_iter().flatten().filter_map(|pull| pull["seen"].as_str());
    Ok(seen.map(str::parse).collect::<Result<Vec<Timestamp>, _>>()?.into_iter().max())
}

/// The last look at pulls before they were over: when it was, what was counted by it, and what had been sent by then.
async fn last_look(scene: &Scene, served: impl Fn() -> f64) -> anyhow::Result<(Timestamp, f64, f64)> {
    let mut sent = Vec::new();
    let noting = async {
        loop {
            sent.push((Timestamp::now(), served()));
            sleep(Duration::from_millis(10)).await;
        }
    };
    let looking = async {
        let mut last = None;
        while let Some(before) = looked(scene).await? {
            let counted = received(scene).await?;
            // What was counted is of that look, if there was none meanwhile.
            last = looked(scene).await?.filter(|after| *after == before).map(|seen| (seen, counted)).or(last);
        }
        last.context("the pulls were over at once")
    };
    let (seen, counted) = tokio::select! {
        last = looking => last?,
        () = noting => unreachable!("it notes for ever"),
    };
    let (_, sent) = sent.into_iter().find(|(at, _)| *at >= seen).context("nothing was sent after it")?;
    Ok((seen, counted, sent))
}

#[test]
fn from_containerd_2_1_on_a_pull_may_wait_for_the_downloads_of_another() {
    in_lab!(async {
        let scene = scene().await?;
        let version = scene.lab.containerd.version().to_owned();
        let big = Image::large(&scene.lab.busybox, 4, 24 << 20, 4);
        scene.lab.faulty.set("shop/big", Fault::Slow(700_000));
        let name = scene.lab.faulty.push("shop/big", "1", &big);
        scene.run_pod("big", json!({"image": name}));
        state(&scene, "half way", |state| state["pulls"][0]["bytes_done"].as_u64() > Some(9 << 20)).await?;
        scene.run_pod("cart", json!({"image": scene.lab.app}));
        if !version.starts_with("2.") {
            at_stage(&scene, "cart", "Running").await?;
            println!("{version}: each pull has downloads of its own");
            return Ok(());
        }
        let event = told_so(&scene, "cart", "ImagePullQueued", "3 layers at a time for the whole node").await?;
        println!("{}", line(&scene, &event));
        ensure!(message(&event).contains("and that of pod big has them: "), "{event:#}");
        println!("{}", state(&scene, "there", |_| true).await?["pulls"]);
        Ok(())
    });
}

/// Points of percent that what is told may be off what the registry had sent at that moment.
const OFF_AT_MOST: f64 = 3.0;

#[test]
fn what_is_told_of_a_pull_is_what_its_registry_had_sent_by_then() {
    in_lab!(async {
        let scene = scene().await?;
        // Its lowest layer is every image's: fetched beforehand, it is not counted below.
        scene.lab.containerd.pull_image(&scene.lab.app).await?;
        let image = Image::large(&scene.lab.busybox, 1, 96 << 20, 5);
        let layer = image.layers.last().context("it has layers")?.bytes.len() as f64;
        let below: f64 = image.layers.iter().map(|layer| layer.bytes.len() as f64).sum::<f64>() - layer;
        scene.lab.faulty.set("shop/reports", Fault::Slow(10_000_000));
        let name = scene.lab.faulty.push("shop/reports", "1", &image);
        scene.run_pod("reports", json!({"image": name}));
        let mut counts: Vec<(Timestamp, f64)> = Vec::new();
        let mut told: Vec<(Timestamp, f64)> = Vec::new();
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline && counts.last().is_none_or(|(_, sent)| *sent < layer) {
            let sent = scene.lab.faulty.served("shop/reports").bytes as f64;
            counts.push((Timestamp::now(), sent));
            if counts.len().is_multiple_of(10) {
                let state = state(&scene, "there", |_| true).await?;
                let pull = &state["pulls"][0];
                if let (Some(done), Some(seen)) =
                    (pull["bytes_done"].as_f64().filter(|done| *done > below), pull["seen"].as_str())
                {
                    told.push((seen.parse()?, done - below));
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
        told.dedup();
        ensure!(told.len() >= 5, "only {told:?}");
        let mut worst: f64 = 0.0;
        for (seen, done) in &told {
            let sent = counts.iter().min_by_key(|(at, _)| at.duration_since(*seen).abs()).context("counts")?;
            let points = 100.0 * (sent.1 - done) / layer;
            println!("{seen}: told {done}, sent {} ({}), {points:.2} points", sent.1, sent.0);
            worst = worst.max(points.abs());
        }
        println!("{}: {worst:.2} points off at most, in {} looks", scene.lab.containerd.version(), told.len());
        ensure!(worst <= OFF_AT_MOST, "{worst} points off");
        Ok(())
    });
}
