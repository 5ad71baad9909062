//! The API server cannot be reached or refuses. The agent runs on, says so once, and writes afterwards what it saw
//! meanwhile, with the true times.

use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use kubewhy_lab::apiserver::{Broken, Fault};
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::NODE;
use kubewhy_lab::hosts::REGISTRY;
use kubewhy_lab::in_lab;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::stage::{SOON, Way, events, told, unwatched};

/// So long nobody listens.
const OUTAGE: Duration = Duration::from_secs(10);

#[test]
fn an_api_server_that_is_away_at_the_start_is_told_later_and_with_true_times() {
    in_lab!(async {
        let scene = unwatched().await?;
        scene.api.set_fault(Fault::Refuse.everywhere());
        let begun = Instant::now();
        let mut agent = Way::of(&scene, "away").launch()?;
        agent.says(&["WARN", "the API server cannot be reached"], SOON).await?;
        scene.lab.cni.take_plugin_away(PLUGIN)?;
        agent.says(&["report", "first", "CniPluginMissing"], SOON).await?;
        let known_at = Timestamp::now();
        sleep_until(begun + OUTAGE).await;

        let lines = agent.lines(&["WARN", "the API server cannot be reached", "resource=\"pods\""]);
        ensure!(lines.len() == 1, "not one line, but {lines:#?}");
        scene.api.set_faults(Vec::new());
        let event = told(&scene, NODE, "CniPluginMissing").await?;
        ensure!(first(&event)? <= known_at, "its first time is the writing's: {event:#}");
        agent.says(&["the API server answers"], SOON).await?;
        agent.stop().await
    });
}

fn first(event: &Value) -> anyhow::Result<Timestamp> {
    Ok(event["firstTimestamp"].as_str().context("no first time")?.parse()?)
}

#[test]
fn a_right_to_write_that_is_missing_is_named_and_what_was_kept_is_written_with_it() {
    in_lab!(async {
        let scene = unwatched().await?;
        scene.api.set_fault(refusal(403).on("create", "events"));
        let mut agent = Way::of(&scene, "readonly").ready().await?;
        scene.lab.cni.take_plugin_away(PLUGIN)?;
        agent.says(&["WARN", "the API server refuses", "verb=\"create\"", "resource=\"events\""], SOON).await?;
        ensure!(events(&scene).is_empty(), "something was written: {:#?}", events(&scene));
        scene.api.set_faults(Vec::new());
        told(&scene, NODE, "CniPluginMissing").await?;
        agent.says(&["the API server takes Events again"], SOON).await?;
        agent.stop().await
    });
}

#[test]
fn a_right_to_read_that_is_missing_is_named_and_pods_are_told_once_it_is_there() {
    in_lab!(reading_is_refused(refusal(403).on("watch", "pods"), "verb=watch"));
}

#[test]
fn refused_credentials_are_named_and_pods_are_told_once_they_are_taken() {
    in_lab!(reading_is_refused(refusal(401).everywhere(), "verb=list"));
}

async fn reading_is_refused(how: Broken, verb: &str) -> anyhow::Result<()> {
    let scene = unwatched().await?;
    scene.api.set_fault(how);
    let mut agent = Way::of(&scene, "blind").ready().await?;
    agent.says(&["WARN", "the API server refuses", verb, "resource=pods"], SOON).await?;
    scene.run_pod("cart", json!({"image": format!("{REGISTRY}/shop/cart:2.14.1")}));
    scene.api.set_faults(Vec::new());
    told(&scene, "cart", "ImageNotFound").await?;
    ensure!(!agent.lines(&["the API server answers", "resource=\"pods\""]).is_empty(), "{}", agent.log()?);
    agent.stop().await
}

fn refusal(code: u16) -> Fault {
    Fault::Answer { code, retry_after: None }
}
