//! Two agents on one node: the second waits, names the first, and then either gives up or takes over. No lab.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::demo::{Agent, Start};

use super::stage::{PROGRAM, SOON};

fn agent(dir: &Path, name: &str) -> anyhow::Result<Agent> {
    let (own, state) = (dir.join(name), dir.join("state"));
    std::fs::create_dir_all(&own)?;
    std::fs::create_dir_all(&state)?;
    // The same state directory for all, and a log for each.
    symlink(state, own.join("state"))?;
    let start = Start {
        program: Path::new(PROGRAM),
        dir: &own,
        node: "node",
        socket: &dir.join("no.sock"),
        kubelet: dir,
        kubeconfig: None,
        config: "apiVersion: kubewhy.dev/v1alpha1\n",
        port: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
    };
    Agent::launch(&start, |command| {
        command.args(["--pod-name", name]);
    })
}

#[tokio::test]
async fn a_second_agent_names_the_first_gives_up_after_its_wait_and_a_third_takes_over() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut first = agent(dir.path(), "kubewhy-one")?;
    first.says(&["listening"], SOON).await?;
    let mut second = agent(dir.path(), "kubewhy-two")?;
    let waits = second.says(&["another agent holds this node"], SOON).await?;
    let pid = format!("pid {}", first.daemon.pid().unwrap());
    ensure!(waits.contains("pod kubewhy-one") && waits.contains(&pid) && waits.contains("started 2"), "{waits}");

    let status = tokio::time::timeout(Duration::from_secs(60), second.daemon.ended()).await??;
    ensure!(status.code() == Some(75), "{status}");
    let words = second.lines(&["kubewhy: another agent runs on this node", "pod kubewhy-one", &pid]);
    ensure!(words.len() == 1, "{}", second.log()?);

    let mut third = agent(dir.path(), "kubewhy-three")?;
    third.says(&["another agent holds this node"], SOON).await?;
    first.stop().await?;
    third.says(&["this one takes over"], SOON).await?;
    third.stop().await
}
