//! From a request to its answer: faults, then who asks, then whether they may, then the deed; every step noted in the
//! journal.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use serde_json::Value;

use super::call::Call;
use super::fault::{self, Fault};
use super::journal::{Entry, Read};
use super::merge::Style;
use super::refusal::Refusal;
use super::resources::EVENTS;
use super::store::{Key, Store};
use super::{Shared, access, discovery, reading, review, table, watching, writing};

/// Body limit of the real API server.
const BODY_AT_MOST: usize = 3 << 20;

pub(super) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = Call::read(&parts.method, &parts.uri);
    let number = shared.journal.asked(entry(&shared, &parts, call.as_ref().ok()));
    let result = match call {
        Ok(call) => serve(&shared, call, &parts.headers, body, number).await,
        Err(refusal) => match discovery::answer(&parts.uri) {
            Some(found) => Ok(json_response(200, &found)),
            None => Err(refusal),
        },
    };
    let mut response = result.unwrap_or_else(|refusal| refused(&refusal));
    response.headers_mut().extend(date(shared.store.now()));
    shared.journal.answered(number, response.status().as_u16());
    let size = axum::body::HttpBody::size_hint(response.body()).exact().unwrap_or(0);
    shared.journal.sent(number, usize::try_from(size).unwrap_or(usize::MAX));
    response
}

/// By its own clock, as every server's is (RFC 9110, 6.6.1).
fn date(now: Timestamp) -> Option<(HeaderName, HeaderValue)> {
    let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Some((header::DATE, HeaderValue::from_str(&text).ok()?))
}

