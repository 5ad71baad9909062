//! What only the double can be told to do: break, forget, know its callers, count.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test may stop where it stands"
)]

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use kubewhy_lab::apiserver::resources::{EVENTS, PODS};
use kubewhy_lab::apiserver::{ApiServer, Clock, Fault, Options, User};
use kubewhy_lab::openapi::{FOLDER, Schemas};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_millis(300);

type Answer = Result<(u16, Option<String>, Value), String>;

/// One GET, with a token: code, `Retry-After`, body.
async fn get(server: &ApiServer, path: &str, token: &str) -> Answer {
    let client: Client<HttpConnector, Full<axum::body::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("{}{path}", server.url())).header("authorization", format!("Bearer {token}"));
    let response = client.request(request.body(Full::default()).unwrap()).await.map_err(|error| error.to_string())?;
    let code = response.status().as_u16();
    let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((code, wait, serde_json::from_slice(&body).map_err(|error| error.to_string())?))
}

async fn plain() -> ApiServer {
    ApiServer::start(Options::default()).await.unwrap()
}

fn pod(name: &str) -> Value {
    let metadata = json!({"namespace": "shop", "name": name});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": "n"}})
}

#[tokio::test]
async fn faults_come_and_go_while_it_runs() {
    let server = plain().await;
    for code in [401, 403, 500, 503] {
        server.set_fault(Fault::Answer { code, retry_after: None }.everywhere());
        let (found, _, status) = get(&server, "/api/v1/pods", "").await.unwrap();
        assert_eq!((found, &status["kind"], &status["code"]), (code, &json!("Status"), &json!(code)));
    }
    server.set_fault(Fault::Garbage.everywhere());
    assert!(get(&server, "/api/v1/pods", "").await.is_err());
    server.set_fault(Fault::Reset.everywhere());
    assert!(get(&server, "/api/v1/pods", "").await.is_err());
    server.set_fault(Fault::Hang.everywhere());
    assert!(tokio::time::timeout(PATIENCE, get(&server, "/api/v1/pods", "")).await.is_err());
    server.set_faults(Vec::new());
    assert_eq!(get(&server, "/api/v1/pods", "").await.unwrap().0, 200);
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_back_and_only_where_it_was_told() {
    let server = plain().await;
    server.set_fault(Fault::Answer { code: 429, retry_after: Some(7) }.on("list", "pods"));
    let (code, wait, status) = get(&server, "/api/v1/pods", "").await.unwrap();
    assert_eq!((code, wait.as_deref(), &status["details"]["retryAfterSeconds"]), (429, Some("7"), &json!(7)));
    assert_eq!(get(&server, "/api/v1/nodes", "").await.unwrap().0, 200);
}

#[tokio::test]
async fn a_refused_connection_is_refused_on_the_same_port_until_it_is_not() {
    let server = plain().await;
    let watching = get(&server, "/api/v1/pods?watch=true", "");
    let refusing = async {
        tokio::time::sleep(PATIENCE).await;
        server.set_fault(Fault::Refuse.everywhere());
    };
    assert!(tokio::join!(watching, refusing).0.is_err(), "an open watch is cut");
    assert!(get(&server, "/api/v1/pods", "").await.is_err());
    server.set_faults(Vec::new());
    let answered = tokio::time::timeout(Duration::from_secs(5), async {
        while get(&server, "/api/v1/pods", "").await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    answered.await.unwrap();
}

#[tokio::test]
async fn a_silent_watch_says_nothing_until_the_fault_is_over() {
    let server = plain().await;
    server.set_fault(Fault::SilentWatch.everywhere());
    let watching = get(&server, "/api/v1/pods?watch=true&resourceVersion=0&timeoutSeconds=2", "");
    let healing = async {
        server.store().put(pod("web")).unwrap();
        tokio::time::sleep(PATIENCE).await;
        server.set_faults(Vec::new());
    };
    let (code, _, line) = tokio::join!(watching, healing).0.unwrap();
    assert_eq!((code, &line["type"], &line["object"]["metadata"]["name"]), (200, &json!("ADDED"), &json!("web")));
}

#[tokio::test]
async fn callers_may_do_what_their_roles_say() {
    let role = json!({"kind": "ClusterRole", "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes"], "resourceNames": ["mine"], "verbs": ["get", "list"]},
    ]});
    let local = json!({"kind": "Role", "metadata": {"namespace": "shop"}, "rules": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]},
    ]});
    let name = "system:serviceaccount:kubewhy:kubewhy";
    let users = vec![User::admin("admin", "a"), User::with_roles(name, "k", &[role, local])];
    let server = ApiServer::start(Options { users, ..Options::default() }).await.unwrap();
    server.store().put(pod("web")).unwrap();
    let expected = [
        ("", "/api/v1/pods", 401),
        ("wrong", "/api/v1/pods", 401),
        ("a", "/api/v1/namespaces/default/events", 200),
        ("k", "/api/v1/pods", 200),
        ("k", "/api/v1/nodes", 403),
        ("k", "/api/v1/nodes?fieldSelector=metadata.name%3Dmine", 200),
        ("k", "/api/v1/namespaces/shop/pods/web", 200),
        ("k", "/api/v1/namespaces/default/pods/web", 403),
    ];
    for (token, path, code) in expected {
        assert_eq!(get(&server, path, token).await.unwrap().0, code, "{token} {path}");
    }
    let (_, _, status) = get(&server, "/api/v1/namespaces/default/events", "k").await.unwrap();
    let told = "events is forbidden: User \"system:serviceaccount:kubewhy:kubewhy\" cannot list resource \"events\" \
                in API group \"\" in the namespace \"default\"";
    assert_eq!(status["message"], told);
}

