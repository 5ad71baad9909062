//! A node that kubewhy leaves is as it was before, save for the images: what an agent that was killed in the middle of a pull has left
//! in containerd, on disk and on the Node goes, and what others have there stays.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use kubewhy_lab::apiserver::resources::NODES;
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{NAMESPACE, NODE, pod};
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use kubewhy_lab::namespaces::GROUND;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::node::{MIB, Node, Served, set};
use crate::stage::{PROGRAM, SOON};

const PIN: &str = "io.cri-containerd.pinned=pinned";
const HEALTH: &str = "127.0.0.1:9490";

/// What is on a node, as far as anybody could leave something there.
#[derive(Debug, PartialEq)]
struct Seen {
    leases: BTreeSet<String>,
    half_fetched: BTreeSet<String>,
    /// The images' labels that pin.
    pins: BTreeSet<String>,
    files: BTreeSet<String>,
    processes: usize,
    node: Value,
}

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn gone() {
    in_lab!(async {
        let mut node = Node::start().await?;
        others(&node).await?;
        let before = seen(&node).await?;
        let (kept, slow) = (node.serve("base/kept", 1, 1, 1), node.serve_slowly("base/slow", 1, 64, 2));
        leave_all(&mut node, &kept, &slow).await?;

        let shown = cleaned(clean(&node).arg("--dry-run")).await?;
        ensure!(shown.iter().all(|item| item["outcome"] == "found"), "{shown:#?}");
        let kinds: BTreeSet<&str> = shown.iter().filter_map(|item| item["kind"].as_str()).collect();
        let mut all = BTreeSet::from(["condition", "directory", "file", "label", "lease", "pin", "socket"]);
        if !node.heeds_pins() {
            all.remove("pin");
        }
        ensure!(kinds == all, "{shown:#?}");

        // As if it had become the pause image after it was pinned.
        let pause = node.scene.lab.pause.clone();
        node.scene.lab.containerd.ctr(["images", "label", &pause, PIN, "kubewhy.dev/pinned=true"]).await?;
        let removed = once_the_agent_is_dead(&mut node).await?;
        ensure!(removed.iter().all(|item| item["outcome"] == "removed"), "{removed:#?}");
        let labels = node.scene.lab.containerd.ctr(["images", "list", &format!("name=={pause}")]).await?;
        ensure!(labels.contains(PIN) && !labels.contains("kubewhy"), "the pause image is unpinned: {labels}");
        if !before.pins.contains(&pause) {
            node.scene.lab.containerd.ctr(["images", "label", &pause, "io.cri-containerd.pinned="]).await?;
        }
        ensure!(node.has(&kept).await?, "an image was removed");
        let after = seen(&node).await?;
        ensure!(after == before, "{before:#?}\n{after:#?}");

        ensure!(cleaned(&mut clean(&node)).await?.is_empty(), "nothing was left, and something was found");
        stays_until_told(&node).await?;
        ensure!(seen(&node).await? == before, "who stayed left something");
        Ok(())
    });
}

/// What is not kubewhy's: a pod, a lease and a pin.
async fn others(node: &Node) -> anyhow::Result<()> {
    node.scene.put(pod(NAMESPACE, "web", json!({"image": node.scene.lab.app})));
    node.pod("web", Stage::Running).await?;
    let containerd = &node.scene.lab.containerd;
    containerd.ctr(["leases", "create", "--id", "somebody", "example.com/for=r.example.com/a:1"]).await?;
    containerd.ctr(["images", "label", &node.scene.lab.app, PIN]).await.map(drop)
}

/// Has an agent leave everything that one can: it is in the middle of a pull, and its node is in trouble.
async fn leave_all(node: &mut Node, kept: &Served, slow: &Served) -> anyhow::Result<()> {
    let sets = set("kept", &[&kept.name], ", keep: true") + &set("slow", &[&slow.name], "");
    node.begin_reporting("nodeCondition: true", &format!("{sets}  nodeLabels: true\n"))?;
    node.complete("kept").await?;
    let heeded = node.heeds_pins();
    node.until("pinned", SOON, async || Ok(node.is_pinned(kept).await? == heeded)).await?;
    node.gave(slow, MIB).await?;
    node.scene.lab.cni.take_plugin_away(PLUGIN)?;
    let marked = async || {
        let text = object(node)?.to_string();
        Ok(text.contains("prepull.kubewhy.dev/kept") && text.contains("kubewhy.dev/NodeTrouble"))
    };
    node.until("the marks on the Node", SOON, marked).await?;
    node.scene.lab.cni.put_plugin_back(PLUGIN)?;
    Ok(())
}