fn entry(shared: &Shared, parts: &http::request::Parts, call: Option<&Call>) -> Entry {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Entry {
        number: 0,
        at: shared.store.now(),
        verb: call.map_or_else(|| parts.method.as_str().to_lowercase(), |call| call.verb.to_owned()),
        resource: call.map_or_else(|| parts.uri.path().to_owned(), Call::resource_path),
        namespace: call.map(|call| call.namespace().to_owned()).unwrap_or_default(),
        name: call.map(|call| call.name().to_owned()).unwrap_or_default(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        user_agent: agent.unwrap_or_default().to_owned(),
        code: 0,
        bytes: 0,
        read: Read::default(),
    }
}

async fn serve(
    shared: &Arc<Shared>,
    call: Call,
    headers: &HeaderMap,
    body: Body,
    number: u64,
) -> Result<Response, Refusal> {
    if let Some(response) = broken(shared, &call).await? {
        return Ok(response);
    }
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let users = shared.users();
    let user = access::authenticate(&users, authorization)?;
    access::authorize(user, &call)?;
    if call.verb == "watch" {
        let body = watching::open(shared, call, number)?;
        return Ok(response(200, body));
    }
    refuse_protobuf(headers)?;
    let body = axum::body::to_bytes(body, BODY_AT_MOST)
        .await
        .map_err(|_| Refusal::new(413, "RequestEntityTooLarge", "the request body is too large"))?;
    shared.journal.read(number, before_a_write(&shared.store, &call));
    deed(shared, &call, headers, &body, number)
}

/// Meets the fault that stands for this call, if any; waits for the end of a hang.
async fn broken(shared: &Shared, call: &Call) -> Result<Option<Response>, Refusal> {
    let mut faults = shared.faults.subscribe();
    loop {
        let hit = faults.borrow_and_update().iter().find(|broken| broken.hits(call)).map(|broken| broken.fault.clone());
        match hit {
            None | Some(Fault::SilentWatch) => return Ok(None),
            Some(Fault::Answer { code, retry_after }) => return Err(fault::refusal(code, retry_after, call)),
            Some(Fault::Garbage) => return Ok(Some(response(200, Body::from("<html>\u{0}{]")))),
            Some(Fault::Reset) => return Ok(Some(response(200, cut_body()))),
            Some(Fault::Hang | Fault::Refuse) => {
                if faults.changed().await.is_err() {
                    return Ok(None);
                }
            }
        }
    }
}

/// The beginning of an answer, and then an error that makes the server drop the connection.
fn cut_body() -> Body {
    let begun = Ok(Bytes::from_static(b"{\"kind\":"));
    Body::from_stream(futures::stream::iter([begun, Err(io::Error::from(io::ErrorKind::ConnectionReset))]))
}

/// What is changed is read first, from etcd; to create what is not there, nothing is (Kubernetes:
/// apiserver/pkg/storage/etcd3/store.go, Create and GuaranteedUpdate).
fn before_a_write(store: &Store, call: &Call) -> Read {
    let changes = matches!(call.verb, "update" | "patch" | "delete");
    let key = Key::new(call.resource, call.namespace(), call.name());
    let bytes = if changes { store.weight(&key) } else { None };
    bytes.map_or(Read::default(), |bytes| Read { objects: 1, bytes, stored: true })
}

fn deed(shared: &Shared, call: &Call, headers: &HeaderMap, body: &[u8], number: u64) -> Result<Response, Refusal> {
    let store = &shared.store;
    let told = |(answer, read): (Value, Read)| {
        shared.journal.read(number, read);
        json_response(200, &answer)
    };
    match call.verb {
        "get" => reading::get(store, call).map(told),
        "list" => reading::list(store, call)
            .map(|(list, read)| told((table::as_asked(headers, call, list, store.now()), read))),
        "create" => {
            let object = read(body)?;
            match review::answer(call.resource, &shared.users(), &object) {
                Some(reviewed) => Ok(json_response(201, &reviewed)),
                None => written(shared, call, 201, writing::create(store, call, checked(shared, object)?)?),
            }
        }
        "update" => {
            let object = checked(shared, read(body)?)?;
            let (object, created) = writing::update(store, call, object)?;
            written(shared, call, if created { 201 } else { 200 }, object)
        }
        "patch" => {
            let patch = read(body)?;
            written(shared, call, 200, writing::patch(store, call, style(headers)?, patch)?)
        }
        "delete" => {
            let options = if body.is_empty() { Value::Null } else { read(body)? };
            Ok(json_response(200, &writing::delete(store, call, &options)?))
        }
        _ => Ok(json_response(200, &writing::delete_collection(store, call))),
    }
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|fault| {
        Refusal::bad_request(format!("the object provided is unrecognized (must be of type JSON): {fault}"))
    })
}

/// The double reads JSON alone, unlike the real one; `kubectl create NOUN` speaks protobuf, `kubectl create -f` does
/// not.
fn refuse_protobuf(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/vnd.kubernetes.protobuf") {
        let message =
            "the body of the request was in an unknown format - accepted media types include: application/json";
        return Err(Refusal::new(415, "UnsupportedMediaType", message));
    }
    Ok(())
}

fn style(headers: &HeaderMap) -> Result<Style, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let message = "the body of the request was in an unknown format - accepted media types include: \
                   application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
    Style::of(content_type).ok_or_else(|| Refusal::new(415, "UnsupportedMediaType", message))
}

/// Holds a body to the schemas, where they are at hand. Stricter than the real one, which only warns of unknown fields
/// by default.
fn checked(shared: &Shared, object: Value) -> Result<Value, Refusal> {
    match shared.schemas.as_ref().map(|schemas| schemas.validate(&object)) {
        Some(Err(faults)) => Err(Refusal::bad_request(format!("strict decoding error: {}", faults.join(", ")))),
        _ => Ok(object),
    }
}

fn written(shared: &Shared, call: &Call, code: u16, object: Arc<Value>) -> Result<Response, Refusal> {
    let response = json_response(code, &object);
    if call.resource.plural == EVENTS.plural {
        shared.journal.event_written(object);
    }
    Ok(response)
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = json_response(refusal.code, &refusal.status());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn json_response(code: u16, value: &Value) -> Response {
    response(code, Body::from(value.to_string()))
}

fn response(code: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
