//! A pod whose volume does not come: the kubelet waits without a word, and the agent says what is missing, step by step, until
//! the pod runs.

use anyhow::{Context, ensure};
use kubewhy_lab::apiserver::resources::{EVENTS, NODES};
use kubewhy_lab::demo::{NAMESPACE, NODE, Scene, pod};
use kubewhy_lab::in_lab;
use serde_json::{Value, json};

use super::stage::{Way, message, told, until, unwatched};
use super::status::state;

/// The demo's configuration, in a greater hurry yet.
const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, clear: 2s, restartQuiet: 1s, askEvents: 2s, askAgain: 10s}
causes:
  VolumeNotReady: {after: 4s}
";
const CLAIM: &str = "data-cart-0";
const VOLUME: &str = "pvc-0a1b";
const DRIVER: &str = "ebs.csi.aws.com";
const HANDLE: &str = "vol-0a1b";

fn claim(phase: &str, volume: Option<&str>) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM, "namespace": NAMESPACE},
        "spec": {"storageClassName": "gp3", "volumeName": volume}, "status": {"phase": phase}})
}

fn volume() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": VOLUME},
        "spec": {"csi": {"driver": DRIVER, "volumeHandle": HANDLE}}})
}

fn of_storage(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// What the attach-detach controller writes.
fn attach(scene: &Scene) -> anyhow::Result<()> {
    let node = scene.api.store().get(&NODES, "", NODE).context("no node")?;
    let mut node = Value::clone(&node);
    let name = format!("kubernetes.io/csi/{DRIVER}^{HANDLE}");
    node["status"]["volumesAttached"] = json!([{"name": name, "devicePath": ""}]);
    scene.put(node);
    Ok(())
}

/// Events of the kubelet about the pod: the wait itself makes none.
fn kubelets(scene: &Scene) -> Vec<String> {
    let all = scene.api.store().list(&EVENTS, None);
    let of_kubelet =
        all.iter().filter(|e| e["involvedObject"]["name"] == "cart" && e["source"]["component"] == "kubelet");
    of_kubelet.map(|event| event["reason"].to_string()).collect()
}

fn cart(state: &Value) -> Value {
    let starts = state["starts"].as_array().cloned().unwrap_or_default();
    starts.into_iter().find(|start| start["pod"]["name"] == "cart").unwrap_or_default()
}

/// What the agent says of the pod by now; its Event is refreshed more rarely than that.
async fn tells(scene: &Scene, words: &str) -> anyhow::Result<String> {
    let says = |state: &Value| cart(state)["trouble"]["sentence"].as_str().map(str::to_owned);
    let holds = |state: &Value| says(state).is_some_and(|sentence| sentence.contains(words));
    let state = state(scene, words, holds).await.with_context(|| scene.agent.daemon.log_end())?;
    ensure!(cart(&state)["stage"] == "Volumes", "{state:#}");
    ensure!(kubelets(scene).is_empty(), "the kubelet was not silent: {:?}", kubelets(scene));
    Ok(says(&state).unwrap_or_default())
}

/// How often the agent has asked for objects that the kubelet here never asks for.
fn questions(scene: &Scene) -> usize {
    let resources = ["volumeattachments", "csinodes", "csidrivers"];
    resources.map(|resource| scene.api.journal().count("get", resource)).iter().sum()
}

#[test]
fn a_volume_that_does_not_come_is_told_step_by_step_until_the_pod_runs() {
    in_lab!(async {
        let mut scene = unwatched().await?;
        scene.agent = Way { config: CONFIG.to_owned(), ..Way::of(&scene, "watcher") }.ready().await?;
        // On a node on which no pod has logged yet, that this one has not tells nothing.
        scene.run_pod("control", json!({"image": scene.lab.app}));
        let logs = scene.lab.dir.join("pods");
        until("a pod logs", || logs.read_dir().is_ok_and(|mut pods| pods.next().is_some())).await?;
        let mut cart = pod(NAMESPACE, "cart", json!({"image": scene.lab.app}));
        cart["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]);
        scene.put(cart);
        println!("{}", tells(&scene, "claim data-cart-0 does not exist").await?);
        let event = told(&scene, "cart", "VolumeNotReady").await?;
        println!("{} {}", event["type"], message(&event));
        scene.put(claim("Pending", None));
        println!("{}", tells(&scene, "claim data-cart-0 (class gp3) is not bound to a PersistentVolume").await?);
        scene.put(volume());
        scene.put(of_storage("CSINode", NODE, &json!({"drivers": []})));
        scene.put(of_storage("CSIDriver", DRIVER, &json!({"attachRequired": true})));
        scene.put(claim("Bound", Some(VOLUME)));
        println!("{}", tells(&scene, "CSI driver ebs.csi.aws.com is not registered on this node").await?);
        scene.put(of_storage("CSINode", NODE, &json!({"drivers": [{"name": DRIVER, "nodeID": "i-0a1b"}]})));
        println!("{}", tells(&scene, "no VolumeAttachment of ebs.csi.aws.com puts it on this node").await?);
        attach(&scene)?;
        let ended = told(&scene, "cart", "Resolved").await?;
        println!("{} {}", ended["type"], message(&ended));
        ensure!((3..=30).contains(&questions(&scene)), "asked {} times in half a minute", questions(&scene));
        scene.end().await
    });
}
