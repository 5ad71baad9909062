//! `report.events` is a brake: nothing is written while it is on, and what still holds is told when it is let go.

use anyhow::ensure;
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::CONFIG;
use kubewhy_lab::hosts::REGISTRY;
use kubewhy_lab::in_lab;
use serde_json::json;

use super::stage::{SOON, Way, events, said, told, unwatched};

#[test]
fn with_events_off_nothing_is_written_and_switched_on_the_open_story_is_told_once() {
    in_lab!(async {
        let scene = unwatched().await?;
        let silent = CONFIG.replace("report: {", "report: {events: off, ");
        let way = Way { config: silent, ..Way::of(&scene, "braked") };
        let mut agent = way.ready().await?;
        scene.run_pod("cart", json!({"image": format!("{REGISTRY}/shop/cart:2.14.1")}));
        agent.says(&["report", "first", "ImageNotFound"], SOON).await?;
        // Another story from beginning to end: by then the one before would have been written.
        scene.lab.cni.take_plugin_away(PLUGIN)?;
        agent.says(&["report", "first", "CniPluginMissing"], SOON).await?;
        scene.lab.cni.put_plugin_back(PLUGIN)?;
        agent.says(&["report", "ended", "CniPluginMissing"], SOON).await?;
        let writes = scene.api.journal().events().iter().filter(|e| e["source"]["component"] == "kubewhy").count();
        ensure!(writes == 0, "written in spite of the brake: {:#?}", said(&scene));

        way.edit(CONFIG)?;
        told(&scene, "cart", "ImageNotFound").await?;
        agent.stop().await?;
        ensure!(events(&scene).len() == 1, "not the open story alone: {:#?}", said(&scene));
        Ok(())
    });
}
