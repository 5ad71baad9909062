//! A configuration file that is wrong never keeps the agent down, at its start or later.

use std::time::Duration;

use anyhow::ensure;
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{CONFIG, NODE};
use kubewhy_lab::in_lab;

use super::stage::{SOON, Way, message, told, told_so, unwatched};

/// With the defaults it comes within a minute.
const FIRST_LIST: Duration = Duration::from_secs(70);

const WRONG: &str = "report:\n  events: some\n  spraed: 1s\n";

#[test]
fn a_wrong_file_is_told_on_the_node_a_mended_one_is_taken_and_a_later_wrong_one_changes_nothing() {
    in_lab!(async {
        let scene = unwatched().await?;
        let way = Way { config: WRONG.to_owned(), ..Way::of(&scene, "misconfigured") };
        let mut agent = way.launch()?;
        agent.says(&["ERROR", "configuration refused", "spraed", "defaults, no pre-pull"], SOON).await?;
        agent.says(&["the API server answers", "nodes"], FIRST_LIST).await?;
        let refused = told(&scene, NODE, "ConfigRefused").await?;
        let said = message(&refused);
        ensure!(said.contains("config.yaml:2:11: some stands here") && said.contains("and 1 more"), "{said}");

        way.edit(CONFIG)?;
        agent.says(&["configuration accepted"], SOON).await?;
        way.edit(WRONG)?;
        agent.says(&["configuration refused", "the settings of before"], SOON).await?;
        // With the defaults, an ending would need a minute of good evidence: longer than is waited for here.
        scene.lab.cni.take_plugin_away(PLUGIN)?;
        told(&scene, NODE, "CniPluginMissing").await?;
        scene.lab.cni.put_plugin_back(PLUGIN)?;
        told_so(&scene, NODE, "Resolved", "CniPluginMissing").await?;
        agent.stop().await
    });
}
