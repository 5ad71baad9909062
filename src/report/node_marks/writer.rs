//! One change of the own Node at a time, and what came of it. Never retries.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, header};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::client::apiserver::words;

/// One request with its answer.
const REQUEST: Duration = Duration::from_secs(10);

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Style {
    /// What is null goes, all else stays as it is (RFC 7386).
    Merge,
    /// Step by step, all or nothing (RFC 6902).
    Steps,
}

/// Why a request did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::report) enum Fault {
    /// The right is missing, or a policy is against it.
    Forbidden(String),
    /// The Node has changed meanwhile.
    Changed,
    /// All else: another try may do.
    Away(String),
}

/// Writes on one Node.
pub(in crate::report) struct Writer {
    client: kube::Client,
    node: Arc<str>,
    turn: Mutex<()>,
}

impl Writer {
    pub(in crate::report) fn new(client: kube::Client, node: &Arc<str>) -> Self {
        Self { client, node: node.clone(), turn: Mutex::new(()) }
    }

    /// Changes the Node.
    pub(in crate::report) async fn patch(&self, style: Style, change: &Value) -> Result<(), Fault> {
        let kind = match style {
            Style::Merge => "application/merge-patch+json",
            Style::Steps => "application/json-patch+json",
        };
        let request = Request::patch(format!("/api/v1/nodes/{}", self.node)).header(header::CONTENT_TYPE, kind);
        let request = request.body(change.to_string().into_bytes()).map_err(|error| Fault::Away(error.to_string()))?;
        let _turn = self.turn.lock().await;
        let answer = timeout(REQUEST, self.client.request::<IgnoredAny>(request)).await;
        answered(answer).map(|_| ())
    }

    /// The keys of the Node's taints, in their order, as they are now; none where there is no such Node.
    pub(in crate::report) async fn taints(&self) -> Result<Option<Vec<String>>, Fault> {
        let taints = |node: Node| node.spec.and_then(|spec| spec.taints).unwrap_or_default();
        Ok(self.node().await?.map(|node| taints(node).into_iter().map(|taint| taint.key).collect()))
    }

    /// The Node as it is now, if there is one.
    pub(in crate::report) async fn node(&self) -> Result<Option<Node>, Fault> {
        let this = ListParams::default().fields(&format!("metadata.name={}", self.node));
        let nodes = answered(timeout(REQUEST, Api::<Node>::all(self.client.clone()).list(&this)).await)?;
        Ok(nodes.items.into_iter().next())
    }
}

/// A step that tests and fails is answered with 422 (Kubernetes: apiserver/pkg/endpoints/handlers/patch.go).
fn answered<T>(answer: Result<kube::Result<T>, tokio::time::error::Elapsed>) -> Result<T, Fault> {
    let Ok(answer) = answer else { return Err(Fault::Away("no answer in time".to_owned())) };
    answer.map_err(|error| match &error {
        kube::Error::Api(status) if status.code == 403 => Fault::Forbidden(words(&error)),
        kube::Error::Api(status) if matches!(status.code, 409 | 422) => Fault::Changed,
        _ => Fault::Away(words(&error)),
    })
}
