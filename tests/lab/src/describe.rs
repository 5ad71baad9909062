//! What `kubectl describe` shows of a pod or a node: the lines of the status that matter here and the Events table, the
//! latter to the letter (of kubectl 1.36). For machines without kubectl. Pure: objects and a time in, text out.

mod age;

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::Value;

pub use self::age::age;

/// Describes a pod from the pod and all Events of its namespace.
#[must_use]
pub fn pod(pod: &Value, events: &[Value], now: Timestamp) -> String {
    let mut text = String::new();
    head(&mut text, "Name", &pod["metadata"]["name"]);
    head(&mut text, "Namespace", &pod["metadata"]["namespace"]);
    head(&mut text, "Node", &pod["spec"]["nodeName"]);
    head(&mut text, "Status", &pod["status"]["phase"]);
    for list in ["initContainerStatuses", "containerStatuses"] {
        list_of(&pod["status"][list]).iter().for_each(|status| container(&mut text, status));
    }
    conditions(&mut text, &pod["status"]["conditions"]);
    let mirror = &pod["metadata"]["annotations"]["kubernetes.io/config.mirror"];
    let uid = if mirror.is_null() { &pod["metadata"]["uid"] } else { mirror };
    let own = |event: &&Value| {
        let on = &event["involvedObject"];
        on["name"] == pod["metadata"]["name"] && on["namespace"] == pod["metadata"]["namespace"] && on["uid"] == *uid
    };
    text + &events_table(&events.iter().filter(own).collect::<Vec<_>>(), now)
}

/// Describes a node from the node and all Events of all namespaces.
#[must_use]
pub fn node(node: &Value, events: &[Value], now: Timestamp) -> String {
    let mut text = String::new();
    head(&mut text, "Name", &node["metadata"]["name"]);
    conditions(&mut text, &node["status"]["conditions"]);
    let own = |event: &&Value| {
        let on = &event["involvedObject"];
        on["kind"] == "Node"
            && on["namespace"].as_str().unwrap_or_default().is_empty()
            && on["name"] == node["metadata"]["name"]
            && (on["uid"] == node["metadata"]["uid"] || on["uid"] == node["metadata"]["name"])
    };
    text + &events_table(&events.iter().filter(own).collect::<Vec<_>>(), now)
}

fn head(text: &mut String, title: &str, value: &Value) {
    let title = format!("{title}:");
    let _ = writeln!(text, "{title:<11}{}", word(value));
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("<none>")
}

fn list_of(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn container(text: &mut String, status: &Value) {
    let _ = writeln!(text, "Container {}:", word(&status["name"]));
    for state in ["waiting", "running", "terminated"] {
        let Some(state_of) = status["state"].get(state).filter(|found| found.is_object()) else { continue };
        let capital: String =
            state.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(state.chars().skip(1)).collect();
        let _ = writeln!(text, "    State:          {capital}");
        for (title, field) in [("Reason", "reason"), ("Message", "message")] {
            if let Some(value) = state_of[field].as_str() {
                let title = format!("{title}:");
                let _ = writeln!(text, "      {title:<14}{value}");
            }
        }
    }
}

fn conditions(text: &mut String, conditions: &Value) {
    let mut rows = vec![["  Type", "Status", "Reason", "Message"].map(str::to_owned).to_vec()];
    rows.push(["  ----", "------", "------", "-------"].map(str::to_owned).to_vec());
    rows.extend(list_of(conditions).iter().map(|condition| {
        let cell = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        vec![format!("  {}", cell("type")), cell("status"), cell("reason"), cell("message")]
    }));
    text.push_str("Conditions:\n");
    text.push_str(&table(&rows));
}

/// The Events table: oldest write first, those without a time before all others.
#[must_use]
pub fn events_table(events: &[&Value], now: Timestamp) -> String {
    if events.is_empty() {
        return "Events:  <none>\n".to_owned();
    }
    let mut sorted = events.to_vec();
    sorted.sort_by_key(|event| age::time(&event["lastTimestamp"]));
    let mut rows = vec![["  Type", "Reason", "Age", "From", "Message"].map(str::to_owned).to_vec()];
    rows.push(["  ----", "------", "----", "----", "-------"].map(str::to_owned).to_vec());
    rows.extend(sorted.into_iter().map(|event| row(event, now)));
    format!("Events:\n{}", table(&rows))
}

/// (Kubernetes: kubectl/pkg/describe/describe.go, DescribeEvents.)
fn row(event: &Value, now: Timestamp) -> Vec<String> {
    let cell = |field: &str| event[field].as_str().unwrap_or_default();
    let source = event["source"]["component"].as_str().filter(|source| !source.is_empty());
    let path = event["involvedObject"]["fieldPath"].as_str().filter(|path| !path.is_empty());
    let message = match path {
        Some(path) => format!("{path}: {}", cell("message").trim()),
        None => cell("message").trim().to_owned(),
    };
    vec![
        format!("  {}", cell("type")),
        cell("reason").to_owned(),
        age::interval(event, now),
        source.unwrap_or(cell("reportingComponent")).to_owned(),
        message,
    ]
}

/// Aligns as Go's tabwriter does with a padding of two: a line that has no cells (the rest of a message) ends a block
/// of columns.
fn table(rows: &[Vec<String>]) -> String {
    let several_lines = |row: &Vec<String>| row.last().is_some_and(|message| message.contains('\n'));
    let blocks = rows.split_inclusive(|row| several_lines(row));
    blocks.map(block).collect()
}

fn block(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len).saturating_sub(1);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 2;
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "{cell:<width$}");
        }
        let _ = writeln!(text, "{}", row.last().map(String::as_str).unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a real kubectl 1.32 printed it, but for the field path, which kubectl 1.36 adds.
    const SHOWN: &str = "\
Events:
  Type     Reason            Age                From     Message
  ----     ------            ----               ----     -------
  Warning  Sleepy            15m                kubewhy  Came later, older in the table.
  Warning  ImagePullStalled  10m (x3 over 20m)  kubewhy  spec.containers{app}: No byte for 90 s.
Platform: look at it.
";

    fn event(reason: &str, message: &str, first: &str, last: &str, count: u32) -> Value {
        json!({"type": "Warning", "reason": reason, "message": message, "firstTimestamp": first, "lastTimestamp": last,
            "count": count, "source": {"component": "kubewhy"}})
    }

    #[test]
    fn the_events_table_is_what_kubectl_printed() {
        let now = "2026-08-22T10:30:00Z".parse().unwrap();
        let last = "2026-08-22T10:19:30Z";
        let text = "No byte for 90 s.\nPlatform: look at it. ";
        let mut stalled = event("ImagePullStalled", text, "2026-08-22T10:09:30Z", last, 3);
        stalled["involvedObject"]["fieldPath"] = json!("spec.containers{app}");
        let at = "2026-08-22T10:14:30Z";
        let sleepy = event("Sleepy", "Came later, older in the table.", at, at, 1);
        assert_eq!(events_table(&[&stalled, &sleepy], now), SHOWN);
        assert_eq!(events_table(&[], now), "Events:  <none>\n");
    }
}
