//! The dashboard: a document that Grafana can import anywhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Asked, text};

fn dashboard() -> Value {
    serde_json::from_str(&text("dashboard.json")).unwrap()
}

fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().unwrap().clone()
}

/// Every expression with its variables filled in, and the labels that its legend names.
pub(super) fn expressions() -> Vec<Asked> {
    let of_panel = |panel: Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let asked = move |target: Value| {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$__rate_interval", "5m").replace("$node", ".*");
            assert!(!expression.contains('$'), "{title}: {expression} has a variable that there is not");
            let legend = target["legendFormat"].as_str().unwrap();
            let named = legend.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.to_owned()).collect();
            Asked { place: title.clone(), expression, named }
        };
        targets.into_iter().map(asked).collect::<Vec<_>>()
    };
    panels().into_iter().flat_map(of_panel).collect()
}

/// Whoever imports it chooses where its numbers come from.
#[test]
fn the_dashboard_names_no_data_source_of_its_own() {
    fn sources<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("datasource"));
                fields.values().for_each(|inner| sources(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| sources(inner, found)),
            _ => {}
        }
    }
    let dashboard = dashboard();
    let mut found = Vec::new();
    sources(&dashboard, &mut found);
    assert!(found.len() > panels().len());
    assert!(found.iter().all(|source| source["uid"] == "${datasource}"), "{found:?}");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let named: Vec<_> = variables.iter().map(|variable| (&variable["name"], &variable["type"])).collect();
    assert_eq!(named, [(&"datasource".into(), &"datasource".into()), (&"node".into(), &"query".into())]);
    assert_eq!(variables[1]["query"]["query"], "label_values(kubewhy_build_info, node)");
}

#[test]
fn every_panel_says_what_it_shows_and_none_covers_another() {
    let (mut taken, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        assert!(panel["type"] == "row" || !panel["description"].as_str().unwrap().is_empty(), "{title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{title} is too wide");
        for place in (x..x + w).flat_map(|column| (y..y + h).map(move |line| (column, line))) {
            assert!(taken.insert(place), "{title} covers another");
        }
    }
}
