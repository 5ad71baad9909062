//! What an answer means, over a real connection to a real HTTP server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::Method;
use serde_json::json;

use super::super::event::{Author, render};
use super::super::samples::{at, first};
use super::*;

type Asked = Arc<Mutex<Vec<(Method, String)>>>;
type Script = fn(&Method) -> Response;

/// A server that answers by `script`, and what it was asked.
async fn serve(script: Script) -> (ApiServer, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let router = Router::new().fallback(move |request: axum::extract::Request| {
        noted.lock().unwrap().push((request.method().clone(), request.uri().path().to_owned()));
        std::future::ready(script(request.method()))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (api_at(address), asked)
}

fn api_at(address: SocketAddr) -> ApiServer {
    let mut config = kube::Config::new(format!("http://{address}").parse().unwrap());
    config.default_retry = false;
    ApiServer::new(kube::Client::try_from(config).unwrap(), Duration::from_secs(10))
}

fn event() -> Event {
    let author = Author { node: "node-7".into(), instance: "node-7".into(), runbook_url: None };
    render(&first("cart", at(0)), &author)
}

async fn outcome(script: Script) -> Outcome {
    serve(script).await.0.write(&event(), true).await
}

fn answer(status: u16, body: impl IntoResponse) -> Response {
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

#[tokio::test]
async fn a_new_event_takes_one_request() {
    let (api, asked) = serve(|_| answer(201, "{}")).await;
    assert_eq!(api.write(&event(), true).await, Outcome::Written);
    assert_eq!(*asked.lock().unwrap(), [(Method::POST, "/api/v1/namespaces/shop/events".to_owned())]);
}

#[tokio::test]
async fn an_event_that_is_there_is_patched() {
    let (api, asked) = serve(|method| answer(if *method == Method::POST { 409 } else { 200 }, "{}")).await;
    assert_eq!(api.write(&event(), true).await, Outcome::Written);
    let patched = (Method::PATCH, "/api/v1/namespaces/shop/events/cart.382a350975787b77".to_owned());
    assert_eq!(asked.lock().unwrap()[1], patched);
}

#[tokio::test]
async fn an_event_that_is_gone_is_created() {
    let (api, asked) = serve(|method| answer(if *method == Method::PATCH { 404 } else { 201 }, "{}")).await;
    assert_eq!(api.write(&event(), false).await, Outcome::Written);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_namespace_that_is_gone_or_going_has_nobody_to_tell() {
    assert_eq!(outcome(|_| answer(404, "{}")).await, Outcome::Nobody);
    let going = |_: &Method| {
        let status = json!({"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating"}]}});
        answer(403, axum::Json(status))
    };
    assert_eq!(outcome(going).await, Outcome::Nobody);
}

#[tokio::test]
async fn refusals_name_the_verb() {
    let refused = |status, verb| Outcome::Refused { status, verb, text: "no".to_owned() };
    assert_eq!(outcome(|_| answer(401, r#"{"message":"no"}"#)).await, refused(401, "create"));
    let patch = |method: &Method| answer(if *method == Method::POST { 409 } else { 403 }, r#"{"message":"no"}"#);
    assert_eq!(outcome(patch).await, refused(403, "patch"));
}

#[tokio::test]
async fn overload_says_when_to_come_back_in_header_or_status() {
    let wait = |outcome| match outcome {
        Outcome::Away { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
        other => panic!("{other:?}"),
    };
    let plain = |_: &Method| answer(429, ([(RETRY_AFTER, "7")], "Too many requests, please try again later."));
    assert_eq!(wait(outcome(plain).await), Some(7));
    let told = |_: &Method| answer(429, axum::Json(json!({"details": {"retryAfterSeconds": 9}})));
    assert_eq!(wait(outcome(told).await), Some(9));
    assert_eq!(wait(outcome(|_| answer(503, ([(RETRY_AFTER, "999999")], ""))).await), Some(300));
    assert_eq!(wait(outcome(|_| answer(500, "<html>garbage")).await), None);
}

#[tokio::test]
async fn a_faulty_event_is_told_from_a_faulty_server() {
    assert_eq!(outcome(|_| answer(422, r#"{"message":"too long"}"#)).await, Outcome::Faulty("too long".to_owned()));
}

#[tokio::test]
async fn nobody_listening_is_away() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(api_at(address).write(&event(), true).await, Outcome::Away { .. }));
}
