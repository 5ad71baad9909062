//! Lists as tables, as kubectl asks for them: of Events alone, for `kubectl get events` shows what the server made of them.
//! (Kubernetes: pkg/printers/internalversion/printers.go, printEvent.)

use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::resources::EVENTS;
use crate::describe::age;

/// Name of a column, and whether only `-o wide` shows it.
const COLUMNS: [(&str, bool); 10] = [
    ("Last Seen", false),
    ("Type", false),
    ("Reason", false),
    ("Object", false),
    ("Subobject", true),
    ("Source", true),
    ("Message", false),
    ("First Seen", true),
    ("Count", true),
    ("Name", true),
];

/// The list, as a table where that was asked for.
pub(super) fn as_asked(headers: &HeaderMap, call: &Call, list: Value, now: Timestamp) -> Value {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.contains("as=Table") || call.resource.plural != EVENTS.plural {
        return list;
    }
    let column = |(name, wide): (&str, bool)| json!({"name": name, "type": "string", "format": "", "description": "", "priority": i32::from(wide)});
    let events = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list["metadata"],
        "columnDefinitions": COLUMNS.map(column),
        "rows": events.iter().map(|event| json!({"cells": cells(event, now), "object": event})).collect::<Vec<_>>(),
    })
}

fn cells(event: &Value, now: Timestamp) -> [Value; 10] {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let time = |field: &str| event[field].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let since =
        |time: Option<Timestamp>| time.map_or("<unknown>".to_owned(), |then| age(now.duration_since(then).as_secs()));
    let first = time("firstTimestamp").or(time("eventTime"));
    let object = format!("{}/{}", text("/involvedObject/kind").to_lowercase(), text("/involvedObject/name"));
    [
        json!(since(time("lastTimestamp").or(first))),
        json!(text("/type")),
        json!(text("/reason")),
        json!(object),
        json!(text("/involvedObject/fieldPath")),
        json!(format!("{}, {}", text("/source/component"), text("/source/host"))),
        json!(text("/message").trim()),
        json!(since(first)),
        json!(event["count"].as_u64().unwrap_or(1)),
        json!(text("/metadata/name")),
    ]
}
