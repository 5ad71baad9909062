//! The alerts: what each says, where it points, and what it does by Prometheus' own tool.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubewhy::causes;
use serde_json::Value;

use super::{Asked, folder, text, yaml};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn alerts() -> Vec<Value> {
    let rules = yaml("rules.yaml");
    let groups = rules["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

fn said(alert: &Value, what: &str) -> String {
    let said = alert["annotations"][what].as_str();
    said.unwrap_or_else(|| panic!("{} has no {what}", alert["alert"])).to_owned()
}

/// Every expression, with the labels that the alert's words name.
pub(super) fn expressions() -> Vec<Asked> {
    let asked = |alert: Value| {
        let words = ["summary", "description", "runbook"].map(|what| said(&alert, what)).concat();
        let rest = words.split("$labels.").skip(1);
        let named = rest.map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect();
        let expression = alert["expr"].as_str().unwrap().to_owned();
        Asked { place: alert["alert"].as_str().unwrap().to_owned(), expression, named }
    };
    alerts().into_iter().map(asked).collect()
}

/// As browsers and forges make anchors of headings: lower case, blanks as hyphens, and of the rest letters and hyphens alone.
fn anchors(document: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on() {
    let by_cause = "{{ $labels.cause | toLower }}";
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(name.starts_with("Kubewhy"), "{name}");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["info", "warning", "critical"].contains(&severity), "{name}: {severity}");
        assert!(said(&alert, "summary").len() <= 100, "{name}");
        assert!(said(&alert, "description").ends_with(|c: char| c == '.' || c.is_alphanumeric() || c == '}'), "{name}");
        let runbook = said(&alert, "runbook");
        let (document, anchor) = runbook.split_once('#').unwrap_or_else(|| panic!("{name}: {runbook}"));
        let known = anchors(document);
        if anchor == by_cause {
            assert_eq!(document, "docs/causes.md", "{name}");
            let without = causes::ALL.iter().find(|cause| !known.contains(&cause.id.to_lowercase()));
            assert!(without.is_none(), "no section is about {:?}", without.map(|cause| cause.id));
        } else {
            assert!(known.contains(anchor), "{name}: {document} has no {anchor}");
        }
    }
}

/// The object of the operator is the plain file, two steps further in.
#[test]
fn the_operator_s_rules_are_the_plain_ones() {
    let plain = text("rules.yaml");
    let groups = plain.get(plain.find("\ngroups:\n").unwrap() + 1..).unwrap();
    let indented: String =
        groups.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
    let object = text("prometheusrule.yaml");
    let (head, rules) = object.split_once("\nspec:\n").unwrap();
    assert_eq!(rules, indented, "rules.yaml was edited: make manifests");
    assert!(head.contains("kind: PrometheusRule\n"));
}

#[test]
fn every_alert_has_a_test() {
    let tests = std::fs::read_to_string(tests_of_alerts()).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let fires = format!("- alertname: {name}\n");
        let fires = tests.split(&fires).skip(1).any(|rest| rest.lines().nth(1).unwrap().trim() == "exp_alerts:");
        assert!(fires, "{name} is nowhere made to fire");
    }
}

fn tests_of_alerts() -> PathBuf {
    root().join("tests/it/monitoring/alerts.yaml")
}

#[test]
fn prometheus_own_tool_finds_the_rules_right_and_the_alerts_do_what_their_tests_say() {
    let Some(promtool) = kubewhy_lab::parts::tool("promtool") else {
        return crate::wanted("the alerts by promtool", "there is no promtool: run tests/lab/parts.sh lab");
    };
    let run = |arguments: &[&str], file: &Path| {
        let ran = Command::new(&promtool).args(arguments).arg(file).output().unwrap();
        let words = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{arguments:?} {}\n{words}", file.display());
    };
    run(&["check", "rules"], &folder().join("rules.yaml"));
    run(&["test", "rules"], &tests_of_alerts());
    // Debian's Prometheus is built without Kubernetes: what it knows not is left out.
    let scrape = text("scrape.yaml");
    let (before, rest) = scrape.split_once("    kubernetes_sd_configs:").unwrap();
    let known = format!("{before}{}", rest.get(rest.find("    relabel_configs:").unwrap()..).unwrap());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("scrape.yaml"), known).unwrap();
    run(&["check", "config", "--syntax-only"], &dir.path().join("scrape.yaml"));
}
