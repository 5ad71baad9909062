//! The agent as a pod: the DaemonSet that kustomize renders, its image in the lab's containerd, and its rights in the double.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy_lab::Lab;
use kubewhy_lab::apiserver::resources::{EVENTS, PODS};
use kubewhy_lab::apiserver::{self, ApiServer, User};
use kubewhy_lab::demo::{NODE, Scene, Tempo, is_ready};
use kubewhy_lab::images::Image;
use kubewhy_lab::kubelet::Account;
use kubewhy_lab::namespaces::GROUND;
use kubewhy_lab::places::Places;
use serde_json::{Value, json};

use crate::node_faults::row::CONFIG;
use crate::stage::PROGRAM;

/// The image that `make image` made, to be tried in place of the program under test: the path of its archive.
const IMAGE: &str = "KUBEWHY_LAB_IMAGE";
/// As the DaemonSet names it, in full.
const NAME: &str = "docker.io/library/kubewhy:0.1.0";
const TOKEN: &str = "token-of-the-agent";
const READY_WITHIN: Duration = Duration::from_secs(90);

/// That folder of `deploy`.
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// A node with its files in the usual places, and on it no agent but the pod of that overlay, which is ready.
pub(super) async fn scene(overlay: &Path) -> anyhow::Result<Scene> {
    let lab = Lab::start_at(Places::usual(Path::new(GROUND))?).await?;
    let api = ApiServer::start(apiserver::Options::default()).await?;
    let objects = rendered(overlay)?;
    let agent = User::with_roles("system:serviceaccount:kubewhy:kubewhy", TOKEN, &of_kind(&objects, "ClusterRole"));
    api.set_users(vec![User::admin("everybody else", ""), agent]);
    let (address, authority) = api.secured().await?;
    put_image(&lab).await?;
    let account = Account { address, authority, token: TOKEN.to_owned() };
    let mut scene = Scene::on(lab, api, Path::new(PROGRAM), Tempo::Hasty, CONFIG, |options| {
        options.account = Some(account);
    })
    .await?;
    scene.agent.stop().await?;
    put(&scene, &objects)?;
    ready(&scene).await?;
    Ok(scene)
}

/// What `kubectl apply -k` would apply.
fn rendered(overlay: &Path) -> anyhow::Result<Vec<Value>> {
    let kustomize = kubewhy_lab::parts::Parts::find()?.program("kustomize");
    let output = Command::new(&kustomize).arg("build").arg(overlay).output();
    let output = output.with_context(|| format!("{}: run tests/lab/parts.sh deploy", kustomize.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    text.split("\n---\n").map(|object| Ok(serde_saphyr::from_str(object)?)).collect()
}

/// Makes an overlay of one folder of `deploy` with a component of it.
pub(super) fn overlay(place: &Path, resources: &str, component: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(place)?;
    for name in ["base", resources, component] {
        copy(&folder(name), &place.join(name))?;
    }
    let text = json!({"resources": [resources], "components": [component]});
    Ok(std::fs::write(place.join("kustomization.yaml"), text.to_string())?)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The user id that its process has.
pub(super) fn user() -> anyhow::Result<String> {
    let output = Command::new("sh").arg("-c").arg("stat -c %u /proc/$(pgrep -x kubewhy)").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn of_kind(objects: &[Value], kind: &str) -> Vec<Value> {
    objects.iter().filter(|object| object["kind"] == kind).cloned().collect()
}

async fn put_image(lab: &Lab) -> anyhow::Result<()> {
    if let Some(archive) = std::env::var_os(IMAGE) {
        let arguments = ["images", "import"].map(std::ffi::OsString::from).into_iter().chain([archive]);
        lab.containerd.ctr(arguments).await?;
        return Ok(());
    }
    let slim = lab.dir.join("kubewhy");
    let stripped = Command::new("strip").arg("--strip-debug").arg("-o").args([&slim, Path::new(PROGRAM)]).status();
    ensure!(stripped.context("strip, of the package binutils")?.success(), "strip failed");
    let pushed = lab.registry.push("kubewhy", "0.1.0", &Image::of_program(&slim)?)?;
    lab.containerd.pull_image(&pushed).await?;
    lab.containerd.ctr(["images", "tag", &pushed, NAME]).await?;
    Ok(())
}

/// The ConfigMap, with the test's settings, and the pod that the DaemonSet's controller would make of its template.
fn put(scene: &Scene, objects: &[Value]) -> anyhow::Result<()> {
    let [mut map, daemonset] = ["ConfigMap", "DaemonSet"].map(|kind| of_kind(objects, kind)[0].clone());
    map["data"]["config.yaml"] = json!(CONFIG);
    scene.put(map);
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod"});
    pod["metadata"] = daemonset["spec"]["template"]["metadata"].clone();
    pod["metadata"]["name"] = json!("kubewhy-x7k2p");
    pod["metadata"]["namespace"] = daemonset["metadata"]["namespace"].clone();
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": daemonset["metadata"]["name"], "uid": "of-the-set", "controller": true,
    }]);
    pod["spec"] = daemonset["spec"]["template"]["spec"].clone();
    pod["spec"]["nodeName"] = json!(NODE);
    let now = apiserver::rfc3339(jiff::Timestamp::now());
    pod["status"] = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
    ]});
    scene.put(pod);
    Ok(())
}

/// Waits until its readiness probe is answered as the kubelet would want it.
async fn ready(scene: &Scene) -> anyhow::Result<()> {
    let asking = async {
        while !is_ready(9470).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let waited = tokio::time::timeout(READY_WITHIN, asking).await;
    waited.with_context(|| format!("the agent's pod is not ready: {}", log(scene)))
}

/// What the pod has logged, and what became of it.
pub(super) fn log(scene: &Scene) -> String {
    let output = Command::new("sh").arg("-c").arg("tail -n 40 /var/log/pods/kubewhy_*/kubewhy/*.log").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let pods = scene.api.store().list(&PODS, Some("kubewhy"));
    let events = scene.api.store().list(&EVENTS, Some("kubewhy"));
    let status = |pod: &std::sync::Arc<Value>| format!("{:#}", pod["status"]);
    let words = |event: &std::sync::Arc<Value>| event["message"].to_string();
    let all: Vec<String> = pods.iter().map(status).chain(events.iter().map(words)).collect();
    format!("{}\n{said}", all.join("\n"))
}
