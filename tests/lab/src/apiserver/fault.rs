//! Ways to break the double while it runs, for everything or for one verb and resource.

use super::access;
use super::call::Call;
use super::refusal::Refusal;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens, and open connections are cut. Always for everything.
    Refuse,
    /// Answers with this error.
    Answer {
        /// 401, 403, 429, 500 or 503; any other is answered without a reason.
        code: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// Takes the request and answers only once the fault is over.
    Hang,
    /// Promises an answer and cuts the connection in its middle.
    Reset,
    /// Watches stay open and say nothing: running ones too.
    SilentWatch,
    /// Answers 200 with bytes that are no JSON.
    Garbage,
}

/// A fault and what it is restricted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What goes wrong.
    pub fault: Fault,
    /// Only this verb.
    pub verb: Option<String>,
    /// Only this resource (`pods`, `pods/status`).
    pub resource: Option<String>,
}

impl Fault {
    /// This fault for every request.
    #[must_use]
    pub fn everywhere(self) -> Broken {
        Broken { fault: self, verb: None, resource: None }
    }

    /// This fault for one verb on one resource.
    #[must_use]
    pub fn on(self, verb: &str, resource: &str) -> Broken {
        Broken { fault: self, verb: Some(verb.to_owned()), resource: Some(resource.to_owned()) }
    }
}

impl Broken {
    /// Whether a request meets this fault.
    #[must_use]
    pub fn hits(&self, call: &Call) -> bool {
        let named = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        named(&self.verb, call.verb)
            && named(&self.resource, &call.resource_path())
            && (self.fault != Fault::SilentWatch || call.verb == "watch")
    }
}

/// The error answer a fault gives for a call.
pub(super) fn refusal(code: u16, retry_after: Option<u32>, call: &Call) -> Refusal {
    let refusal = match code {
        401 => Refusal::unauthorized(),
        403 => access::denied("somebody", call),
        429 => Refusal::new(429, "TooManyRequests", "Too many requests, please try again later."),
        500 => Refusal::new(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
        503 => Refusal::new(503, "ServiceUnavailable", "apiserver not ready"),
        _ => Refusal::new(code, "", "the double was told to answer so"),
    };
    Refusal { retry_after, ..refusal }
}
