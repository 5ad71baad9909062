//! The agent with one set of images to pull ahead, or with none.

use std::path::Path;

use crate::demo::{Agent, NODE, Start};

use super::ground::{Ground, Images};

const HEALTH_PORT: u16 = 9470;

/// Starts it; it is ready when this returns, and begins at once.
///
/// Without a `kubeconfig` it knows of no pods.
pub(super) async fn start(
    ground: &Ground<'_>,
    images: Option<&Images<'_>>,
    kubeconfig: Option<&Path>,
) -> anyhow::Result<Agent> {
    let dir = ground.lab.dir.join("agent");
    let start = Start {
        program: ground.program,
        dir: &dir,
        node: NODE,
        socket: &ground.containerd.socket(),
        kubelet: &dir,
        kubeconfig,
        config: &config(images),
        port: HEALTH_PORT,
    };
    Agent::start(&start).await
}

fn config(images: Option<&Images<'_>>) -> String {
    let set =
        images.map(|images| format!("prepull:\n  sets:\n  - {{name: lab, minFree: 1%, images: {:?}}}\n", images.names));
    // It is to know of pods from the start: with the default its first lists would be spread over a minute.
    format!("apiVersion: kubewhy.dev/v1alpha1\nreport: {{spread: 0s}}\n{}", set.unwrap_or_default())
}
