//! Counts the requests that go to the API server: by what was asked of which kind of object and what was answered. Never
//! by a name, a namespace or a path.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::Deadline;
use crate::client::calls::Counts;

/// What the agent asks for. All else is `other`: a path is the caller's, and no label.
const RESOURCES: [&str; 13] = [
    "pods",
    "nodes",
    "nodes/status",
    "events",
    "leases",
    "persistentvolumeclaims",
    "persistentvolumes",
    "volumeattachments",
    "csidrivers",
    "csinodes",
    "resourceclaims",
    "tokenreviews",
    "subjectaccessreviews",
];
const OTHER: &str = "other";

/// One kind of request, with how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// As RBAC names it: get, list, watch, create, patch; other.
    pub verb: &'static str,
    /// As RBAC names it, with its subresource; or other.
    pub resource: &'static str,
    /// The answer's status; none where there was no answer.
    pub code: Option<u16>,
}

/// The counts; of a watch only that it was accepted.
pub type Requests = Counts<Asked>;

impl Layer<Deadline> for Requests {
    type Service = Counted;

    fn layer(&self, inner: Deadline) -> Counted {
        Counted { inner, requests: self.clone() }
    }
}

/// Counts each request once its answer is there.
pub(super) struct Counted {
    inner: Deadline,
    requests: Requests,
}

impl Service<Request<Body>> for Counted {
    type Response = <Deadline as Service<Request<Body>>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (verb, resource) = asked(request.method(), request.uri());
        let (answer, requests) = (self.inner.call(request), self.requests.clone());
        Box::pin(async move {
            let answer = answer.await;
            let code = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            requests.count(Asked { verb, resource, code });
            answer
        })
    }
}

/// Verb and resource, as RBAC names them (Kubernetes: staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go).
fn asked(method: &Method, uri: &http::Uri) -> (&'static str, &'static str) {
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
    let to_version = match parts.next() {
        Some("api") => 1,
        Some("apis") => 2,
        _ => return (OTHER, OTHER),
    };
    let mut parts: Vec<&str> = parts.skip(to_version).collect();
    if let ["namespaces", _, _, ..] = parts.as_slice() {
        parts.drain(..2);
    }
    let resource = match parts.as_slice() {
        [resource, _, subresource] => format!("{resource}/{subresource}"),
        [resource, ..] => (*resource).to_owned(),
        [] => String::new(),
    };
    let watch = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
    let verb = match *method {
        Method::GET if watch => "watch",
        Method::GET if parts.len() > 1 => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PATCH => "patch",
        _ => OTHER,
    };
    (verb, RESOURCES.into_iter().find(|known| *known == resource).unwrap_or(OTHER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::apiserver::{Dates, Heeded, client};
    use crate::clock::Clock;
    use crate::model::Time;

    #[test]
    fn a_request_is_named_as_rbac_names_it_and_never_by_what_it_is_about() {
        for (method, uri, verb, resource) in [
            (Method::GET, "/api/v1/pods?fieldSelector=spec.nodeName%3Da", "list", "pods"),
            (Method::GET, "/api/v1/pods?limit=5&watch=true", "watch", "pods"),
            (Method::GET, "/api/v1/namespaces/shop/events", "list", "events"),
            (Method::POST, "/api/v1/namespaces/shop/events", "create", "events"),
            (Method::PATCH, "/api/v1/namespaces/shop/events/cart.1", "patch", "events"),
            (Method::PATCH, "/api/v1/nodes/node-7/status", "patch", "nodes/status"),
            (Method::GET, "/apis/storage.k8s.io/v1/csinodes/node-7", "get", "csinodes"),
            (Method::POST, "/apis/authentication.k8s.io/v1/tokenreviews", "create", "tokenreviews"),
            (Method::GET, "/api/v1/namespaces/shop", "get", "other"),
            (Method::DELETE, "/api/v1/namespaces/shop/secrets/a", "other", "other"),
            (Method::GET, "/version", "other", "other"),
        ] {
            assert_eq!(asked(&method, &uri.parse().unwrap()), (verb, resource), "{uri}");
        }
    }

    #[tokio::test]
    async fn a_request_that_nobody_answers_counts_as_one() {
        let requests = Requests::default();
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        let dates = Dates::new(tokio::sync::mpsc::channel(1).0, clock);
        let heeded = Heeded { dates, requests: requests.clone() };
        let config = kube::Config::new("http://127.0.0.1:1/behind/a/proxy".parse().unwrap());
        let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
            kube::Api::namespaced(client(config, heeded).unwrap(), "shop");
        assert!(pods.get("cart").await.is_err() && pods.get("till").await.is_err());
        let get = Asked { verb: "get", resource: "pods", code: None };
        assert_eq!(requests.by_now(), [(get, 2)].into());
    }
}
