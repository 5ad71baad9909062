//! The four occasions on which thousands of agents do the same: an hour in which nothing happens, and three storms. Each is
//! played on a fresh cluster, in virtual time, by a seed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kubewhy_lab::apiserver::resources::EVENTS;
use serde_json::Value;
use tokio::time::sleep;

use crate::cluster::{Cluster, Size};
use crate::ledger::{Ledger, Mark};
use crate::objects;

/// All agents start within this time.
const START: Duration = Duration::from_secs(1);
/// How long the API server is away.
const OUTAGE: Duration = Duration::from_secs(600);
/// The bad image reaches every node within this time: 250 pods a second on 5,000 nodes, several times what a scheduler binds.
const ROLLOUT: Duration = Duration::from_secs(20);

/// An occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storm {
    /// An hour in which nothing happens.
    Calm,
    /// All agents are restarted at once.
    Restart,
    /// The API server comes back after ten minutes.
    Outage,
    /// One bad image is rolled out to every node.
    BadImage,
}

/// All of them.
pub const ALL: [Storm; 4] = [Storm::Calm, Storm::Restart, Storm::Outage, Storm::BadImage];

impl Storm {
    /// Its name, also of its files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Restart => "restart",
            Self::Outage => "outage",
            Self::BadImage => "bad-image",
        }
    }

    /// How long agents run before it.
    fn warm_up(self) -> Duration {
        Duration::from_secs(if self == Self::Calm { 900 } else { 300 })
    }

    /// How long it is watched.
    fn span(self) -> Duration {
        Duration::from_secs(match self {
            Self::Calm => 3_600,
            Self::Restart => 180,
            Self::Outage => OUTAGE.as_secs() + 420,
            Self::BadImage => 400,
        })
    }
}

/// What became of it.
#[derive(Debug)]
pub struct Outcome {
    /// Which it was.
    pub storm: Storm,
    /// On how many nodes.
    pub nodes: usize,
    /// What the API server was asked.
    pub ledger: Ledger,
    /// Nodes whose agent has not done what it should, each exactly once.
    pub astray: Vec<String>,
}

/// Plays a storm.
///
/// # Errors
/// When there is no runtime to be had.
pub fn play(storm: Storm, size: Size, seed: u64) -> anyhow::Result<Outcome> {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let outcome = runtime.block_on(run(storm, size));
    runtime.shutdown_background();
    Ok(outcome)
}

async fn run(storm: Storm, size: Size) -> Outcome {
    let cluster = Arc::new(Cluster::new(size));
    let _kubelets = tokio::spawn(Arc::clone(&cluster).beat());
    let mut agents = cluster.start_agents(START).await;
    sleep(storm.warm_up()).await;
    let mark = Mark::now(&cluster);
    let over = tokio::time::Instant::now() + storm.span();
    match storm {
        Storm::Calm => {}
        Storm::Restart => {
            agents.clear();
            agents = cluster.start_agents(START).await;
        }
        Storm::Outage => {
            cluster.go_away();
            sleep(OUTAGE).await;
            cluster.come_back();
        }
        Storm::BadImage => Arc::clone(&cluster).roll_out_bad_image(ROLLOUT).await,
    }
    tokio::time::sleep_until(over).await;
    let ledger = Ledger::since(mark, &cluster);
    drop(agents);
    Outcome { storm, nodes: size.nodes, astray: astray(storm, &cluster, &ledger), ledger }
}

fn astray(storm: Storm, cluster: &Cluster, ledger: &Ledger) -> Vec<String> {
    let (told, asked) = (told(cluster), asked(ledger));
    let none = Vec::new();
    let of = |node: &str| (told.get(node).unwrap_or(&none), asked.get(node).map(Vec::as_slice).unwrap_or_default());
    let is_well = |node: &str| match (storm, of(node)) {
        (Storm::Calm, (told, _)) => told.is_empty(),
        (Storm::Restart, (_, asked)) => watches_again(asked),
        (Storm::Outage, (told, asked)) => {
            watches_again(asked) && told.len() == 2 && told.contains(&"ApiServerUnreachable".to_owned())
        }
        (Storm::BadImage, (told, _)) => told == &["ImageNotFound"],
    };
    let strays = cluster.nodes().iter().filter(|node| !is_well(node));
    strays.map(|node| format!("{node}: told {:?}, asked {:?}", of(node).0, of(node).1)).collect()
}

/// Of each resource, the last two requests that were answered well are a list and the watch after it.
fn watches_again(asked: &[(&str, &str)]) -> bool {
    ["pods", "nodes"].iter().all(|resource| {
        let verbs = asked.iter().filter(|(of, _)| of == resource).map(|(_, verb)| *verb).collect::<Vec<_>>();
        verbs.ends_with(&["list", "watch"])
    })
}

/// By node, the resource and verb of each request of its agent that was answered well.
fn asked(ledger: &Ledger) -> HashMap<&str, Vec<(&str, &str)>> {
    let mut asked: HashMap<&str, Vec<_>> = HashMap::new();
    for entry in ledger.entries.iter().filter(|entry| entry.code == 200) {
        let named = entry.query.split('&').find_map(|pair| pair.strip_prefix("fieldSelector=")?.split_once("%3D"));
        if let Some((_, node)) = named {
            asked.entry(node).or_default().push((&*entry.resource, &*entry.verb));
        }
    }
    asked
}

/// By node, the reasons of the Events that stand there on it and on its pod of the rollout.
fn told(cluster: &Cluster) -> HashMap<String, Vec<String>> {
    let mut told: HashMap<String, Vec<String>> = HashMap::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for event in cluster.store().list(&EVENTS, None) {
        let about = text(&event["involvedObject"]["name"]);
        let node = about.strip_prefix(objects::NEW_POD).unwrap_or(&about).to_owned();
        told.entry(node).or_default().push(text(&event["reason"]));
    }
    told
}
