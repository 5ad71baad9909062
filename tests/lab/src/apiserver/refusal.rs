//! What the API server answers when it does not do what was asked: a code and a `Status` object, worded as the real one
//! words it.

use serde_json::{Value, json};

use super::resources::Resource;

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// `reason` of the Status object.
    pub reason: &'static str,
    /// `message` of the Status object.
    pub message: String,
    /// `details` of the Status object.
    pub details: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

/// One field that did not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// `FieldValueRequired` or `FieldValueInvalid`.
    pub reason: &'static str,
    /// Path of the field.
    pub field: &'static str,
    /// What is wrong, without the path.
    pub message: String,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null, retry_after: None }
    }

    /// 400: the request makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401: no token, or one nobody knows.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 404 for a path nobody serves.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// 404 for one object.
    #[must_use]
    pub fn not_found(resource: &Resource, name: &str) -> Self {
        Self::about(resource, name, 404, "NotFound", format!("{} \"{name}\" not found", resource.qualified()))
    }

    /// 409: the name is taken.
    #[must_use]
    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::about(resource, name, 409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.qualified()))
    }

    /// 409: somebody else wrote in between.
    #[must_use]
    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::about(resource, name, 409, "Conflict", message)
    }

    /// 403: with a cause, if there is one.
    #[must_use]
    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let object = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!("{}{object} is forbidden: {why}", resource.qualified());
        Self::about(resource, name, 403, "Forbidden", message)
    }

    /// 410: that version is no longer kept.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 422: the faults of an object, all at once.
    #[must_use]
    pub fn invalid(resource: &Resource, name: &str, faults: &[Invalid]) -> Self {
        let each: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        let told = if let [one] = each.as_slice() { one.clone() } else { format!("[{}]", each.join(", ")) };
        let message = format!("{} \"{name}\" is invalid: {told}", resource.kind);
        let causes: Vec<Value> = faults
            .iter()
            .map(|fault| json!({"reason": fault.reason, "message": fault.message, "field": fault.field}))
            .collect();
        let details = json!({"name": name, "group": resource.group, "kind": resource.kind, "causes": causes});
        Self { details, ..Self::new(422, "Invalid", message) }
    }

    fn about(resource: &Resource, name: &str, code: u16, reason: &'static str, message: String) -> Self {
        let details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        Self { details, ..Self::new(code, reason, message) }
    }

    /// The same with a cause of the kind that clients look for in `details.causes`.
    #[must_use]
    pub fn with_cause(mut self, reason: &str, message: &str) -> Self {
        if self.details.is_null() {
            self.details = json!({});
        }
        self.details["causes"] = json!([{"reason": reason, "message": message}]);
        self
    }

    /// The `Status` object.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        if let Some(seconds) = self.retry_after {
            status["details"]["retryAfterSeconds"] = json!(seconds);
        }
        status
    }
}
