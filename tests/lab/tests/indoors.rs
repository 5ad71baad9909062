//! The double asked from inside its own process, in virtual time: what it reads for whom, and what happens at its door.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use kubewhy_lab::apiserver::resources::PODS;
use kubewhy_lab::apiserver::{ApiServer, Fault, Options, Read};
use serde_json::{Value, json};
use tokio::time::timeout;

const OF_ONE_NODE: &str = "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-7";

fn double() -> ApiServer {
    let server = ApiServer::indoors(Options { schemas: None, ..Options::default() });
    for (name, node) in [("a", "node-7"), ("b", "node-8"), ("c", "node-8")] {
        server.store().put(pod(name, node));
    }
    server
}

fn pod(name: &str, node: &str) -> Value {
    let metadata = json!({"namespace": "shop", "name": name});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}})
}

async fn ask(server: &ApiServer, uri: &str) -> std::io::Result<http::Response<Body>> {
    server.way().ask(Request::get(uri).body(Body::empty()).unwrap()).await
}

async fn read_for(server: &ApiServer, uri: &str) -> Read {
    ask(server, uri).await.unwrap();
    server.journal().requests().last().unwrap().read
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_node_are_found_in_the_watch_cache_by_its_name_and_in_etcd_among_all() {
    let server = double();
    let cached = read_for(&server, &format!("{OF_ONE_NODE}&resourceVersion=0")).await;
    assert_eq!((cached.objects, cached.stored), (1, false));
    let stored = read_for(&server, OF_ONE_NODE).await;
    assert_eq!((stored.objects, stored.stored), (3, true));
    assert!(cached.bytes > 100 && stored.bytes > 2 * cached.bytes, "{cached:?} {stored:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_one_node_hears_of_its_pods_alone_and_of_one_that_leaves_it() {
    let server = double();
    let version = server.store().version();
    let watch = format!("{OF_ONE_NODE}&watch=true&resourceVersion={version}");
    let mut lines = ask(&server, &watch).await.unwrap().into_body().into_data_stream();
    server.store().edit(&PODS, "shop", "b", |pod| pod["status"] = json!({"phase": "Running"}));
    server.store().put(pod("d", "node-7"));
    server.store().edit(&PODS, "shop", "a", |pod| pod["spec"]["nodeName"] = json!("node-8"));
    for (kind, name) in [("ADDED", "d"), ("DELETED", "a")] {
        let line: Value = serde_json::from_slice(&lines.next().await.unwrap().unwrap()).unwrap();
        assert_eq!((&line["type"], &line["object"]["metadata"]["name"]), (&json!(kind), &json!(name)));
    }
    assert!(timeout(Duration::from_secs(10), lines.next()).await.is_err(), "nothing else happened there");
    assert_eq!(server.journal().requests()[0].read.objects, 2);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_shut_nobody_is_let_in_and_who_is_inside_is_cut_off() {
    let server = double();
    let watch = format!("{OF_ONE_NODE}&watch=true&resourceVersion={}", server.store().version());
    let mut lines = ask(&server, &watch).await.unwrap().into_body().into_data_stream();
    server.set_fault(Fault::Refuse.everywhere());
    assert!(lines.next().await.unwrap().is_err() && lines.next().await.is_none());
    assert_eq!(ask(&server, OF_ONE_NODE).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    server.set_faults(Vec::new());
    assert_eq!(ask(&server, OF_ONE_NODE).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn once_it_has_forgotten_a_watch_from_before_is_too_late() {
    let server = double();
    let before = server.store().version() - 1;
    server.store().forget();
    let watch = format!("{OF_ONE_NODE}&watch=true&resourceVersion={before}");
    let mut lines = ask(&server, &watch).await.unwrap().into_body().into_data_stream();
    let line: Value = serde_json::from_slice(&lines.next().await.unwrap().unwrap()).unwrap();
    assert_eq!((&line["type"], &line["object"]["code"]), (&json!("ERROR"), &json!(410)));
}