#[tokio::test]
async fn an_event_expires_an_hour_after_its_last_write() {
    let clock = Clock::starting_at("2026-08-22T10:00:00Z".parse::<Timestamp>().unwrap());
    let server = ApiServer::start(Options { clock: clock.clone(), ..Options::default() }).await.unwrap();
    let event =
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {}, "count": 1});
    server.store().put(event).unwrap();
    clock.advance(Duration::from_secs(3000));
    server.store().edit(&EVENTS, "default", "e", |event| event["count"] = json!(2)).unwrap();
    clock.advance(Duration::from_secs(3000));
    assert!(server.store().get(&EVENTS, "default", "e").is_some());
    clock.advance(Duration::from_secs(601));
    assert!(server.store().get(&EVENTS, "default", "e").is_none());
}

#[tokio::test]
async fn every_answer_is_dated_by_its_clock_which_can_be_set_and_put_right() {
    let clock = Clock::starting_at("2026-08-22T10:00:00Z".parse::<Timestamp>().unwrap());
    let server = ApiServer::start(Options { clock, ..Options::default() }).await.unwrap();
    for (ahead, time) in [(0, "10:00:"), (300, "10:05:"), (-300, "09:55:"), (0, "10:00:")] {
        server.clock().set_apart(SignedDuration::from_secs(ahead));
        for path in ["/api/v1/nodes", "/livez", "/nowhere"] {
            let dated = date_of(&server, path).await;
            assert!(dated.starts_with(&format!("Sat, 22 Aug 2026 {time}")), "{path}: {dated}");
        }
    }
}

/// By which the answer to a request says that it was made.
async fn date_of(server: &ApiServer, path: &str) -> String {
    let client: Client<HttpConnector, Full<axum::body::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = client.get(format!("{}{path}", server.url()).parse().unwrap()).await.unwrap();
    response.headers()["date"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_lab_hears_of_every_write_and_the_journal_of_every_request() {
    let server = plain().await;
    let mut changes = server.store().subscribe();
    server.store().put(pod("web")).unwrap();
    assert_eq!(changes.next().await.unwrap().key.name, "shop", "its namespace first");
    assert!(changes.next().await.unwrap().before.is_none());
    server.store().delete(&PODS, "shop", "web");
    assert!(changes.next().await.unwrap().after.is_none());
    get(&server, "/api/v1/pods", "").await.unwrap();
    let asked = server.journal().requests();
    assert_eq!((asked[0].verb.as_str(), asked[0].resource.as_str(), asked[0].code), ("list", "pods", 200));
    assert!(asked[0].bytes > 0);
}

#[tokio::test]
async fn a_history_that_is_too_short_expires_watches_and_pages() {
    let server = ApiServer::start(Options { history: 2, ..Options::default() }).await.unwrap();
    for name in ["a", "b", "c"] {
        server.store().put(pod(name)).unwrap();
    }
    let (_, _, first) = get(&server, "/api/v1/pods?limit=1", "").await.unwrap();
    let (version, mark) = (&first["metadata"]["resourceVersion"], first["metadata"]["continue"].as_str().unwrap());
    for name in ["d", "e", "f"] {
        server.store().put(pod(name)).unwrap();
    }
    let (code, _, status) = get(&server, &format!("/api/v1/pods?limit=1&continue={mark}"), "").await.unwrap();
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    let path = format!("/api/v1/pods?watch=true&resourceVersion={}", version.as_str().unwrap());
    let (code, _, line) = get(&server, &path, "").await.unwrap();
    assert_eq!((code, &line["type"], &line["object"]["code"]), (200, &json!("ERROR"), &json!(410)));
}

#[test]
fn real_schemas_refuse_unknown_fields_and_wrong_types() {
    let Some(schemas) = Schemas::from_env() else {
        println!("skipped: {FOLDER} is not set");
        return;
    };
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "creationTimestamp": null},
        "involvedObject": {"kind": "Pod"}, "count": 1, "eventTime": null});
    schemas.validate(&event).unwrap();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c",
        "livenessProbe": {"httpGet": {"port": "http"}}, "resources": {"limits": {"cpu": 1, "memory": "1Mi"}}}]}});
    schemas.validate(&pod).unwrap();
    for (field, value) in [("cuont", json!(1)), ("count", json!("1")), ("involvedObject", json!({"uuid": "x"}))] {
        let mut wrong = event.clone();
        wrong[field] = value;
        assert_eq!(schemas.validate(&wrong).unwrap_err().len(), 1, "{field}");
    }
    assert!(schemas.knows("apps/v1", "DaemonSet") && schemas.knows("rbac.authorization.k8s.io/v1", "ClusterRole"));
}
