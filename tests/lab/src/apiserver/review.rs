//! What the double says of its callers to one who may ask: whose a token is (TokenReview), and whether somebody may get a path
//! that is no resource's (SubjectAccessReview). Nothing of it is kept. (Kubernetes: pkg/registry/authentication/tokenreview,
//! pkg/registry/authorization/subjectaccessreview.)

use serde_json::{Value, json};

use super::access::User;
use super::resources::{ACCESS_REVIEWS, Resource, TOKEN_REVIEWS};

/// The review with its verdict; `None` where the resource is no review.
pub(super) fn answer(resource: &Resource, users: &[User], review: &Value) -> Option<Value> {
    let spec = &review["spec"];
    let status = match resource.plural {
        plural if plural == TOKEN_REVIEWS.plural => whose(users, spec["token"].as_str().unwrap_or_default()),
        plural if plural == ACCESS_REVIEWS.plural => json!({ "allowed": may(users, spec) }),
        _ => return None,
    };
    Some(json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "spec": spec, "status": status}))
}

fn whose(users: &[User], token: &str) -> Value {
    match users.iter().find(|user| !token.is_empty() && user.token == token) {
        Some(user) => {
            json!({"authenticated": true, "user": {"username": user.name, "groups": ["system:authenticated"]}})
        }
        None => json!({"user": {}, "error": "invalid bearer token"}),
    }
}

fn may(users: &[User], spec: &Value) -> bool {
    let text = |field: &str| spec["nonResourceAttributes"][field].as_str().unwrap_or_default();
    let user = users.iter().find(|user| spec["user"] == user.name.as_str());
    user.is_some_and(|user| user.may_call(text("verb"), text("path")))
}
