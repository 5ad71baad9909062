//! A node filled with what it is measured with: images, and pods that run.

use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::apiserver::resources::PODS;
use crate::demo::Scene;
use crate::images::Image;

/// Pulls by hand at a time.
const PULLS: usize = 8;

/// Has so many images of their own on the node, small ones over one base.
pub(super) async fn pull_images(scene: &Scene, count: usize) -> anyhow::Result<()> {
    let lab = &scene.lab;
    let push = |number: usize| {
        let image = Image::with_program(&lab.busybox, &format!("bin/tool-{number}"));
        lab.registry.push(&format!("tools/tool-{number}"), "1", &image)
    };
    let names = (0..count).map(push).collect::<Result<Vec<_>, _>>()?;
    let pulls = stream::iter(&names).map(|name| lab.containerd.pull_image(name));
    pulls.buffer_unordered(PULLS).try_collect().await
}

/// Binds one more pod, which pulls its image at its start, as a tag that moves makes it.
pub(super) fn bind(scene: &Scene, name: &str) {
    scene.run_pod(name, json!({"image": scene.lab.app}));
}

/// Waits until so many pods run.
pub(super) async fn until_running(scene: &Scene, count: usize, within: Duration) -> anyhow::Result<()> {
    let mut changes = scene.api.store().subscribe();
    let all_run = async {
        while running(scene) < count {
            changes.next().await?;
        }
        Some(())
    };
    let outcome = timeout(within, all_run).await.ok().flatten();
    outcome.with_context(|| format!("only {} of {count} pods run after {within:?}", running(scene)))
}

fn running(scene: &Scene) -> usize {
    let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    let pods = scene.api.store().list(&PODS, None);
    let conditions = pods.iter().filter_map(|pod| pod["status"]["conditions"].as_array());
    conditions.filter(|all| all.iter().any(is_ready)).count()
}
