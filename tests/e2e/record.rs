//! Records scenarios while they happen on a real node, both sides of each: the API server's objects, and what the agent's own
//! observers see of the runtime. `tests/it/scenarios.rs` replays them in virtual time. They are made by hand, and kept:
//! `KUBEWHY_RECORD=FOLDER cargo test --test e2e _recorded -- --ignored`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use kubewhy_lab::cni::{Misbehaviour, PLUGIN};
use kubewhy_lab::demo::{Scene, Tempo};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::json;
use tokio::time::sleep;

use super::recorder::Recorder;
use super::stage::PROGRAM;

/// What is done to a node, step by step.
struct Scenario {
    name: &'static str,
    broken: &'static str,
    steps: &'static [Step],
    /// Followed for so long after the last step.
    lasts: Duration,
}

/// Breaks something and starts a pod; a pod and the cause that is to be told of it, if one is.
type Step = fn(&Scene) -> anyhow::Result<Option<(&'static str, &'static str)>>;

/// Between two steps: long enough for the kubelet to take the pod up.
const STEP: Duration = Duration::from_secs(4);

#[test]
#[ignore = "makes a recording, where KUBEWHY_RECORD names a folder"]
fn a_healthy_start_is_recorded() {
    in_lab!(record(Scenario {
        name: "healthy",
        broken: "nothing",
        steps: &[|scene| {
            scene.run_pod("cart", json!({"image": scene.lab.app}));
            Ok(None)
        }],
        lasts: Duration::from_secs(30),
    }));
}

#[test]
#[ignore = "makes a recording, where KUBEWHY_RECORD names a folder"]
fn a_slow_pull_is_recorded() {
    in_lab!(record(Scenario {
        name: "slow-pull",
        broken: "a registry that sends 100 kB a second",
        steps: &[|scene| pull(scene, "reports", Fault::Slow(100_000), "ImagePullSlow")],
        lasts: Duration::from_secs(75),
    }));
}

#[test]
#[ignore = "makes a recording, where KUBEWHY_RECORD names a folder"]
fn a_stalled_layer_is_recorded() {
    in_lab!(record(Scenario {
        name: "stalled-layer",
        broken: "a registry that stops in the middle of a layer",
        steps: &[|scene| pull(scene, "reports", Fault::Stalled(3 << 20), "ImagePullStalled")],
        lasts: Duration::from_secs(75),
    }));
}

#[test]
#[ignore = "makes a recording, where KUBEWHY_RECORD names a folder"]
fn a_queue_behind_a_mute_registry_is_recorded() {
    in_lab!(record(Scenario {
        name: "queue-behind-mute-registry",
        broken: "a registry that accepts and never answers, and serial pulls",
        steps: &[
            |scene| pull(scene, "mute", Fault::Silent, "ImagePullStalled"),
            |scene| {
                scene.run_pod("behind", json!({"image": scene.lab.app}));
                Ok(Some(("behind", "ImagePullQueued")))
            },
        ],
        lasts: Duration::from_secs(90),
    }));
}

#[test]
#[ignore = "makes a recording, where KUBEWHY_RECORD names a folder"]
fn a_hanging_cni_plugin_is_recorded() {
    in_lab!(record(Scenario {
        name: "cni-hang",
        broken: "a CNI plugin that does not return",
        steps: &[|scene| {
            scene.lab.cni.misbehave(PLUGIN, &Misbehaviour::Hang)?;
            scene.run_pod("basket", json!({"image": scene.lab.app}));
            Ok(Some(("basket", "SandboxStalled")))
        }],
        lasts: Duration::from_secs(60),
    }));
}

fn pull(
    scene: &Scene,
    pod: &'static str,
    fault: Fault,
    cause: &'static str,
) -> anyhow::Result<Option<(&'static str, &'static str)>> {
    let repository = format!("shop/{pod}");
    let name = scene.lab.faulty.push(&repository, "1", &Image::large(&scene.lab.busybox, 2, 24 << 20, 5));
    scene.lab.faulty.set(&repository, fault);
    scene.run_pod(pod, json!({"image": name}));
    Ok(Some((pod, cause)))
}

async fn record(scenario: Scenario) -> anyhow::Result<()> {
    let folder = std::env::var_os("KUBEWHY_RECORD").map(PathBuf::from);
    let folder = folder.context("KUBEWHY_RECORD names no folder to put the recording in")?;
    let scene = Scene::start(Path::new(PROGRAM), Tempo::Ordinary).await?;
    let recorder = Recorder::start(&scene)?;
    let mut told = Vec::new();
    for step in scenario.steps {
        sleep(STEP).await;
        let at = Timestamp::now();
        told.extend(step(&scene)?.map(|(pod, cause)| json!({"pod": pod, "cause": cause, "since": at})));
    }
    sleep(scenario.lasts).await;
    let runtime = format!("containerd {}", scene.lab.containerd.version());
    let head = json!({"broken": scenario.broken, "runtime": runtime, "told": told});
    let release = scene.lab.containerd.version().split('.').take(2).collect::<Vec<_>>().join(".");
    let file = folder.join(format!("{}-{release}.jsonl", scenario.name));
    std::fs::write(&file, recorder.end(&head).await?).with_context(|| file.display().to_string())?;
    scene.end().await
}
