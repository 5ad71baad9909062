//! The clock of the API server is not the node's: seen by the answers that the agent gets anyway, on a node that is calm.

use std::time::Duration;

use anyhow::ensure;
use jiff::SignedDuration;
use kubewhy_lab::apiserver::{self, resources::NODES};
use kubewhy_lab::demo::{Act, NODE, On, Scene};
use kubewhy_lab::in_lab;
use serde_json::json;
use tokio::time::sleep;

use super::row::{Fault, LOOK, node, play};

const SHIFTED_AWAY: Fault = Fault {
    act: Act {
        title: "the clock of the API server is shifted",
        cause: "ClockSkewed",
        on: On::Node,
        also: None,
        broken: |s| Box::pin(clock_ahead(s, SHIFTED)),
        mended: |s| Box::pin(clock_ahead(s, SignedDuration::ZERO)),
    },
    shows: AGAIN.saturating_add(LOOK),
    heals: AGAIN.saturating_add(LOOK),
};

const BY_ANSWERS_ALONE: Fault = Fault {
    act: Act {
        title: "likewise, and only the agent's own answers tell it",
        cause: "ClockSkewed",
        on: On::Node,
        also: None,
        broken: |s| {
            Box::pin(async {
                std::fs::rename(KUBECONFIG, AWAY)?;
                clock_ahead(s, -SHIFTED).await?;
                sleep(BETWEEN_ANSWERS).await;
                end_watches(s).await
            })
        },
        mended: |s| {
            Box::pin(async {
                std::fs::rename(AWAY, KUBECONFIG)?;
                clock_ahead(s, SignedDuration::ZERO).await
            })
        },
    },
    shows: BETWEEN_ANSWERS.saturating_add(AGAIN),
    heals: AGAIN.saturating_add(LOOK),
};

/// Far more than clocks may be apart.
const SHIFTED: SignedDuration = SignedDuration::from_mins(5);
/// By which the kubelet's way to the API server is found.
const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";
const AWAY: &str = "/var/lib/kubelet/kubeconfig.away";
/// A watch that was cut for the first or the second time is opened again within this time (`observe/apiserver/watch.rs`):
/// each further one waits for up to twice as long, so each fault has a lab of its own.
const AGAIN: Duration = Duration::from_secs(2);
/// Two answers that are so far apart are two.
const BETWEEN_ANSWERS: Duration = Duration::from_secs(6);

/// By the clock of the API server, and of its answers.
async fn clock_ahead(scene: &mut Scene, by: SignedDuration) -> anyhow::Result<()> {
    scene.api.clock().set_apart(by);
    end_watches(scene).await
}

/// What happens every few minutes happens at once: watches end, and are opened anew; soonest by a client that just heard of one.
async fn end_watches(scene: &Scene) -> anyhow::Result<()> {
    let cut = jiff::Timestamp::now().to_string();
    scene.api.store().edit(&NODES, "", NODE, |node| node["metadata"]["annotations"]["cut"] = json!(cut));
    sleep(Duration::from_millis(300)).await;
    scene.api.set_fault(apiserver::Fault::Refuse.everywhere());
    sleep(Duration::from_millis(20)).await;
    scene.api.set_faults(Vec::new());
    Ok(())
}

async fn apart(fault: Fault) -> anyhow::Result<()> {
    let mut scene = node().await?;
    let asked = scene.api.journal().requests().iter().filter(|entry| entry.resource == "/livez").count();
    ensure!(asked == 0, "a calm node asked {asked} times how the API server is");
    play(&[fault], &mut scene).await?;
    scene.end().await
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn shifted() {
    in_lab!(apart(SHIFTED_AWAY));
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn by_answers_alone() {
    in_lab!(apart(BY_ANSWERS_ALONE));
}
