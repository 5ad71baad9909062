//! Two questions to the API server: whose token is this, and may they? As kube-rbac-proxy asks them (Kubernetes:
//! authentication.k8s.io/v1, authorization.k8s.io/v1). Needs the right to create both reviews.

use http::{Request, header};
use serde_json::{Value, json};

use super::Verdict;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The API server refuses, or is away. The request held a token; what is told of this goes through
    /// [`words`](crate::client::apiserver::words).
    #[error("the API server does not take the question")]
    Api(#[from] kube::Error),
    /// Its answer is none. It may quote the token, so it is withheld.
    #[error("the API server's answer is no review")]
    Strange,
    /// It took too long.
    #[error("no answer within {} s", super::DEADLINE.as_secs())]
    Late,
}

/// Asks both. The answer to the first names the user of the second.
pub(super) async fn ask(client: &kube::Client, token: &str) -> Result<Verdict, Failure> {
    let is = post(client, ("authentication.k8s.io", "TokenReview", "tokenreviews"), json!({ "token": token })).await?;
    if is["authenticated"] != true {
        return Ok(Verdict::Nobody);
    }
    let user = &is["user"];
    let spec = json!({
        "user": user["username"],
        "uid": user["uid"],
        "groups": user["groups"],
        "extra": user["extra"],
        "nonResourceAttributes": { "path": "/metrics", "verb": "get" },
    });
    let may = post(client, ("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews"), spec).await?;
    let allowed = may["allowed"] == true && may["denied"] != true;
    Ok(if allowed { Verdict::Allowed } else { Verdict::Forbidden })
}

/// Creates a review and returns its status.
async fn post(
    client: &kube::Client,
    (group, kind, resource): (&str, &str, &str),
    spec: Value,
) -> Result<Value, Failure> {
    let review = json!({ "apiVersion": format!("{group}/v1"), "kind": kind, "spec": spec });
    let request = Request::post(format!("/apis/{group}/v1/{resource}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(review.to_string().into_bytes())
        .map_err(|_| Failure::Strange)?;
    let answer = client.request_text(request).await?;
    let mut answer: Value = serde_json::from_str(&answer).map_err(|_| Failure::Strange)?;
    match answer["status"].take() {
        status @ Value::Object(_) => Ok(status),
        _ => Err(Failure::Strange),
    }
}