/// Cleans with the agent's own places.
fn clean(node: &Node) -> Command {
    let (scene, mut command) = (&node.scene, Command::new(PROGRAM));
    command.args(["clean", "--output", "json", "--node-name", NODE, "--api-socket"]).arg(&scene.agent.api);
    command.arg("--state-dir").arg(scene.agent.api.with_file_name("state"));
    command.arg("--runtime-endpoint").arg(scene.lab.containerd.socket()).arg("--kubeconfig").arg(&scene.kubeconfig);
    command.kill_on_drop(true);
    command
}

async fn cleaned(command: &mut Command) -> anyhow::Result<Vec<Value>> {
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_str(&said)?)
}

/// It waits for an agent that runs, and that one is killed.
async fn once_the_agent_is_dead(node: &mut Node) -> anyhow::Result<Vec<Value>> {
    let mut cleaning = clean(node).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut log = BufReader::new(cleaning.stderr.take().context("its log")?).lines();
    let line = log.next_line().await?.unwrap_or_default();
    ensure!(line.contains("another agent holds this node"), "{line}");
    node.scene.agent.daemon.kill().await?;
    ensure!(node.scene.agent.api.exists(), "who is killed leaves its socket");
    let output = cleaning.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {said}", output.status);
    Ok(serde_json::from_str(&said)?)
}

async fn stays_until_told(node: &Node) -> anyhow::Result<()> {
    let mut stays = clean(node).args(["--stay", "--health-address", HEALTH]).spawn()?;
    node.until("ready", SOON, async || Ok(ready().await.is_ok_and(|answer| answer.contains(" 200 ")))).await?;
    let pid = stays.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("it has ended")?;
    kill_process(pid, Signal::TERM)?;
    let status = stays.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

async fn ready() -> anyhow::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(HEALTH).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn object(node: &Node) -> anyhow::Result<Value> {
    let object = node.scene.api.store().get(&NODES, "", NODE).context("the node is gone")?;
    Ok(Value::clone(&object))
}

async fn seen(node: &Node) -> anyhow::Result<Seen> {
    let containerd = &node.scene.lab.containerd;
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let leases = containerd.ctr(["leases", "list", "--quiet"]).await?.lines().map(first).collect();
    let half_fetched = containerd.ctr(["content", "active"]).await?.lines().skip(1).map(first).collect();
    let images = containerd.ctr(["images", "list"]).await?;
    let pins =
        images.lines().filter(|line| line.contains("pinned") || line.contains("kubewhy.dev")).map(first).collect();
    let object = object(node)?;
    let conditions: Vec<_> =
        object["status"]["conditions"].as_array().into_iter().flatten().map(|one| &one["type"]).collect();
    let (metadata, spec) = (&object["metadata"], &object["spec"]);
    let of_node = json!([metadata["labels"], metadata["annotations"], metadata["finalizers"], spec, conditions]);
    Ok(Seen { leases, half_fetched, pins, files: files(node)?, processes: processes()?, node: of_node })
}

/// Paths below the directories that an agent and its pod use, in the agent's own but what this test put there. What the lab has is
/// left out.
fn files(node: &Node) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for dir in ["/run", "/var/lib", "/etc/cni", "/opt/cni"] {
        below(Path::new(dir), &mut found)?;
    }
    below(&node.scene.lab.dir.join("prepull"), &mut found)?;
    let of_test = ["/prepull/config.yaml", "/prepull/log"];
    found.retain(|path| !of_test.iter().any(|end| path.ends_with(end)));
    Ok(found)
}

fn below(dir: &Path, found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    if !dir.is_dir() || dir == Path::new(GROUND) {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        found.insert(entry.path().display().to_string());
        if entry.file_type()?.is_dir() {
            below(&entry.path(), found)?;
        }
    }
    Ok(())
}

/// How many run this program.
fn processes() -> anyhow::Result<usize> {
    let all = std::fs::read_dir("/proc")?.filter_map(Result::ok);
    let exes = all.filter_map(|entry| std::fs::read_link(entry.path().join("exe")).ok());
    Ok(exes.filter(|exe| exe == Path::new(PROGRAM)).count())
}
