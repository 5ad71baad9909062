//! What comes of one call to the runtime: its answer or its failure, and how long it took. Failures are put into words
//! here, without secrets and in the form in which Go prints them, since that is what the catalogue of causes knows.

use std::path::Path;
use std::time::Duration;

use tonic::{Code, Status};

use crate::model::redact::redact;
use crate::model::runtime::{CallFailure, CallOutcome, FailureKind, Method};
use crate::model::wording;

/// The longest error text that is kept, in bytes: a runtime may quote a whole HTML page of a proxy.
const TEXT_LIMIT: usize = 4_096;

/// One call to the runtime that has ended. Not `Debug`: answers may carry what nobody should print, such as the
/// credentials in the configuration that `Status` returns.
pub struct Call<T> {
    /// The method that was called, or [`Method::Connect`] or [`Method::Version`] where it did not come to that.
    pub method: Method,
    /// How long it took, connecting included.
    pub took: Duration,
    /// The answer.
    pub result: Result<T, CallFailure>,
}

impl<T> Call<T> {
    /// The call without its answer, to be observed.
    #[must_use]
    pub fn outcome(&self) -> CallOutcome {
        CallOutcome { method: self.method, took: self.took, failure: self.result.as_ref().err().cloned() }
    }
}

/// The failure that an answered error is.
#[must_use]
pub fn answered(socket: &Path, status: &Status) -> CallFailure {
    failure(FailureKind::Answered, socket, &as_go_prints(status))
}

/// The failure of a call whose deadline has passed.
#[must_use]
pub fn timed_out(socket: &Path, what: &str, deadline: Duration) -> CallFailure {
    let text = format!("no answer to {what} from {} within {:.1} s", socket.display(), deadline.as_secs_f64());
    failure(FailureKind::TimedOut, socket, &text)
}

/// The failure of a call whose connection broke under it.
#[must_use]
pub fn broken(socket: &Path, status: &Status) -> CallFailure {
    let text = format!("the connection to {} broke: {}", socket.display(), innermost(status));
    failure(FailureKind::Broken, socket, &text)
}

/// A failure with its text bounded and free of secrets.
#[must_use]
pub fn failure(kind: FailureKind, socket: &Path, text: &str) -> CallFailure {
    CallFailure { kind, socket: socket.to_owned(), text: wording::cut_middle(&redact(text), TEXT_LIMIT) }
}

/// Whether the error was made on this side because the connection broke: an answered one has no source. (tonic's clients
/// lose the source where the channel's worker is gone.)
#[must_use]
pub fn is_broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some() || status.message().starts_with("Service was not ready")
}

/// `rpc error: code = NotFound desc = …`, as grpc-go formats an error and the kubelet quotes it.
#[must_use]
pub fn as_go_prints(status: &Status) -> String {
    format!("rpc error: code = {} desc = {}", go_name(status.code()), status.message())
}

fn innermost(status: &Status) -> String {
    let mut error: &dyn std::error::Error = status;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The code's name in Go (grpc-go: codes/code_string.go).
fn go_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answered_error_reads_as_the_kubelet_prints_it() {
        let status = Status::not_found("failed to pull and unpack image \"x:1\": not found");
        let failure = answered(Path::new("/s"), &status);
        assert_eq!(
            failure.text,
            "rpc error: code = NotFound desc = failed to pull and unpack image \"x:1\": not found"
        );
        assert_eq!(failure.kind, FailureKind::Answered);
    }

    #[test]
    fn an_error_keeps_neither_secrets_nor_megabytes() {
        let status = Status::unknown(format!("Get https://u:hunter2@r/v2?sig=abc {}", "x".repeat(1 << 20)));
        let text = answered(Path::new("/s"), &status).text;
        assert!(!text.contains("hunter2") && !text.contains("sig=abc") && text.len() <= TEXT_LIMIT, "{text}");
    }
}
