//! A notice as a core/v1 Event, in the shape that `kubectl describe`, `kubectl get events` and exporters read rightly:
//! `lastTimestamp` and `count`, no `eventTime`, the subject's real UID. Sends nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time as MetaTime};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::notice::{Notice, RESOLVED};
use crate::model::diagnosis::Subject;
use crate::model::wording::{self, MESSAGE_LIMIT};

/// `source.component` and `reportingComponent` of everything this agent writes.
pub const COMPONENT: &str = "kubewhy";
/// The label that names the cause.
pub const CAUSE_LABEL: &str = "kubewhy.dev/cause";
/// The label that names who must act.
pub const OWNER_LABEL: &str = "kubewhy.dev/owner";
/// Where Events on Nodes live (Kubernetes: pkg/apis/core/validation/events.go).
const NODE_EVENTS: &str = "default";
/// A name is one path segment of at most this many bytes, hash and dot included.
const NAME_LIMIT: usize = 253;

/// Who writes, and with what runbook.
#[derive(Clone, Debug)]
pub struct Author {
    /// The node: `source.host`.
    pub node: Arc<str>,
    /// `reportingInstance`: the agent's pod, or the node.
    pub instance: Arc<str>,
    /// Added to each message, `{cause}` replaced by the cause's id.
    pub runbook_url: Option<Arc<str>>,
}

/// The Event that tells this notice.
#[must_use]
pub fn render(notice: &Notice, author: &Author) -> Event {
    Event {
        metadata: metadata(notice),
        involved_object: involved(notice),
        type_: Some(notice.kind.as_str().to_owned()),
        reason: Some(notice.reason.to_owned()),
        message: Some(message(notice, author)),
        first_timestamp: Some(MetaTime(notice.first)),
        last_timestamp: Some(MetaTime(notice.at)),
        count: Some(i32::try_from(notice.count).unwrap_or(i32::MAX)),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: Some(author.node.to_string()) }),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: Some(author.instance.to_string()),
        ..Event::default()
    }
}

/// What a refresh changes of an Event that is there: a merge patch.
#[must_use]
pub fn refresh(event: &Event) -> Value {
    json!({"count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message})
}

fn metadata(notice: &Notice) -> ObjectMeta {
    let mut labels = BTreeMap::from([(CAUSE_LABEL.to_owned(), notice.counted_as().to_owned())]);
    if let Some(cause) = notice.cause {
        labels.insert(OWNER_LABEL.to_owned(), cause.owner.as_str().to_lowercase());
    }
    let namespace = match &notice.subject {
        Subject::Node(_) => NODE_EVENTS.to_owned(),
        Subject::Pod(pod) => pod.namespace.to_string(),
    };
    ObjectMeta { name: Some(name(notice)), namespace: Some(namespace), labels: Some(labels), ..ObjectMeta::default() }
}

fn involved(notice: &Notice) -> ObjectReference {
    let (kind, namespace, name) = match &notice.subject {
        Subject::Node(node) => ("Node", String::new(), &node.name),
        Subject::Pod(pod) => ("Pod", pod.namespace.to_string(), &pod.name),
    };
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace),
        name: Some(name.to_string()),
        uid: Some(notice.subject.uid().to_owned()),
        field_path: notice.field_path.as_deref().map(str::to_owned),
        ..ObjectReference::default()
    }
}

/// `<object name>.<16 hex digits>`: the same for every try to write the same thing, so that a retry can't double it.
fn name(notice: &Notice) -> String {
    let object = match &notice.subject {
        Subject::Node(node) => &node.name,
        Subject::Pod(pod) => &pod.name,
    };
    let mut parts = vec![notice.subject.uid(), &notice.story, notice.reason, notice.kind.as_str()];
    if notice.reason == RESOLVED {
        parts.push(notice.counted_as()); // its label can't be patched to that of another cause
    }
    let hash = Sha256::digest(parts.join("\n"));
    let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let kept = object.floor_char_boundary(NAME_LIMIT - hex.len() - 1);
    format!("{}.{hex}", object.get(..kept).unwrap_or_default().trim_end_matches(['-', '.']))
}

/// The sentence on one line, and the runbook; where both are too long the sentence gives way.
fn message(notice: &Notice, author: &Author) -> String {
    let sentence = wording::one_line(&notice.sentence);
    let Some(url) = &author.runbook_url else {
        return wording::cut(&sentence, MESSAGE_LIMIT);
    };
    let runbook = format!(" Runbook: {}", wording::one_line(&url.replace("{cause}", notice.counted_as())));
    if runbook.len() >= MESSAGE_LIMIT / 2 {
        return wording::cut(&sentence, MESSAGE_LIMIT);
    }
    format!("{}{runbook}", wording::cut(&sentence, MESSAGE_LIMIT - runbook.len()))
}

#[cfg(test)]
mod tests;
