//! One fault under one profile, and what the agent made of it. A lab is another process: it says its rows in lines that begin with
//! a mark.

#![allow(clippy::print_stdout, reason = "standard output is how a lab tells its rows")]

use std::time::Duration;

use anyhow::Context;
use kubewhy::causes;
use kubewhy::model::profile::{Profile, Telling};
use kubewhy_lab::demo::{Act, Scene, Telling as Told, telling};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::stage::{events, message};

const MARK: &str = "@profile ";
/// What is named is named within this time, twice what the fault table allows.
const NAMED_WITHIN: Duration = Duration::from_secs(30);
/// What a profile can't see for itself is not waited for longer than what it sees takes.
const UNSEEN_WITHIN: Duration = Duration::from_secs(12);
const ENDED_WITHIN: Duration = Duration::from_secs(20);
/// As configured, so long after its end a fault is another story; and what was about to be told of the last one has been told.
const BETWEEN: Duration = Duration::from_secs(4);

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) fault: String,
    pub(super) cause: String,
    /// Seconds until its cause was told.
    pub(super) named: Option<f64>,
    /// Whether its end was told.
    pub(super) ended: bool,
    /// Reasons of what else was told as a Warning, of the node or of any pod.
    pub(super) beside: Vec<String>,
    /// The same in full, for a failure to show.
    pub(super) words: Vec<String>,
}

/// Makes and mends it, and says the row.
///
/// # Errors
/// It can't be made or mended.
pub(super) async fn play(act: &Act, profile: Profile, scene: &mut Scene) -> anyhow::Result<Row> {
    sleep(BETWEEN).await;
    let known: Vec<Told> = events(scene).iter().map(telling).collect();
    let begun = Instant::now();
    (act.broken)(scene).await.with_context(|| act.title)?;
    let cause = causes::by_id(act.cause).with_context(|| format!("no cause {}", act.cause))?;
    let seen = matches!(profile.tells(cause), Telling::Whole | Telling::InPart);
    let told = scene.told(act.on, act.cause, &known, if seen { NAMED_WITHIN } else { UNSEEN_WITHIN }).await;
    let named = told.as_ref().map(|_| begun.elapsed().as_secs_f64());
    let before = scene.known(act.on);
    (act.mended)(scene).await.with_context(|| act.title)?;
    let ended = named.is_some() && scene.ended(act.on, act.cause, &before, ENDED_WITHIN).await.is_some();
    let other =
        |event: &Value| event["type"] == "Warning" && event["reason"] != act.cause && !known.contains(&telling(event));
    let others: Vec<Value> = events(scene).into_iter().filter(other).collect();
    let mut beside: Vec<String> =
        others.iter().filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect();
    beside.sort();
    beside.dedup();
    let words = others.iter().map(|event| message(event).to_owned()).collect();
    let row = Row { fault: act.title.to_owned(), cause: act.cause.to_owned(), named, ended, beside, words };
    println!("{MARK}{}", serde_json::to_string(&row)?);
    Ok(row)
}

/// The rows that a lab said.
pub(super) fn read(said: &str) -> Vec<Row> {
    said.lines().filter_map(|line| serde_json::from_str(line.strip_prefix(MARK)?).ok()).collect()
}
