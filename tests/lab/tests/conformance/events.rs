//! Events of the core group: create, repeat by patch, the rules, the selectors.

use serde_json::{Value, json};

use crate::server::{all, names};

#[tokio::test]
async fn an_event_is_created_once_and_repeated_by_patch() {
    for server in all().await {
        let event = server.event("web.1");
        let (code, created) = server.send("POST", &server.path("events"), &event).await;
        assert_eq!(code, 201);
        assert!(created["metadata"]["uid"].is_string() && created["metadata"]["creationTimestamp"].is_string());
        let (code, status) = server.send("POST", &server.path("events"), &event).await;
        assert_eq!((code, &status["reason"]), (409, &json!("AlreadyExists")));
        let again = json!({"count": 2, "lastTimestamp": "2026-08-22T10:05:00Z"});
        let (code, repeated) = server.send("PATCH", &server.path("events/web.1"), &again).await;
        assert_eq!((code, &repeated["count"], &repeated["reason"]), (200, &json!(2), &event["reason"]));
        assert_ne!(repeated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
        let (_, unchanged) = server.send("PATCH", &server.path("events/web.1"), &again).await;
        assert_eq!(unchanged["metadata"]["resourceVersion"], repeated["metadata"]["resourceVersion"]);
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_patch_of_an_event_that_expired_is_not_found() {
    for server in all().await {
        let (code, status) = server.send("PATCH", &server.path("events/gone.1"), &json!({"count": 2})).await;
        assert_eq!((code, &status["reason"], &status["kind"]), (404, &json!("NotFound"), &json!("Status")));
        assert_eq!(status["message"], "events \"gone.1\" not found");
        server.clean_up().await;
    }
}

#[tokio::test]
async fn an_update_to_a_new_name_creates_the_event() {
    for server in all().await {
        assert_eq!(server.send("PUT", &server.path("events/web.9"), &server.event("web.9")).await.0, 201);
        assert_eq!(server.send("PUT", &server.path("events/web.9"), &server.event("web.9")).await.0, 200);
        server.clean_up().await;
    }
}

#[tokio::test]
async fn an_event_must_live_with_its_object() {
    for server in all().await {
        let mut elsewhere = server.event("web.1");
        elsewhere["involvedObject"]["namespace"] = json!("default");
        let (code, status) = server.send("POST", &server.path("events"), &elsewhere).await;
        assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
        assert_eq!(status["details"]["causes"][0]["field"], "involvedObject.namespace");
        elsewhere["involvedObject"]["namespace"] = json!("");
        assert_eq!(
            server.send("POST", &server.path("events"), &elsewhere).await.0,
            422,
            "a node's Event goes to default"
        );
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_message_is_bounded_only_with_an_event_time() {
    for server in all().await {
        let mut event = server.event("web.long");
        event["message"] = json!("x".repeat(1025));
        assert_eq!(server.send("POST", &server.path("events"), &event).await.0, 201);
        event["metadata"]["name"] = json!("web.strict");
        event["eventTime"] = json!("2026-08-22T10:00:00.000000Z");
        let (code, status) = server.send("POST", &server.path("events"), &event).await;
        let fields: Vec<&Value> =
            status["details"]["causes"].as_array().unwrap().iter().map(|cause| &cause["field"]).collect();
        assert_eq!((code, fields), (422, vec![&json!("reportingInstance"), &json!("action"), &json!("message")]));
        server.clean_up().await;
    }
}

#[tokio::test]
async fn events_are_found_by_their_object_and_source_in_the_order_of_names() {
    for server in all().await {
        for name in ["web.b", "web.a"] {
            assert_eq!(server.send("POST", &server.path("events"), &server.event(name)).await.0, 201);
        }
        let mut other = server.event("other.1");
        other["involvedObject"]["name"] = json!("other");
        other["involvedObject"]["uid"] = json!("u-2");
        server.send("POST", &server.path("events"), &other).await;
        let object = format!(
            "involvedObject.kind=Pod,involvedObject.name=web,involvedObject.uid=u-1,involvedObject.namespace={}",
            server.namespace
        );
        for terms in [object.as_str(), "involvedObject.uid=u-1,type=Warning,source=kubewhy,reason=ImagePullStalled"] {
            let (code, list) = server.get(&server.path(&format!("events?fieldSelector={terms}"))).await;
            assert_eq!((code, names(&list)), (200, vec!["web.a", "web.b"]), "{terms}");
        }
        let (code, status) = server.get(&server.path("events?fieldSelector=message=x")).await;
        assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")));
        server.clean_up().await;
    }
}

#[tokio::test]
async fn an_event_without_a_namespace_of_its_own_is_not_found() {
    for server in all().await {
        let mut event = server.event("web.1");
        event["metadata"]["namespace"] = json!("kubewhy-nowhere");
        event["involvedObject"]["namespace"] = json!("kubewhy-nowhere");
        let (code, status) = server.send("POST", "/api/v1/namespaces/kubewhy-nowhere/events", &event).await;
        assert_eq!((code, &status["message"]), (404, &json!("namespaces \"kubewhy-nowhere\" not found")));
        server.clean_up().await;
    }
}
