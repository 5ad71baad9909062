//! Writes one Event to the API server: creates it, or patches it if it is there. Says what came of it and never retries
//! a failure. Needs the verbs `create` and `patch` on `events`, nothing to read.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, StatusCode};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Patch, PatchParams, PostParams};
use kube::client::Body;
use serde::de::IgnoredAny;

use super::event;
use crate::model::wording;

/// A server may not silence this agent for longer with `Retry-After`.
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(300);
const TEXT_LIMIT: usize = 256;

/// What came of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The Event is there and tells this notice.
    Written,
    /// Nobody can be told: the namespace is gone or going.
    Nobody,
    /// The API server can't be reached, does not answer in time, or is overloaded.
    Away {
        /// What it said.
        text: String,
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// The credentials are not accepted (401), or the verb on events is not allowed (403).
    Refused {
        /// 401 or 403.
        status: u16,
        /// `create` or `patch`.
        verb: &'static str,
        /// What it said.
        text: String,
    },
    /// It found the Event faulty: a fault of this agent or of an admission policy. Another try would not mend it.
    Faulty(String),
}

/// The API server as a place for Events.
#[derive(Clone)]
pub struct ApiServer {
    client: kube::Client,
    deadline: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    Patch,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Patch => "patch",
        }
    }
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Status,
}

impl ApiServer {
    /// `deadline` bounds each request with its whole answer. The client must not retry by itself.
    #[must_use]
    pub fn new(client: kube::Client, deadline: Duration) -> Self {
        Self { client, deadline }
    }

    /// Writes it. `anew`: it is thought not to be there yet; that only saves a request.
    pub async fn write(&self, event: &Event, anew: bool) -> Outcome {
        let first = if anew { Verb::Create } else { Verb::Patch };
        match self.attempt(first, event).await {
            Err(away) => away,
            Ok(answer) => match other_verb(first, &answer) {
                Some(second) => self.attempt(second, event).await.map_or_else(|away| away, |a| judge(second, a)),
                None => judge(first, answer),
            },
        }
    }

    async fn attempt(&self, verb: Verb, event: &Event) -> Result<Answer, Outcome> {
        let request = request(verb, event)?;
        match tokio::time::timeout(self.deadline, self.exchange(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(away(&error.to_string())),
            Err(_) => Err(away(&format!("no answer within {}", wording::span(self.deadline)))),
        }
    }

    async fn exchange(&self, request: Request<Body>) -> kube::Result<Answer> {
        let (head, body) = self.client.send(request).await?.into_parts();
        let bytes = body.collect_bytes().await?;
        let body = if head.status.is_success() {
            // What is no object was said by something in between, and nothing was written.
            serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&bytes).map_err(kube::Error::SerdeError)?;
            Status::default()
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| plain(&String::from_utf8_lossy(&bytes)))
        };
        let retry_after = retry_after(&head.headers, &body);
        Ok(Answer { status: head.status, retry_after, body })
    }
}

fn request(verb: Verb, event: &Event) -> Result<Request<Body>, Outcome> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let events = kube::core::Request::new(format!("/api/v1/namespaces/{namespace}/events"));
    let built = match verb {
        Verb::Create => serde_json::to_vec(event)
            .map_err(kube::core::request::Error::SerializeBody)
            .and_then(|body| events.create(&PostParams::default(), body)),
        Verb::Patch => events.patch(name, &PatchParams::default(), &Patch::Merge(event::refresh(event))),
    };
    Ok(built.map_err(|error| Outcome::Faulty(error.to_string()))?.map(Body::from))
}

/// There though thought missing, or missing though thought there: then the other verb does it.
fn other_verb(verb: Verb, answer: &Answer) -> Option<Verb> {
    match (verb, answer.status) {
        (Verb::Create, StatusCode::CONFLICT) => Some(Verb::Patch),
        (Verb::Patch, StatusCode::NOT_FOUND) => Some(Verb::Create),
        _ => None,
    }
}

fn judge(verb: Verb, answer: Answer) -> Outcome {
    let text = wording::cut(&wording::one_line(answer.body.message.as_deref().unwrap_or_default()), TEXT_LIMIT);
    match answer.status {
        status if status.is_success() => Outcome::Written,
        StatusCode::FORBIDDEN if is_terminating(&answer.body) => Outcome::Nobody,
        StatusCode::NOT_FOUND if verb == Verb::Create => Outcome::Nobody,
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Outcome::Refused { status: status.as_u16(), verb: verb.as_str(), text }
        }
        StatusCode::BAD_REQUEST
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Faulty(text),
        status => Outcome::Away { text: format!("{status} {text}"), retry_after: answer.retry_after },
    }
}

/// A namespace on its way out refuses new objects with this cause
/// (Kubernetes: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go).
fn is_terminating(status: &Status) -> bool {
    let causes = status.details.as_ref().and_then(|details| details.causes.as_deref()).unwrap_or_default();
    causes.iter().any(|cause| cause.reason.as_deref() == Some("NamespaceTerminating"))
}

/// From the header (priority and fairness answers in plain text) or the Status.
fn retry_after(headers: &HeaderMap, status: &Status) -> Option<Duration> {
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let told = status.details.as_ref().and_then(|details| u64::try_from(details.retry_after_seconds?).ok());
    header.or(told).filter(|seconds| *seconds > 0).map(Duration::from_secs).map(|wait| wait.min(RETRY_AFTER_AT_MOST))
}

fn plain(text: &str) -> Status {
    Status { message: Some(text.to_owned()), ..Status::default() }
}

fn away(text: &str) -> Outcome {
    Outcome::Away { text: wording::cut(&wording::one_line(text), TEXT_LIMIT), retry_after: None }
}

#[cfg(test)]
mod tests;
