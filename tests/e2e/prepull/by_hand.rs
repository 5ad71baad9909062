//! `kubewhy prepull` as somebody on the node uses it: what can't be pulled is not asked for without end, what was cut off goes
//! on also after a look at what is missing, and a plan opens no private image to anybody.

use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context, ensure};
use kubewhy_lab::in_lab;
use serde_json::Value;
use tokio::process::Command;

use super::node::{MIB, Node, set};
use super::registry;
use crate::stage::PROGRAM;

/// A tag that is not there is asked for once, by containerd with a request for each of a few forms of its manifest.
const REQUESTS: u64 = 4;
/// A plan of a set that is refused is made so often: an image that it pulled would be there sometimes only.
const PLANS: usize = 8;

#[test]
#[ignore = "the ring of pre-pulling runs it"]
fn used() {
    in_lab!(async {
        let node = Node::start().await?;
        fails_once(&node).await?;
        goes_on_after_a_plan(&node).await?;
        opens_nothing(&node).await
    });
}

async fn fails_once(node: &Node) -> anyhow::Result<()> {
    let slow = node.serve_slowly("team/slow", 1, 4, 1);
    let gone = slow.name.replace("team/slow", "team/gone");
    let done = prepull(node, &["-o", "json", &slow.name, &gone]).output().await?;
    let told: Value = serde_json::from_slice(&done.stdout)?;
    let results = told["images"].as_array().into_iter().flatten().map(|image| &image["result"]);
    ensure!(done.status.code() == Some(1) && results.eq(["pulled", "failed"]), "{told:#}");
    ensure!(told["images"][1]["cause"] == "ImageNotFound", "{told:#}");
    let asked = node.scene.lab.faulty.served("team/gone").requests;
    ensure!((1..=REQUESTS).contains(&asked), "asked {asked} times for what is not there");
    Ok(())
}

async fn goes_on_after_a_plan(node: &Node) -> anyhow::Result<()> {
    let long = node.serve_slowly("team/long", 1, 8, 2);
    let first =
        prepull(node, &[&long.name]).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    node.gave(&long, 2 * MIB).await?;
    let pid = first.id().context("it runs")?.to_string();
    ensure!(Command::new("kill").args(["-INT", &pid]).status().await?.success(), "no SIGINT");
    let first = first.wait_with_output().await?;
    ensure!(first.status.code() == Some(130) && all(&first).contains("goes on from there"), "{}", all(&first));

    let plan = prepull(node, &["--plan", &long.name]).output().await?;
    let words = String::from_utf8_lossy(&plan.stdout).into_owned();
    ensure!(plan.status.success() && words.contains(" of 10 MB to fetch"), "{}", all(&plan));
    let second = prepull(node, &[&long.name]).output().await?;
    ensure!(second.status.success() && node.has(&long).await?, "{}", all(&second));
    // The plan began a pull too, and called it off.
    node.came_once(&long, 2)?;
    node.holds_nothing().await
}

async fn opens_nothing(node: &Node) -> anyhow::Result<()> {
    let closed = node.serve("team/closed", 1, 1, 3);
    node.scene.lab.faulty.lock(&closed.repository, registry::USER, "hunter2");
    let dir = &node.scene.lab.dir;
    let (auths, plan) = (dir.join("auths.json"), dir.join("plan.yaml"));
    registry::write(&auths, "hunter2")?;
    let sets = set("closed", &[&closed.name], &format!(", credentials: {{file: {}}}", auths.display()))
        + &set(
            "general",
            &["r.example.com/a:1"],
            ", nodes: {matchLabels: {pool: general}}, window: {cron: '@daily', for: 1h}",
        );
    std::fs::write(&plan, format!("apiVersion: kubewhy.dev/v1alpha1\nprepull:\n  sets:\n{sets}"))?;
    for _ in 0..PLANS {
        let planned = prepull(node, &["--plan", "-f", path(&plan)]).output().await?;
        let words = all(&planned);
        ensure!(planned.status.code() == Some(1) && words.contains("refused: "), "{words}");
        ensure!(words.contains("set general: 1 image for nodes with pool=general"), "{words}");
        ensure!(!words.contains("hunter2"), "a password was told");
    }
    let asked = node.scene.lab.faulty.served(&closed.repository).requests;
    ensure!(asked == 0 && !node.has(&closed).await?, "a set that is refused was pulled for: {asked} requests");
    Ok(())
}

fn prepull(node: &Node, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["prepull", "--min-free", "1", "--runtime-endpoint"])
        .arg(node.scene.lab.containerd.socket())
        .args(args);
    command
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn all(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).join("\n")
}
