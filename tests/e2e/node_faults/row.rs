//! A fault of a node, and what came of it: the row of the table. A lab is another process: it says its rows in lines that
//! begin with a mark.

#![allow(clippy::print_stdout, reason = "standard output is how a lab tells its rows")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use kubewhy::causes;
use kubewhy_lab::apiserver::resources::PODS;
use kubewhy_lab::demo::{Act, Outcome, Scene, Tempo, perform};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

use crate::stage::{PROGRAM, until};

const MARK: &str = "@fault ";
const VERSION: &str = "@version ";

/// All that is shortened: how often is looked, how long all must be well before that is said, and when what comes back is
/// another story. How long a cause of the node dwells is not. A sandbox that stalls is a Warning at once, for only then does
/// it count for the node.
pub(crate) const CONFIG: &str = "\
apiVersion: kubewhy.dev/v1alpha1
report: {spread: 0s}
timing: {busy: 500ms, calm: 1s, status: 1s, cni: 1s, probe: 1s, clear: 2s, reopen: 1s, restartQuiet: 1s, askEvents: 3s, askAgain: 10s}
causes:
  SandboxStalled: {after: 6s, type: Warning}
";
/// A look of a second, which comes up to a fifth later, and later where it costs: as a program does that is not optimised.
pub(super) const LOOK: Duration = Duration::from_secs(3);
/// As configured: so long after its end a fault is another story.
const REOPEN: Duration = Duration::from_secs(1);
/// As configured.
const CLEAR: Duration = Duration::from_secs(2);
/// Likewise: the one cause that dwells for long, and is no node's.
pub(super) const STALLED: (&str, Duration) = ("SandboxStalled", Duration::from_secs(6));
/// From the first look that could show it, a diagnosis may take so long beyond its cause's dwell.
const TOLD_WITHIN: Duration = Duration::from_millis(1500);
/// Beyond the time of good evidence, an ending may take so long.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// A fault, and when it can be seen.
pub(crate) struct Fault {
    /// What is done, and what is to be told of it.
    pub(crate) act: Act,
    /// After this time at the latest a look has shown it.
    pub(super) shows: Duration,
    /// Likewise that it is over.
    pub(super) heals: Duration,
}

/// What came of it, in seconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) fault: String,
    pub(super) cause: String,
    pub(super) named: Option<f64>,
    pub(super) name_within: f64,
    pub(super) ended: Option<f64>,
    pub(super) end_within: f64,
    /// What else was told of the same subject.
    pub(super) beside: Vec<String>,
}

/// A node on which a pod has started: what every pod needs was there.
pub(super) async fn node() -> anyhow::Result<Scene> {
    let scene = Scene::start_with(Path::new(PROGRAM), Tempo::Hasty, CONFIG, |_| {}).await?;
    println!("{VERSION}{}", scene.lab.containerd.version().trim_start_matches('v'));
    scene.run_pod("first", json!({"image": scene.lab.app}));
    until("a pod runs", || {
        let pods = scene.api.store().list(&PODS, None);
        pods.iter().any(|pod| pod["status"]["phase"] == "Running")
    })
    .await?;
    Ok(scene)
}

/// Makes and mends each fault, and says its row. One that does not hold does not keep the others from being tried.
///
/// # Errors
/// A row does not hold, or a fault can't be made.
pub(super) async fn play(faults: &[Fault], scene: &mut Scene) -> anyhow::Result<()> {
    let mut flaws = Vec::new();
    for fault in faults {
        sleep(REOPEN + TOLD_WITHIN).await;
        let outcome = perform(&fault.act, scene).await.with_context(|| fault.act.title)?;
        let row = Row::of(fault, outcome)?;
        row.say();
        flaws.extend(row.flaw());
    }
    ensure!(flaws.is_empty(), "{}\n{}", flaws.join("\n"), scene.agent.log()?);
    Ok(())
}

impl Row {
    fn of(fault: &Fault, outcome: Outcome) -> anyhow::Result<Self> {
        let cause = causes::by_id(fault.act.cause).with_context(|| format!("no cause {}", fault.act.cause))?;
        let dwell = if cause.id == STALLED.0 { STALLED.1 } else { cause.after };
        Ok(Self {
            fault: fault.act.title.to_owned(),
            cause: cause.id.to_owned(),
            named: outcome.named.map(|took| took.as_secs_f64()),
            name_within: (fault.shows + dwell + TOLD_WITHIN).as_secs_f64(),
            ended: outcome.ended.map(|took| took.as_secs_f64()),
            end_within: (fault.heals + CLEAR + ENDED_WITHIN).as_secs_f64(),
            beside: outcome.beside,
        })
    }

    pub(super) fn say(&self) {
        println!("{MARK}{}", serde_json::to_string(self).unwrap());
    }

    /// Why it does not hold.
    pub(super) fn flaw(&self) -> Option<String> {
        let late = |took: Option<f64>, within: f64| took.is_none_or(|took| took > within);
        let wrong = late(self.named, self.name_within) || late(self.ended, self.end_within);
        wrong.then(|| format!("{self:#?}"))
    }
}

/// The rows that a lab said, and the version of its runtime.
pub(super) fn read(said: &str) -> (String, Vec<Row>) {
    let version = said.lines().find_map(|line| line.strip_prefix(VERSION)).unwrap_or_default();
    let rows = said.lines().filter_map(|line| serde_json::from_str(line.strip_prefix(MARK)?).ok());
    (version.to_owned(), rows.collect())
}
