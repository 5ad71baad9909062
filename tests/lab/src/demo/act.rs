//! One act of the demo: break, wait to be told, show, mend, wait for the ending.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use super::scene::{On, Scene};
use super::screen;

/// Named within this time, or not at all.
const NAMED_WITHIN: Duration = Duration::from_secs(40);
/// Ended within this time of being mended.
const ENDED_WITHIN: Duration = Duration::from_secs(40);

/// Something that is done to the scene.
pub type Deed = for<'a> fn(&'a mut Scene) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// One fault.
pub struct Act {
    /// What is broken, as a person would say it.
    pub title: &'static str,
    /// The cause that is to be named.
    pub cause: &'static str,
    /// On whom.
    pub on: On,
    /// A pod that gets the short word beside the node's.
    pub also: Option<On>,
    /// Breaks it.
    pub broken: Deed,
    /// Mends it.
    pub mended: Deed,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How long after the fault the Event was there; none: it never was.
    pub named: Option<Duration>,
    /// How long after the mending the ending was told; none: it never was.
    pub ended: Option<Duration>,
    /// What else was said of the same subject meanwhile.
    pub beside: Vec<String>,
}

impl Outcome {
    /// It was named, and its ending was told.
    #[must_use]
    pub fn right(&self) -> bool {
        self.named.is_some() && self.ended.is_some()
    }
}

/// Performs one act.
///
/// # Errors
/// When the fault itself can't be made or mended.
pub async fn perform(act: &Act, scene: &mut Scene) -> anyhow::Result<Outcome> {
    let before = scene.known(act.on);
    let broken_at = Instant::now();
    (act.broken)(scene).await?;
    let told = scene.told(act.on, act.cause, &before, NAMED_WITHIN).await;
    let named = told.as_ref().map(|_| broken_at.elapsed());
    screen::told(scene, act, act.on, named).await;
    if let Some(pod) = act.also {
        let short = scene.told(pod, act.cause, &[], NAMED_WITHIN).await;
        screen::told(scene, act, pod, short.map(|_| broken_at.elapsed())).await;
    }

    let known = scene.known(act.on);
    let mended_at = Instant::now();
    (act.mended)(scene).await?;
    let ending = match named {
        Some(_) => scene.ended(act.on, act.cause, &known, ENDED_WITHIN).await,
        None => None,
    };
    let ended = ending.as_ref().map(|_| mended_at.elapsed());
    screen::ended(ending.as_ref(), ended);
    let beside = scene.tellings(act.on, &before).iter().filter(|event| !is_of(event, act.cause)).map(said).collect();
    Ok(Outcome { named, ended, beside })
}

/// An Event about that cause, or about its end, which has the label of the last cause and names all.
pub(super) fn is_of(event: &Value, cause: &str) -> bool {
    let named = event["message"].as_str().is_some_and(|message| message.contains(cause));
    event["metadata"]["labels"]["kubewhy.dev/cause"] == cause || named
}

fn said(event: &Value) -> String {
    format!("{}: {}", event["reason"].as_str().unwrap_or_default(), event["message"].as_str().unwrap_or_default())
}
