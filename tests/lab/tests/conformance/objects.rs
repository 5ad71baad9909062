//! Merge patches, versions and subresources.

use serde_json::{Value, json};

use crate::server::{Server, all};

async fn settings(server: &Server) -> Value {
    let settings =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}});
    let (code, settings) = server.send("POST", &server.path("configmaps"), &settings).await;
    assert_eq!(code, 201);
    settings
}

#[tokio::test]
async fn null_in_a_merge_patch_deletes() {
    for server in all().await {
        settings(&server).await;
        let (code, patched) = server.send("PATCH", &server.path("configmaps/c"), &json!({"data": {"a": null}})).await;
        assert_eq!((code, &patched["data"]), (200, &json!({"b": "2"})));
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_write_that_names_an_old_version_is_a_conflict() {
    for server in all().await {
        let old = settings(&server).await;
        server.send("PATCH", &server.path("configmaps/c"), &json!({"data": {"a": "3"}})).await;
        let (code, status) = server.send("PUT", &server.path("configmaps/c"), &old).await;
        assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
        let version = json!({"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "data": {"a": "4"}});
        assert_eq!(server.send("PATCH", &server.path("configmaps/c"), &version).await.0, 409);
        server.clean_up().await;
    }
}

#[tokio::test]
async fn main_and_status_leave_each_other_alone() {
    for server in all().await {
        server.bound_pod("web", "kubewhy-no-node").await;
        let patch = json!({"metadata": {"labels": {"x": "y"}}, "status": {"phase": "Failed"}});
        let (code, pod) = server.send("PATCH", &server.path("pods/web"), &patch).await;
        assert_eq!((code, &pod["status"]["phase"]), (200, &json!("Pending")));
        let (code, pod) =
            server.send("PATCH", &server.path("pods/web/status"), &json!({"status": {"message": "m"}})).await;
        assert_eq!((code, &pod["status"]["message"], &pod["metadata"]["labels"]["x"]), (200, &json!("m"), &json!("y")));
        server.clean_up().await;
    }
}

#[tokio::test]
async fn a_lease_is_replaced_only_by_one_who_names_its_version() {
    for server in all().await {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", server.namespace);
        let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
            "spec": {"holderIdentity": "a"}});
        let (code, held) = server.send("POST", &path, &lease).await;
        assert_eq!(code, 201);
        assert_eq!(server.send("PUT", &format!("{path}/l"), &lease).await.0, 422);
        assert_eq!(server.send("PUT", &format!("{path}/l"), &held).await.0, 200);
        server.clean_up().await;
    }
}
