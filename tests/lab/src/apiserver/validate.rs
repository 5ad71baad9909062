//! What the real API server checks in an object beyond its schema, as far as a client of Events, Pods and Leases meets
//! it.

use serde_json::Value;

use super::refusal::{Invalid, Refusal};
use super::resources::{EVENTS, Resource};

const WORD_AT_MOST: usize = 128;
const MESSAGE_AT_MOST: usize = 1024;
const NOT_A_SUBDOMAIN: &str =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'";
const NOT_A_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.'";

/// Checks an object that is about to be created or replaced.
///
/// # Errors
/// 422 with every fault.
pub(super) fn check(resource: &Resource, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut faults = Vec::new();
    if resource.plural == EVENTS.plural {
        faults.extend(path_segment(name).map(|message| invalid("metadata.name", name, message)));
        faults.extend(event(object));
    } else if !is_subdomain(name) {
        faults.push(invalid("metadata.name", name, NOT_A_SUBDOMAIN));
    }
    if faults.is_empty() { Ok(()) } else { Err(Refusal::invalid(resource, name, &faults)) }
}

/// The rules of core/v1 Events. (Kubernetes: pkg/apis/core/validation/events.go, legacyValidateEvent.) Lengths are
/// bytes.
fn event(event: &Value) -> Vec<Invalid> {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    let stored = event["metadata"]["namespace"].as_str().unwrap_or_default();
    let involved = event["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let strict = event["eventTime"].is_string();
    let agrees = match (involved.is_empty(), strict) {
        (true, false) => stored == "default",
        (true, true) => stored == "default" || stored == "kube-system",
        (false, false) => stored == involved,
        (false, true) => true,
    };
    let mut faults = Vec::new();
    if !agrees {
        faults.push(invalid("involvedObject.namespace", involved, "does not match event.namespace"));
    }
    if strict {
        let component = text("reportingComponent");
        faults.extend(word("reportingController", component, usize::MAX));
        if !is_qualified_name(component) {
            faults.push(invalid("reportingController", component, NOT_A_NAME));
        }
        for (field, path) in [("reportingInstance", "reportingInstance"), ("action", "action"), ("reason", "reason")] {
            faults.extend(word(path, text(field), WORD_AT_MOST));
        }
        faults.extend(too_long("message", text("message"), MESSAGE_AT_MOST));
    }
    faults
}

fn word(field: &'static str, value: &str, at_most: usize) -> Option<Invalid> {
    if value.is_empty() {
        return Some(Invalid { reason: "FieldValueRequired", field, message: "Required value".to_owned() });
    }
    too_long(field, value, at_most)
}

fn too_long(field: &'static str, value: &str, at_most: usize) -> Option<Invalid> {
    (value.len() > at_most).then(|| invalid(field, "", &format!("can have at most {at_most} characters")))
}

fn invalid(field: &'static str, value: &str, why: &str) -> Invalid {
    Invalid { reason: "FieldValueInvalid", field, message: format!("Invalid value: \"{value}\": {why}") }
}

fn path_segment(name: &str) -> Option<&'static str> {
    match name {
        "." => Some("may not be '.'"),
        ".." => Some("may not be '..'"),
        name if name.contains('/') => Some("may not contain '/'"),
        name if name.contains('%') => Some("may not contain '%'"),
        _ => None,
    }
}

fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty() && label.chars().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    !name.is_empty() && name.len() <= 253 && name.split('.').all(label)
}

/// `[prefix/]name`, the name at most 63 bytes. (Kubernetes: apimachinery/pkg/util/validation, IsQualifiedName.)
fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edges = |c: char| c.is_ascii_alphanumeric();
    prefix.is_none_or(is_subdomain)
        && name.len() <= 63
        && name.chars().all(inside)
        && name.starts_with(edges)
        && name.ends_with(edges)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(event: Value) -> Vec<&'static str> {
        super::event(&event).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_legacy_event_lives_in_the_namespace_of_its_object_and_a_node_s_in_default() {
        let event = |stored: &str, involved: &str| {
            fields(json!({"metadata": {"namespace": stored}, "involvedObject": {"namespace": involved}}))
        };
        assert!(event("default", "").is_empty());
        assert!(event("a", "a").is_empty());
        assert_eq!(event("a", "b"), ["involvedObject.namespace"]);
        assert_eq!(event("kube-system", ""), ["involvedObject.namespace"]);
    }

    #[test]
    fn only_an_event_time_turns_the_strict_rules_on() {
        let long = json!({"metadata": {"namespace": "default"}, "message": "x".repeat(2000)});
        assert!(fields(long.clone()).is_empty());
        let mut strict = long;
        strict["eventTime"] = json!("2026-08-22T10:00:00.000000Z");
        let expected =
            ["reportingController", "reportingController", "reportingInstance", "action", "reason", "message"];
        assert_eq!(fields(strict), expected);
    }
}
