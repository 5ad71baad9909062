//! An API server that answers by a script and writes down what it was asked; without sockets, so that virtual time holds.
//! When the script is over it answers no more.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures::{StreamExt, stream};
use http::{Request, Response};
use serde_json::{Value, json};

/// One answer.
#[derive(Clone)]
pub(super) enum Reply {
    /// A whole body with this status.
    Whole(u16, Value),
    /// A watch with these events, which ends after them.
    Ends(Vec<Value>),
    /// A watch with these events, which stays open.
    Stays(Vec<Value>),
    /// The connection is refused.
    Refused,
    /// An answer that breaks off in its middle.
    BreaksOff,
    /// 200, and what is no JSON.
    Garbage,
}

#[derive(Clone)]
pub(super) struct Fake(Arc<Mutex<(VecDeque<Reply>, Vec<String>)>>);

impl Fake {
    pub(super) fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self(Arc::new(Mutex::new((script.into_iter().collect(), Vec::new()))))
    }

    /// Path and query of every request, percent-decoded as far as selectors need it.
    pub(super) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().1.iter().map(|uri| uri.replace("%3D", "=").replace("%2C", ",")).collect()
    }

    pub(super) fn client(&self) -> kube::Client {
        let fake = self.clone();
        kube::Client::new(tower::service_fn(move |request| fake.clone().answer(request)), "default")
    }

    async fn answer(self, request: Request<kube::client::Body>) -> io::Result<Response<Body>> {
        let reply = {
            let mut state = self.0.lock().unwrap();
            state.1.push(request.uri().to_string());
            state.0.pop_front()
        };
        let (status, body) = match reply {
            Some(Reply::Whole(status, body)) => (status, Body::from(body.to_string())),
            Some(Reply::Ends(events)) => (200, Body::from_stream(lines(events))),
            Some(Reply::Stays(events)) => (200, Body::from_stream(lines(events).chain(stream::pending()))),
            Some(Reply::Refused) => return Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Reply::BreaksOff) => (200, Body::from_stream(broken_off())),
            Some(Reply::Garbage) => (200, Body::from("<html>\u{0}{]\n")),
            None => std::future::pending().await,
        };
        Ok(Response::builder().status(status).body(body).unwrap())
    }
}

fn lines(events: Vec<Value>) -> impl futures::Stream<Item = Result<String, Infallible>> {
    stream::iter(events.into_iter().map(|event| Ok(format!("{event}\n"))))
}

fn broken_off() -> impl futures::Stream<Item = io::Result<&'static str>> {
    stream::iter([Ok("{\"kind\":"), Err(io::ErrorKind::ConnectionReset.into())])
}

/// An object with no more than its metadata.
pub(super) fn object(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("{name}-uid"), "resourceVersion": "7"}})
}

/// A list of such objects.
pub(super) fn list(names: &[&str]) -> Reply {
    let items: Vec<_> = names.iter().map(|name| object(name)).collect();
    Reply::Whole(200, json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "5"}, "items": items}))
}

/// A refusal with this status that says when to come back.
pub(super) fn come_back(code: u16, seconds: u32) -> Reply {
    let details = json!({"retryAfterSeconds": seconds});
    Reply::Whole(code, json!({"kind": "Status", "code": code, "message": "later", "reason": "x", "details": details}))
}

/// A refusal with this status.
pub(super) fn refusal(code: u16) -> Reply {
    Reply::Whole(code, json!({"kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "x"}))
}
