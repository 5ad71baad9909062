//! Without an API server: what runtime, containerd and host show is told in the log, and on stdout as JSON lines.

use anyhow::{Context, ensure};
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{Agent, NODE};
use kubewhy_lab::faulty::Fault;
use kubewhy_lab::images::Image;
use kubewhy_lab::in_lab;
use serde_json::Value;

use super::stage::{SOON, Way, unwatched};

#[test]
fn without_an_api_server_the_node_s_faults_are_lines_of_json_and_of_the_log() {
    in_lab!(async {
        let mut scene = unwatched().await?;
        let mut agent = Way { kubeconfig: None, ..Way::of(&scene, "standalone") }.ready().await?;

        scene.lab.cni.take_plugin_away(PLUGIN)?;
        tells(&mut agent, "first", "CniPluginMissing").await?;
        scene.lab.cni.put_plugin_back(PLUGIN)?;
        tells(&mut agent, "ended", "CniPluginMissing").await?;

        let image = scene.lab.faulty.push("shop/reports", "1", &Image::large(&scene.lab.busybox, 1, 6 << 20, 4));
        scene.lab.faulty.set("shop/reports", Fault::Stalled(2_500_000));
        let watching = async {
            let stalled = tells(&mut agent, "first", "ImagePullStalled").await;
            scene.lab.faulty.set("shop/reports", Fault::Healthy);
            stalled
        };
        let (told, pulled) = tokio::join!(watching, scene.lab.containerd.pull_image(&image));
        told.and(pulled)?;

        scene.lab.containerd.daemon().kill().await?;
        tells(&mut agent, "first", "RuntimeDown").await?;
        scene.lab.containerd.restart().await?;
        tells(&mut agent, "ended", "RuntimeDown").await?;
        agent.stop().await
    });
}

/// Waits for both lines, the log's and the JSON one.
async fn tells(agent: &mut Agent, telling: &str, cause: &str) -> anyhow::Result<()> {
    agent.says(&["INFO report", &format!("telling=\"{telling}\""), &format!("cause=\"{cause}\"")], SOON).await?;
    let words = [format!("\"kind\":\"{telling}\""), format!("\"cause\":\"{cause}\"")];
    let line = agent.says(&[&words[0], &words[1]], SOON).await?;
    let told: Value = serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?;
    ensure!(told["subject"]["kind"] == "Node" && told["subject"]["name"] == NODE, "{told:#}");
    ensure!(told["sentence"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{told:#}");
    Ok(())
}
