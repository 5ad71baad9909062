//! Who may read the metrics, where that is asked: whoever the API server lets `get` the path `/metrics`. It is asked by
//! TokenReview and SubjectAccessReview, and its word holds for a minute. Where it can't be asked, nobody is let in. A token is
//! neither kept nor logged.

mod review;
mod verdicts;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::client::apiserver::words;
use crate::clock::Clock;
use verdicts::{Known, Verdicts};

/// From a request to its answer: shorter than Prometheus waits.
const DEADLINE: Duration = Duration::from_secs(5);
/// So many tokens are asked about at the same time.
const AT_ONCE: usize = 2;
/// Longer ones are none.
const TOKEN_BYTES: usize = 16 << 10;

/// What the API server says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It is nobody's.
    Nobody,
    /// Its owner may not.
    Forbidden,
    /// Its owner may.
    Allowed,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Without a token that anybody has.
    Unauthorized,
    /// With a token whose owner may not.
    Forbidden,
    /// Too many unknown tokens in a minute.
    TooMany,
    /// The API server did not say.
    NotSaid,
}

impl Refusal {
    /// As HTTP says it.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "a bearer token of this cluster is wanted\n"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "the right to get the non-resource URL /metrics is wanted\n"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many unknown tokens; try again in a minute\n"),
            Self::NotSaid => {
                (StatusCode::SERVICE_UNAVAILABLE, "the API server does not say whether you may; the log says why\n")
            }
        }
    }
}

/// Stands before the metrics.
pub struct Guard {
    client: kube::Client,
    clock: Clock,
    verdicts: Mutex<Verdicts>,
    asking: Semaphore,
    failing: AtomicBool,
}

impl Guard {
    /// Asks with this client.
    #[must_use]
    pub fn new(client: kube::Client, clock: Clock) -> Self {
        let verdicts = Mutex::new(Verdicts::new(clock.now()));
        Self { client, clock, verdicts, asking: Semaphore::new(AT_ONCE), failing: AtomicBool::new(false) }
    }

    /// Whether who sends these headers may read the metrics.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unauthorized)?;
        match self.verdict(token).await? {
            Verdict::Allowed => Ok(()),
            Verdict::Forbidden => Err(Refusal::Forbidden),
            Verdict::Nobody => Err(Refusal::Unauthorized),
        }
    }

    async fn verdict(&self, token: &str) -> Result<Verdict, Refusal> {
        let whose = Sha256::digest(token).into();
        match self.verdicts().of(&whose, self.clock.now()) {
            Known::Said(verdict) => return Ok(verdict),
            Known::TooMany => return Err(Refusal::TooMany),
            Known::Unknown => {}
        }
        let asked = tokio::time::timeout(DEADLINE, async {
            let _turn = self.asking.acquire().await;
            review::ask(&self.client, token).await
        });
        let said = asked.await.unwrap_or_else(|_| Err(review::Failure::Late));
        self.note(said.as_ref().err());
        let verdict = said.map_err(|_| Refusal::NotSaid)?;
        self.verdicts().keep(whose, verdict, self.clock.now());
        Ok(verdict)
    }

    /// Once per change.
    fn note(&self, failure: Option<&review::Failure>) {
        let failed = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        if let Some(failure) = failure.filter(|_| !failed) {
            let error = match failure {
                review::Failure::Api(error) => words(error),
                other => other.to_string(),
            };
            tracing::warn!(error, "the API server does not say who may read the metrics; nobody new is let in");
        } else if failed && failure.is_none() {
            tracing::info!("the API server says again who may read the metrics");
        }
    }

    fn verdicts(&self) -> MutexGuard<'_, Verdicts> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of these headers (RFC 6750; the scheme is of any case).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_BYTES).then_some(token)
}

#[cfg(test)]
mod tests;
