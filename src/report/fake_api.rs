//! An API server for the tests of reporting: it keeps Events as the real one does, and fails as it is told to. Reached
//! through the real client, without a socket, so that virtual time rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::clock::Clock;
use crate::model::Time;

/// How it fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// Nobody listens.
    Refused,
    /// It never answers.
    Hangs,
    /// It does what was asked, and never says so.
    DoesAndHangs,
    /// It answers with this status, this `Retry-After`, this body.
    Says(u16, Option<u64>, Value),
    /// It does what was asked, and its answer breaks off in the middle.
    DoesAndBreaksOff,
    /// It does what was asked, and its answer never ends.
    DoesAndNeverEnds,
    /// It does nothing, and answers 200 with what is no JSON.
    Garbage,
}

/// One request it received.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) at: Time,
    pub(super) method: Method,
    pub(super) name: String,
}

#[derive(Default)]
struct Kept {
    events: BTreeMap<(String, String), Value>,
    asked: Vec<Asked>,
    fault: Option<(Fault, String)>,
}

/// A handle on it; all clones are one server.
#[derive(Clone)]
pub(super) struct FakeApi {
    kept: Arc<Mutex<Kept>>,
    clock: Clock,
}

impl FakeApi {
    pub(super) fn start(clock: Clock) -> Self {
        Self { kept: Arc::default(), clock }
    }

    /// The real client on this server.
    pub(super) fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// From now on every request fails so.
    pub(super) fn fail(&self, fault: Fault) {
        self.fail_in("", fault);
    }

    /// Every request to this namespace fails so.
    pub(super) fn fail_in(&self, namespace: &str, fault: Fault) {
        self.kept.lock().unwrap().fault = Some((fault, namespace.to_owned()));
    }

    pub(super) fn mend(&self) {
        self.kept.lock().unwrap().fault = None;
    }

    /// The TTL of all Events ran out.
    pub(super) fn expire(&self) {
        self.kept.lock().unwrap().events.clear();
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.kept.lock().unwrap().events.values().cloned().collect()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.kept.lock().unwrap().asked.clone()
    }

    /// Reason, count and how many seconds after 03:00 it was first and last seen, by first time.
    pub(super) fn told(&self) -> Vec<(String, u64, i64, i64)> {
        let second = |value: &Value| value.as_str().unwrap().parse::<Time>().unwrap().as_second() - 1_795_230_000;
        let row = |event: &Value| {
            let reason = event["reason"].as_str().unwrap().to_owned();
            let count = event["count"].as_u64().unwrap();
            (reason, count, second(&event["firstTimestamp"]), second(&event["lastTimestamp"]))
        };
        let mut rows: Vec<_> = self.events().iter().map(row).collect();
        rows.sort_by_key(|row| (row.2, row.3));
        rows
    }

    async fn answer(&self, request: http::Request<kube::client::Body>) -> std::io::Result<Response> {
        let fault = self.note(&request);
        match fault {
            Some(Fault::Refused) => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Some(Fault::Hangs) => return std::future::pending().await,
            Some(Fault::Says(status, retry_after, body)) => return Ok(said(status, retry_after, body)),
            Some(Fault::Garbage) => return Ok("<html>\u{0}{]".into_response()),
            Some(Fault::DoesAndHangs | Fault::DoesAndBreaksOff | Fault::DoesAndNeverEnds) | None => {}
        }
        let router = Router::new()
            .route("/api/v1/namespaces/{namespace}/events", post(create))
            .route("/api/v1/namespaces/{namespace}/events/{name}", patch(merge))
            .with_state(self.clone());
        let response = router.oneshot(request.map(Body::new)).await.unwrap();
        match fault {
            Some(Fault::DoesAndBreaksOff) => Ok(begun(Some(std::io::ErrorKind::ConnectionReset.into()))),
            Some(Fault::DoesAndNeverEnds) => Ok(begun(None)),
            Some(_) => std::future::pending().await,
            None => Ok(response),
        }
    }

    fn note(&self, request: &http::Request<kube::client::Body>) -> Option<Fault> {
        let mut kept = self.kept.lock().unwrap();
        let path = request.uri().path().to_owned();
        let fault = kept.fault.clone().filter(|(_, namespace)| path.contains(&format!("/{namespace}")));
        kept.asked.push(Asked { at: self.clock.now(), method: request.method().clone(), name: path });
        fault.map(|(fault, _)| fault)
    }
}

fn said(status: u16, retry_after: Option<u64>, body: Value) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The beginning of an answer, and then an error or nothing.
fn begun(end: Option<std::io::Error>) -> Response {
    let begun = stream::iter([Ok("{\"kind\":")]);
    let body = match end {
        Some(error) => Body::from_stream(begun.chain(stream::iter([Err(error)]))),
        None => Body::from_stream(begun.chain(stream::pending())),
    };
    Response::new(body)
}

async fn create(State(api): State<FakeApi>, Path(namespace): Path<String>, Json(event): Json<Value>) -> Response {
    let name = event["metadata"]["name"].as_str().unwrap().to_owned();
    let mut kept = api.kept.lock().unwrap();
    if kept.events.contains_key(&(namespace.clone(), name.clone())) {
        return said(409, None, json!({"kind": "Status", "code": 409, "reason": "AlreadyExists"}));
    }
    kept.events.insert((namespace, name), event.clone());
    said(201, None, event)
}

async fn merge(
    State(api): State<FakeApi>,
    Path(key): Path<(String, String)>,
    request: axum::extract::Request,
) -> Response {
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/merge-patch+json");
    let body = axum::body::to_bytes(request.into_body(), 100_000).await.unwrap();
    let changes: Value = serde_json::from_slice(&body).unwrap();
    let mut kept = api.kept.lock().unwrap();
    let Some(event) = kept.events.get_mut(&key) else {
        return said(404, None, json!({"kind": "Status", "code": 404, "reason": "NotFound"}));
    };
    for (field, value) in changes.as_object().unwrap() {
        event[field] = value.clone();
    }
    said(200, None, event.clone())
}
