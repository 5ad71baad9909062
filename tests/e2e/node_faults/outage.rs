//! The API server is away, and what happens meanwhile is told once it is back: with true times, and that it was away too.

use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use kubewhy_lab::apiserver::Fault;
use kubewhy_lab::cni::PLUGIN;
use kubewhy_lab::demo::{On, Scene};
use kubewhy_lab::{in_lab, namespaces};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::row::{Row, node};

/// How long it is away: in a test, and in the long run.
const AWAY: [Duration; 2] = [Duration::from_secs(24), Duration::from_secs(600)];
/// A client that could not write tries again ever more rarely: at the most, two minutes later.
const TOLD_WITHIN: Duration = Duration::from_secs(130);
/// Of the time in an Event: whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MISSING: &str = "CniPluginMissing";
const UNREACHABLE: &str = "ApiServerUnreachable";

/// What was wrong while nobody could be told.
struct Outage {
    from: Timestamp,
    mended: Timestamp,
    to: Timestamp,
}

#[test]
#[ignore = "the table runs it on every containerd"]
fn kept() {
    in_lab!(async {
        let scene = node().await?;
        let outage = outage(&scene, AWAY[usize::from(namespaces::is_soak())]).await?;
        let back = Instant::now();
        let mut rows = Vec::new();
        let faults = [
            (MISSING, "a CNI plugin is missing while the API server is away", outage.mended),
            (UNREACHABLE, "the API server is away, and that is told afterwards", outage.to),
        ];
        for (cause, fault, over) in faults {
            let named = told(&scene, cause, &outage, over).await?.map(|_| back.elapsed());
            let ended = scene.ended(On::Node, cause, &[], TOLD_WITHIN).await;
            let row = Row {
                fault: fault.to_owned(),
                cause: cause.to_owned(),
                named: named.map(|took| took.as_secs_f64()),
                name_within: TOLD_WITHIN.as_secs_f64(),
                ended: ended.map(|_| back.elapsed().as_secs_f64()),
                end_within: TOLD_WITHIN.as_secs_f64(),
                beside: Vec::new(),
            };
            row.say();
            rows.push(row);
        }
        let flaws: Vec<_> = rows.iter().filter_map(Row::flaw).collect();
        ensure!(flaws.is_empty(), "{}\n{}", flaws.join("\n"), scene.agent.log()?);
        scene.end().await
    });
}

/// Nobody listens; meanwhile a plugin goes and comes back.
async fn outage(scene: &Scene, away: Duration) -> anyhow::Result<Outage> {
    let from = Timestamp::now();
    scene.api.set_fault(Fault::Refuse.everywhere());
    scene.lab.cni.take_plugin_away(PLUGIN)?;
    sleep(away / 2).await;
    scene.lab.cni.put_plugin_back(PLUGIN)?;
    let mended = Timestamp::now();
    sleep(away / 2).await;
    scene.api.set_faults(Vec::new());
    Ok(Outage { from, mended, to: Timestamp::now() })
}

/// The Event of that cause, whose first time must lie between the beginning of the outage and when the fault was over.
async fn told(scene: &Scene, cause: &str, outage: &Outage, over: Timestamp) -> anyhow::Result<Option<Value>> {
    let Some(event) = scene.told(On::Node, cause, &[], TOLD_WITHIN).await else { return Ok(None) };
    let first: Timestamp = event["firstTimestamp"].as_str().context("no first time")?.parse()?;
    let so = first >= outage.from - SECOND && first <= over;
    ensure!(so, "{cause} was not so then: {event:#}");
    Ok(Some(event))
}
