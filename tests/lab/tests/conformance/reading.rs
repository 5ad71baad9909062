//! Lists, pages, watches, bookmarks and versions that are too old.

use serde_json::json;

use crate::server::{all, names, told};

#[tokio::test]
async fn pods_are_listed_and_watched_by_their_node() {
    for server in all().await {
        let node = format!("node-{}", server.namespace);
        server.bound_pod("here", &node).await;
        server.bound_pod("there", "kubewhy-no-node").await;
        let path = format!("/api/v1/pods?fieldSelector=spec.nodeName={node}");
        let (code, list) = server.get(&path).await;
        assert_eq!((code, names(&list)), (200, vec!["here"]));
        let version = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        server.bound_pod("also-there", "kubewhy-no-node").await;
        server.bound_pod("also-here", &node).await;
        server.send("PATCH", &server.path("pods/here"), &json!({"metadata": {"labels": {"a": "b"}}})).await;
        server.send("DELETE", &server.path("pods/also-here?gracePeriodSeconds=0"), &json!(null)).await;
        let lines = server.watch(&format!("{path}&watch=true&timeoutSeconds=1&resourceVersion={version}")).await;
        let told = told(&lines);
        assert_eq!(told.first(), Some(&("ADDED", "also-here")));
        assert!(told.contains(&("MODIFIED", "here")) && told.contains(&("DELETED", "also-here")), "{told:?}");
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_watch_ends_with_a_bookmark_that_leads_past_what_it_did_not_show() {
    for server in all().await {
        let (_, list) = server.get(&server.path("pods")).await;
        let version = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let query = "watch=true&allowWatchBookmarks=true&timeoutSeconds=3&fieldSelector=spec.nodeName=nowhere";
        let lines = server.watch(&server.path(&format!("pods?{query}&resourceVersion={version}"))).await;
        let bookmark = lines.last().unwrap();
        assert_eq!((&bookmark["type"], &bookmark["object"]["kind"]), (&json!("BOOKMARK"), &json!("Pod")));
        assert!(bookmark["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
        server.clean_up().await;
    }
}

/// A real server that was started moments ago still knows version 1, and has nothing to tell since.
#[tokio::test]
async fn an_ancient_version_is_expired_inside_the_watch() {
    for server in all().await {
        let lines = server.watch(&server.path("pods?watch=true&timeoutSeconds=2&resourceVersion=1")).await;
        if server.double.is_none() && lines.is_empty() {
            server.clean_up().await;
            continue;
        }
        assert_eq!((&lines[0]["type"], &lines[0]["object"]["code"]), (&json!("ERROR"), &json!(410)));
        assert_eq!(lines[0]["object"]["reason"], "Expired");
        server.clean_up().await;
    }
}

#[tokio::test]
async fn pages_show_the_state_of_the_first_page() {
    for server in all().await {
        for name in ["a", "b", "c"] {
            server.bound_pod(name, "kubewhy-no-node").await;
        }
        let (_, first) = server.get(&server.path("pods?limit=2")).await;
        assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(1)));
        server.bound_pod("d", "kubewhy-no-node").await;
        let mark = first["metadata"]["continue"].as_str().unwrap();
        let (_, second) = server.get(&server.path(&format!("pods?limit=2&continue={mark}"))).await;
        assert_eq!(names(&second), ["c"]);
        assert!(second["metadata"]["continue"].as_str().unwrap_or_default().is_empty());
        server.clean_up().await;
    }
}

#[tokio::test]
async fn labels_select() {
    for server in all().await {
        server.bound_pod("a", "kubewhy-no-node").await;
        server.bound_pod("b", "kubewhy-no-node").await;
        let (_, list) = server.get(&server.path("pods?labelSelector=app=b")).await;
        assert_eq!(names(&list), ["b"]);
        let (_, list) = server.get(&server.path("pods?labelSelector=app!=b")).await;
        assert_eq!(names(&list), ["a"]);
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_streamed_list_ends_with_its_bookmark() {
    for server in all().await {
        server.bound_pod("a", "kubewhy-no-node").await;
        let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let lines = server.watch(&server.path(&format!("pods?{query}&timeoutSeconds=1"))).await;
        assert_eq!(told(&lines), [("ADDED", "a")]);
        let end = &lines[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"];
        assert_eq!(end, "true");
        server.clean_up().await;
    }
}

/// The double alone counts who read Events: each read costs a real API server a whole namespace.
#[tokio::test]
async fn reads_of_events_are_counted() {
    for server in all().await {
        server.get(&server.path("events")).await;
        if let Some(double) = &server.double {
            assert_eq!(double.journal().event_reads(), 1);
        }
        server.clean_up().await;
    }
}
