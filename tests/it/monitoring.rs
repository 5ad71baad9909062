//! Holds deploy/monitoring to a running agent: every metric and label that an alert or the dashboard asks for is there, and is what
//! it is asked as. What alerts do is held by Prometheus' own tool. Grafana itself is not asked.

mod dashboard;
mod exposed;
mod expression;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kubewhy::causes;
use kubewhy::model::diagnosis::announced;
use kubewhy::serve::metrics::METRICS;
use kubewhy_lab::openapi::Schemas;
use promql_parser::label::{MatchOp, Matcher};
use serde_json::{Value, json};

use exposed::Exposed;

/// What Prometheus attaches to what it reads, by podmonitor.yaml and by scrape.yaml.
const ATTACHED: [&str; 5] = ["instance", "job", "namespace", "node", "pod"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// An expression, where it stands, and the labels that its text names of what comes out.
struct Asked {
    place: String,
    expression: String,
    named: BTreeSet<String>,
}

#[tokio::test]
async fn every_expression_asks_for_what_a_running_agent_shows() {
    let exposed = Exposed::by_an_agent().await;
    let mut faults = Vec::new();
    for Asked { place, expression, named } in rules::expressions().into_iter().chain(dashboard::expressions()) {
        let out = expression::labels(&expression, &exposed, &mut |fault| faults.push(format!("{place}: {fault}")));
        let missing = named.difference(&out).map(|label| format!("{place}: no {label} comes out of it"));
        faults.extend(missing);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The check itself: what is wrong in each is found.
#[test]
fn an_expression_that_asks_for_what_is_not_there_is_found() {
    let exposed = Exposed::of_the_table();
    for (expression, fault) in [
        ("kubewhy_diagnosis > 0", "no metric is called kubewhy_diagnosis"),
        ("kubewhy_diagnoses{causes=\"RuntimeDown\"}", "kubewhy_diagnoses has no label causes"),
        ("kubewhy_diagnoses{cause=\"RuntimeGone\"}", "no cause is called RuntimeGone"),
        ("kubewhy_diagnoses{subject=\"cluster\"}", "subject is never cluster"),
        ("rate(kubewhy_diagnoses[5m])", "rate of kubewhy_diagnoses, which is no counter"),
        ("kubewhy_reports_total > 3", "kubewhy_reports_total only grows: rate or increase is missing"),
        ("max_over_time(kubewhy_reports_total[5m])", "kubewhy_reports_total only grows: rate or increase is missing"),
        ("histogram_quantile(0.5, rate(kubewhy_pod_start_seconds_sum[5m]))", "histogram_quantile of what has no le"),
        ("sum by (image) (kubewhy_pulls)", "by or without image, which is not there"),
        ("kubewhy_ready and on (cause) kubewhy_diagnoses", "on cause, which is not on both sides"),
        ("sum by (cause", "no PromQL"),
    ] {
        let mut faults = Vec::new();
        expression::labels(expression, &exposed, &mut |fault| faults.push(fault));
        assert!(faults.iter().any(|found| found.starts_with(fault)), "{expression}: {faults:?}");
    }
}

/// Of labels with few values those that are asked for can come.
fn values(metric: &str, matcher: &Matcher, fault: &mut dyn FnMut(String)) {
    let asked: Vec<&str> = match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
    };
    if matcher.name == "cause" {
        let known = |name: &&str| causes::ALL.iter().any(|cause| cause.id == *name) || announced::ALL.contains(name);
        asked.iter().filter(|name| !known(name)).for_each(|name| fault(format!("no cause is called {name}")));
    }
    // Their values stand in the help.
    if matches!(matcher.name.as_str(), "outcome" | "phase" | "stage" | "state" | "subject" | "type") {
        let help = METRICS.iter().find(|known| known.name == metric).map_or("", |known| known.help);
        let known: Vec<&str> = help.split(|c: char| !c.is_alphanumeric()).collect();
        let unknown = asked.iter().filter(|value| !known.contains(*value));
        unknown.for_each(|value| fault(format!("{} is never {value}", matcher.name)));
    }
}

#[test]
fn what_reads_the_agents_attaches_the_labels_that_are_asked_for() {
    let monitor = &yaml("podmonitor.yaml")["spec"];
    let endpoint = &monitor["podMetricsEndpoints"][0];
    assert_eq!(
        endpoint["relabelings"],
        json!([{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}])
    );
    let daemonset = std::fs::read_to_string(folder().join("../base/daemonset.yaml")).unwrap();
    let daemonset: Value = serde_saphyr::from_str(&daemonset).unwrap();
    let labels = &daemonset["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&monitor["selector"]["matchLabels"], labels);
    assert_eq!(labels[monitor["jobLabel"].as_str().unwrap()], "kubewhy");

    let scrape = &yaml("scrape.yaml")["scrape_configs"][0];
    assert_eq!(scrape["job_name"], "kubewhy");
    let relabels = scrape["relabel_configs"].as_array().unwrap();
    let targets = relabels.iter().filter_map(|relabel| relabel["target_label"].as_str());
    let attached: BTreeSet<&str> = targets.chain(["instance", "job"]).collect();
    assert_eq!(attached, ATTACHED.into());
}

/// The port by its name, a token that there is, of an account that may read the metrics and nothing else.
#[test]
fn the_monitor_reads_the_port_of_metrics_auth_with_the_token_of_an_account_for_it_alone() {
    let patch = std::fs::read_to_string(folder().join("../metrics-auth/daemonset.yaml")).unwrap();
    let patch: Value = serde_saphyr::from_str(&patch).unwrap();
    let port = &patch["spec"]["template"]["spec"]["containers"][0]["ports"][0];
    let endpoint = &yaml("podmonitor.yaml")["spec"]["podMetricsEndpoints"][0];
    assert_eq!(endpoint["port"], port["name"]);
    assert!(text("scrape.yaml").contains(&format!("regex: kubewhy;{}\n", port["name"].as_str().unwrap())));

    let (secret, account, binding) =
        (yaml("secret.yaml"), yaml("serviceaccount.yaml"), yaml("clusterrolebinding.yaml"));
    let reader = std::fs::read_to_string(folder().join("../metrics-auth/reader.yaml")).unwrap();
    let reader: Value = serde_saphyr::from_str(&reader).unwrap();
    assert_eq!(endpoint["authorization"]["credentials"], json!({"name": secret["metadata"]["name"], "key": "token"}));
    assert_eq!(secret["type"], "kubernetes.io/service-account-token");
    let owner = &secret["metadata"]["annotations"]["kubernetes.io/service-account.name"];
    assert_eq!(owner, &account["metadata"]["name"]);
    assert_eq!((&binding["subjects"][0]["name"], &binding["subjects"].as_array().unwrap().len()), (owner, &1));
    assert_eq!(binding["roleRef"]["name"], reader["metadata"]["name"]);
    let component = yaml("kustomization.yaml");
    let parts = ["serviceaccount", "clusterrolebinding", "secret", "podmonitor", "prometheusrule"];
    assert_eq!(component["resources"], json!(parts.map(|part| format!("{part}.yaml"))));
    assert_eq!(component["kind"], "Component");
}

/// Those of the operator are in no document of the API server's.
#[test]
fn the_objects_beside_the_operator_s_fit_the_schemas_of_the_api() {
    let Some(schemas) = std::env::var_os("KUBEWHY_OPENAPI").map(PathBuf::from) else {
        return crate::skipped("deploy/monitoring against the API's schemas", "KUBEWHY_OPENAPI is not set");
    };
    let schemas = Schemas::from_folder(&schemas).unwrap();
    for file in ["serviceaccount.yaml", "clusterrolebinding.yaml", "secret.yaml"] {
        schemas.validate(&yaml(file)).unwrap_or_else(|faults| panic!("{file}:\n{}", faults.join("\n")));
    }
}
