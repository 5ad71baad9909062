//! As many pods as a node takes, all at once.

use std::time::Duration;

use anyhow::ensure;
use kubewhy::model::{Time, since};
use kubewhy_lab::in_lab;
use kubewhy_lab::kubelet::record::Stage;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::node::Node;
use super::page::say_measured;

/// The kubelet's default `maxPods`.
const PODS: usize = 110;
const WITHIN: Duration = Duration::from_secs(200);

#[test]
#[ignore = "the table runs it on every containerd"]
fn arrives() {
    in_lab!(async {
        let node = Node::start().await?;
        let (began, deadline) = (Time::now(), Instant::now() + WITHIN);
        for number in 0..PODS {
            node.run(&format!("crowd-{number}"), json!({"image": node.scene.lab.app}));
        }
        let record = node.scene.record();
        let runs = |uid: &str| record.steps(uid).last().is_some_and(|step| step.stage == Stage::Running);
        loop {
            let running = record.pods().iter().filter(|(uid, _)| runs(uid)).count();
            if running == PODS {
                break;
            }
            ensure!(Instant::now() < deadline, "only {running} of {PODS} pods run");
            sleep(Duration::from_millis(200)).await;
        }
        say_measured(&format!("all run after {:.0} s", since(began, Time::now()).as_secs_f64()));
        sleep(Duration::from_secs(3)).await;
        let told = node.told().await?;
        let left = told.snapshot.starts.iter().filter(|start| start.arrived.is_none()).count();
        ensure!(left == 0, "{left} pods are told to be on their way: {:#?}", told.snapshot);
        node.end().await
    });
}
