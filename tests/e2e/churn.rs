//! A healthy node under churn, looked at more often than any is, and with every dwell as it ships: not one report. Nor one
//! while kubelet and runtime are restarted, but that they are, where that is too often.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::apiserver::resources::PODS;
use kubewhy_lab::demo::{NAMESPACE, Scene, Tempo};
use kubewhy_lab::{in_lab, namespaces};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::stage::{PROGRAM, events, machine, said};

/// Pod starts: of a test, and of the long run.
const STARTS: [usize; 2] = [200, 1_000];
/// Pods that are there at a time.
const AT_ONCE: usize = 20;
const RESTARTS: usize = 10;
/// A start and an end of a pod take less, on any machine.
const EACH_WITHIN: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(100);
/// So long after the last thing that happened, what is to be told has been told.
const TOLD_WITHIN: Duration = Duration::from_secs(8);

const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, probe: 1s}
";
/// True of a daemon that is started three times in ten minutes.
const LOOPING: &[&str] = &["KubeletCrashLooping", "RuntimeCrashLooping"];

async fn healthy() -> anyhow::Result<Scene> {
    Scene::start_with(Path::new(PROGRAM), Tempo::Hasty, CONFIG, |_| {}).await
}

#[test]
fn a_healthy_node_under_churn_is_not_reported_once() {
    let _machine = machine();
    in_lab!(async {
        let scene = healthy().await?;
        let starts = STARTS[usize::from(namespaces::is_soak())];
        churn(&scene, starts).await?;
        sleep(TOLD_WITHIN).await;
        ensure!(events(&scene).is_empty(), "of {starts} healthy starts was told: {:#?}", said(&scene));
        scene.end().await
    });
}

/// Lets so many pods start, a few at a time: each is deleted once it runs, and not before.
async fn churn(scene: &Scene, starts: usize) -> anyhow::Result<()> {
    let (mut begun, deadline) = (0, Instant::now() + EACH_WITHIN * u32::try_from(starts)?);
    while begun < starts || !pods(scene).is_empty() {
        ensure!(Instant::now() < deadline, "{begun} of {starts} pods began, {} are left", pods(scene).len());
        pods(scene).iter().filter(|pod| pod["status"]["phase"] == "Running").for_each(|pod| delete(scene, pod));
        let free = AT_ONCE.saturating_sub(pods(scene).len()).min(starts - begun);
        (begun..begun + free)
            .for_each(|number| scene.run_pod(&format!("web-{number}"), json!({"image": scene.lab.app})));
        begun += free;
        sleep(STEP).await;
    }
    Ok(())
}

fn pods(scene: &Scene) -> Vec<Value> {
    let all = scene.api.store().list(&PODS, Some(NAMESPACE));
    all.iter().map(|pod| Value::clone(pod)).collect()
}

/// As somebody does who does not wait: with a second to end in.
fn delete(scene: &Scene, pod: &Value) {
    if pod["metadata"]["deletionTimestamp"].is_null() {
        let mut pod = pod.clone();
        pod["metadata"]["deletionTimestamp"] = json!(kubewhy_lab::apiserver::rfc3339(jiff::Timestamp::now()));
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(1);
        scene.put(pod);
    }
}

#[test]
fn a_kubelet_and_a_runtime_that_are_restarted_are_called_nothing_else() {
    let _machine = machine();
    in_lab!(async {
        let mut scene = healthy().await?;
        for number in 0..RESTARTS {
            scene.kubelet.restart().await?;
            scene.lab.containerd.daemon().kill().await?;
            scene.lab.containerd.restart().await?;
            scene.run_pod(&format!("web-{number}"), json!({"image": scene.lab.app}));
            sleep(Duration::from_secs(1)).await;
        }
        sleep(TOLD_WITHIN).await;
        let looping = |event: &Value| LOOPING.iter().any(|reason| event["reason"] == *reason);
        ensure!(events(&scene).iter().all(looping), "of healthy restarts was told: {:#?}", said(&scene));
        scene.end().await
    });
}
