//! What a running agent shows at `/metrics`: every name that can be asked for, what kind of number it is, and its labels.

use std::collections::{BTreeMap, BTreeSet};

use kubewhy::serve::metrics::{Kind, METRICS};
use kubewhy_lab::apiserver::{ApiServer, Options};
use serde_json::json;

use crate::agent::{Agent, without_image};

const NODE: &str = "node-7";
/// These need what a runtime over which nothing happens does not do: `src/serve/metrics` holds them to the table.
const NOT_SHOWN: [&str; 8] = [
    "kubewhy_containerd_calls_total",
    "kubewhy_prepull_bytes_total",
    "kubewhy_prepull_complete",
    "kubewhy_prepull_images",
    "kubewhy_prepull_pulls_total",
    "kubewhy_pod_start_stage_seconds_bucket",
    "kubewhy_pod_start_stage_seconds_count",
    "kubewhy_pod_start_stage_seconds_sum",
];
/// What others show: Prometheus itself, and kube-state-metrics.
const FOREIGN: [(&str, &[&str]); 2] = [("up", &[]), ("kube_node_status_condition", &["condition", "status"])];

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Goes up and down.
    Gauge,
    /// Only grows.
    Counter,
}

/// Every name with what it is and its labels.
#[derive(Debug)]
pub(super) struct Exposed(BTreeMap<String, (Number, BTreeSet<String>)>);

impl Exposed {
    /// As the metrics are documented.
    pub(super) fn of_the_table() -> Self {
        let mut all = BTreeMap::new();
        for metric in METRICS {
            let labels: BTreeSet<String> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
            match metric.kind {
                Kind::Gauge => _ = all.insert(metric.name.to_owned(), (Number::Gauge, labels)),
                Kind::Counter => _ = all.insert(metric.name.to_owned(), (Number::Counter, labels)),
                Kind::Histogram => {
                    let buckets = labels.iter().cloned().chain(["le".to_owned()]).collect();
                    all.insert(format!("{}_bucket", metric.name), (Number::Counter, buckets));
                    for part in ["sum", "count"] {
                        all.insert(format!("{}_{part}", metric.name), (Number::Counter, labels.clone()));
                    }
                }
            }
        }
        for (name, labels) in FOREIGN {
            all.insert(name.to_owned(), (Number::Gauge, labels.iter().map(|label| (*label).to_owned()).collect()));
        }
        Self(all)
    }

    /// What is documented, once a running agent has shown that it is so.
    pub(super) async fn by_an_agent() -> Self {
        let table = Self::of_the_table();
        let page = page_of_an_agent().await;
        let shown = read(&page);
        for (name, labels) in &shown {
            let known = table.0.get(name).unwrap_or_else(|| panic!("{name} is in no table"));
            assert_eq!(known.1, *labels, "{name}");
            assert!(page.contains(&typed(name, known.0)), "{name} is no {:?}\n{page}", known.0);
        }
        let foreign = FOREIGN.map(|(name, _)| name);
        let aside = |name: &&String| !foreign.contains(&name.as_str()) && !NOT_SHOWN.contains(&name.as_str());
        let missing: Vec<_> = table.0.keys().filter(aside).filter(|name| !shown.contains_key(*name)).collect();
        assert!(missing.is_empty(), "an agent does not show {missing:?}\n{page}");
        table
    }

    /// What it is, and its labels.
    pub(super) fn get(&self, name: &str) -> Option<(Number, &BTreeSet<String>)> {
        self.0.get(name).map(|(number, labels)| (*number, labels))
    }
}

/// The line of OpenMetrics that says what this name is.
fn typed(name: &str, number: Number) -> String {
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
    match (histogram, number) {
        (Some(family), _) => format!("# TYPE {family} histogram\n"),
        (None, Number::Counter) => format!("# TYPE {} counter\n", name.trim_end_matches("_total")),
        (None, Number::Gauge) => format!("# TYPE {name} gauge\n"),
    }
}

/// Every name with its labels, from the text.
fn read(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let body = page.split_once("\r\n\r\n").unwrap().1;
    let lines = body.lines().filter(|line| line.starts_with("kubewhy_") || line.starts_with("process_"));
    let sample = |line: &str| {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = rest.strip_prefix('{').map_or("", |rest| rest.split_once('}').unwrap().0);
        let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
        (name.to_owned(), names.collect())
    };
    lines.map(sample).collect()
}

/// What an agent shows once it has told of a pod, and called a runtime that does not do all it is asked.
async fn page_of_an_agent() -> String {
    let api = ApiServer::start(Options::default()).await.unwrap();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}});
    api.store().put(node);
    api.store().put(without_image(NODE));
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    api.kubeconfig(&kubeconfig).unwrap();
    let agent = Agent::start(NODE, &kubeconfig, &[]);
    let shown = async |what: &str| agent.metrics(None).await.filter(|(code, page)| *code == 200 && page.contains(what));
    agent.until("it is ready", async || shown("kubewhy_ready 1\n").await).await;
    agent.until("the Event is written", async || shown("kubewhy_events_written_total{").await).await;
    agent.break_runtime();
    let (_, page) = agent.until("a call fails", async || shown("kubewhy_runtime_call_failures_total{").await).await;
    agent.stop().await;
    page
}
