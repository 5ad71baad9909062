//! An API server that keeps objects and a tape of every write, line for line as the recordings have it. It checks nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// One write: which list it belongs to, its watch type, the object after it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) stream: String,
    pub(crate) r#type: &'static str,
    pub(crate) object: Value,
}

#[derive(Default)]
struct Store {
    objects: BTreeMap<String, Value>,
    tape: Vec<Line>,
}

/// The store; all clones are one.
#[derive(Clone)]
pub(crate) struct Api {
    store: Arc<Mutex<Store>>,
    written: watch::Sender<usize>,
    /// Its base URL.
    pub(crate) url: String,
}

impl Api {
    /// Serves on a free port until the test's tokio runtime ends.
    pub(crate) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = Self { store: Arc::default(), written: watch::Sender::new(0), url };
        let router = Router::new().fallback(handle).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        api
    }

    /// Puts an object at its path, as a user or scheduler would.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.write(path, object);
    }

    /// Everything written to one list (`pods`, `events`, `nodes`) so far.
    pub(crate) fn tape(&self, stream: &str) -> Vec<Line> {
        self.store().tape.iter().filter(|line| line.stream == stream).cloned().collect()
    }

    /// Waits until the list's tape satisfies the test.
    pub(crate) async fn wait_for(&self, stream: &str, enough: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        let mut written = self.written.subscribe();
        loop {
            let tape = self.tape(stream);
            if enough(&tape) {
                return tape;
            }
            written.changed().await.unwrap();
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    fn write(&self, path: &str, mut object: Value) -> Value {
        let mut store = self.store();
        let version = store.tape.len() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = json!(format!("00000000-0000-0000-0000-{version:012}"));
        }
        let r#type = if store.objects.contains_key(path) { "MODIFIED" } else { "ADDED" };
        store.objects.insert(path.to_owned(), object.clone());
        store.tape.push(Line { stream: list_of(path), r#type, object: object.clone() });
        drop(store);
        self.written.send_modify(|written| *written = version);
        object
    }

    fn delete(&self, path: &str) -> Option<Value> {
        let mut store = self.store();
        let object = store.objects.remove(path)?;
        store.tape.push(Line { stream: list_of(path), r#type: "DELETED", object: object.clone() });
        let version = store.tape.len();
        drop(store);
        self.written.send_modify(|written| *written = version);
        Some(object)
    }

    fn list(&self, stream: &str) -> Value {
        let store = self.store();
        let items: Vec<_> = store.objects.iter().filter(|(path, _)| list_of(path) == stream).map(|(_, o)| o).collect();
        json!({ "apiVersion": "v1", "kind": "PodList", "items": items,
                "metadata": { "resourceVersion": store.tape.len().to_string() } })
    }

    fn watch(&self, stream: String, from: usize) -> Body {
        let state = (self.clone(), self.written.subscribe(), stream, from);
        Body::from_stream(futures::stream::unfold(state, |(api, mut written, stream, from)| async move {
            written.wait_for(|written| *written > from).await.ok()?;
            let fresh: Vec<Line> = api.store().tape.iter().skip(from).cloned().collect();
            let next = from + fresh.len();
            let lines = fresh.iter().filter(|line| line.stream == stream);
            let text: String =
                lines.map(|line| format!("{}\n", json!({ "type": line.r#type, "object": line.object }))).collect();
            Some((Ok::<_, Infallible>(Bytes::from(text)), (api, written, stream, next)))
        }))
    }
}

/// `/api/v1/namespaces/default/pods/x` → `pods`.
fn list_of(path: &str) -> String {
    path.rsplit('/').nth(1).unwrap_or_default().to_owned()
}

async fn handle(
    State(api): State<Api>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_end_matches("/status").to_owned();
    let given = || serde_json::from_slice::<Value>(&body).unwrap();
    let found = api.store().objects.get(&path).cloned();
    match (method, found) {
        (Method::POST, _) => {
            let object = given();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            axum::Json(api.write(&format!("{path}/{name}"), object)).into_response()
        }
        (Method::GET, None) if query.contains_key("watch") => {
            let from = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or_default();
            api.watch(path.rsplit('/').next().unwrap().to_owned(), from).into_response()
        }
        (Method::GET, None) if path == "/api/v1/pods" => axum::Json(api.list("pods")).into_response(),
        (Method::GET, Some(object)) => axum::Json(object).into_response(),
        (Method::PATCH, Some(mut object)) => {
            merge(&mut object, &given());
            axum::Json(api.write(&path, object)).into_response()
        }
        (Method::DELETE, Some(_)) => axum::Json(api.delete(&path).unwrap_or_default()).into_response(),
        _ => {
            let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                                 "reason": "NotFound", "message": "not found", "metadata": {} });
            (StatusCode::NOT_FOUND, axum::Json(status)).into_response()
        }
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key.as_str()], change);
        }
    }
}
