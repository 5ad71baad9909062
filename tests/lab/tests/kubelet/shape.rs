//! The shape of what a kubelet wrote: everything that does not depend on when and where it ran.

use serde_json::{Value, json};

use crate::api::Line;

/// How an Event begins that stands for many; when one appears depends on how long pulls take, so none is compared.
const COMBINED: &str = "(combined from similar events): ";

/// Each different Event of a kubelet in the order of its first appearance.
pub(crate) fn events(tape: &[Line]) -> Vec<String> {
    let own = tape.iter().map(|line| &line.object).filter(|event| event["source"]["component"] == "kubelet");
    let own = own.filter(|event| !event["message"].as_str().unwrap().starts_with(COMBINED));
    distinct(own.map(|event| {
        let mut about = event["involvedObject"].clone();
        about.as_object_mut().unwrap().remove("resourceVersion");
        json!({
            "about": about, "type": event["type"], "reason": event["reason"], "source": event["source"],
            "message": timeless(event["message"].as_str().unwrap()),
            "reporter": [event["reportingComponent"], event["reportingInstance"]],
        })
        .to_string()
    }))
}

/// Each different status of a pod the kubelet has seen, in the order of its first appearance.
pub(crate) fn statuses(tape: &[Line]) -> Vec<Value> {
    let seen = tape.iter().map(|line| &line.object["status"]).filter(|status| status["startTime"].is_string());
    distinct(seen.map(|status| {
        let condition = |each: &Value| json!([each["type"], each["status"], each["reason"], each["message"]]);
        json!({
            "phase": status["phase"],
            "conditions": list(&status["conditions"], condition),
            "init": list(&status["initContainerStatuses"], container),
            "containers": list(&status["containerStatuses"], container),
        })
    }))
}

/// Each different set of container states: the order of waiting reasons, without the conditions around them.
pub(crate) fn states(statuses: &[Value]) -> Vec<Value> {
    distinct(statuses.iter().map(|status| json!([status["init"], status["containers"]])))
}

/// Whether `part` can be had from `whole` by leaving some out: the kubelet writes statuses late and skips some.
pub(crate) fn within(part: &[Value], whole: &[Value]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|wanted| whole.any(|each| each == wanted))
}

fn container(status: &Value) -> Value {
    json!({
        "name": status["name"], "ready": status["ready"], "started": status["started"],
        "state": state(&status["state"]), "last": state(&status["lastState"]),
        "known": [status["imageID"] != "", status["containerID"].is_string()],
    })
}

fn state(state: &Value) -> Value {
    let Some((kind, detail)) = state.as_object().and_then(|state| state.iter().next()) else { return Value::Null };
    let message = detail["message"].as_str().map(timeless);
    json!([kind, detail["reason"], detail["exitCode"], message])
}

fn list(values: &Value, shape: impl Fn(&Value) -> Value) -> Vec<Value> {
    values.as_array().into_iter().flatten().map(shape).collect()
}

fn distinct<T: PartialEq>(shapes: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for shape in shapes {
        if !seen.contains(&shape) {
            seen.push(shape);
        }
    }
    seen
}

/// The text with ids, numbers and durations made alike.
pub(crate) fn timeless(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (word, length) = match (run, digits) {
            (64.., _) => ("ID", run),
            (_, 1..) if first.is_ascii_digit() => ("N", digits),
            _ => ("", first.len_utf8()),
        };
        words.push_str(if word.is_empty() { &rest[..length] } else { word });
        rest = &rest[length..];
    }
    words.replace("Nms", "Ns").replace("NmNs", "Ns")
}
