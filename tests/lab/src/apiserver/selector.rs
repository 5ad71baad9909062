//! Label and field selectors as they stand in a query: equality and inequality terms. Set-based label terms are
//! refused.

use serde_json::Value;

use super::refusal::Refusal;
use super::resources::Resource;

/// Which objects of a resource a request means. The default selects everything.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    fields: Vec<Term>,
    labels: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    key: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400, as the real one answers, for a term that cannot be read or a field label the resource does not support.
    pub fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let selector = Self { fields: terms(fields)?, labels: terms(labels)? };
        match selector.fields.iter().find(|term| resource.field(&term.key, &Value::Null).is_none()) {
            None => Ok(selector),
            Some(term) => Err(Refusal::bad_request(format!(
                "Unable to find \"{}\" that match label selector \"{labels}\", field selector \"{fields}\": \
                 field label not supported: {}",
                resource.qualified(),
                term.key
            ))),
        }
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// The one name that is asked for, if the selector asks for one: RBAC looks at it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.fields.iter().find(|term| term.equal && term.key == "metadata.name").map(|term| term.value.as_str())
    }

    /// The one value of the resource's indexed field that is asked for, if one is.
    #[must_use]
    pub fn indexed(&self, resource: &Resource) -> Option<&str> {
        let term = self.fields.iter().find(|term| term.equal && term.key == resource.indexed);
        term.map(|term| term.value.as_str())
    }

    /// Whether the object is meant.
    #[must_use]
    pub fn matches(&self, resource: &Resource, object: &Value) -> bool {
        let by_field = self.fields.iter().all(|term| {
            let found = resource.field(&term.key, object).unwrap_or_default();
            (found == term.value) == term.equal
        });
        by_field && self.labels.iter().all(|term| label_matches(term, object))
    }
}

fn label_matches(term: &Term, object: &Value) -> bool {
    let label = object.pointer("/metadata/labels").and_then(|labels| labels.get(&term.key)).and_then(Value::as_str);
    (label == Some(term.value.as_str())) == term.equal
}

fn terms(text: &str) -> Result<Vec<Term>, Refusal> {
    text.split(',').filter(|term| !term.is_empty()).map(term).collect()
}

fn term(text: &str) -> Result<Term, Refusal> {
    let read = |separator: &str, equal| {
        let (key, value) = text.split_once(separator)?;
        Some(Term { key: key.trim().to_owned(), value: value.trim().to_owned(), equal })
    };
    read("!=", false)
        .or_else(|| read("==", true))
        .or_else(|| read("=", true))
        .ok_or_else(|| Refusal::bad_request(format!("unable to parse requirement: {text}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::resources::{EVENTS, PODS};

    #[test]
    fn a_pod_is_selected_by_its_node_and_not_by_another() {
        let here = Selector::parse(&PODS, "", "spec.nodeName=a,status.phase!=Failed").unwrap();
        assert!(here.matches(&PODS, &json!({"spec": {"nodeName": "a"}})));
        assert!(!here.matches(&PODS, &json!({"spec": {"nodeName": "b"}})));
        assert!(!here.matches(&PODS, &json!({"spec": {"nodeName": "a"}, "status": {"phase": "Failed"}})));
    }

    #[test]
    fn an_unknown_field_is_refused_and_named() {
        let refusal = Selector::parse(&PODS, "", "spec.hostname=a").unwrap_err();
        assert_eq!(refusal.code, 400);
        assert!(refusal.message.ends_with("field label not supported: spec.hostname"));
    }

    #[test]
    fn the_source_of_an_event_falls_back_to_its_reporting_component() {
        let ours = Selector::parse(&EVENTS, "", "source=kubewhy").unwrap();
        assert!(ours.matches(&EVENTS, &json!({"reportingComponent": "kubewhy"})));
        assert!(!ours.matches(&EVENTS, &json!({"source": {"component": "kubelet"}, "reportingComponent": "kubewhy"})));
    }
}
