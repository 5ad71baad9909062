//! A client that is made anew from its files: now and then, and after it was refused or could not connect. The kube crate
//! reads a service account's token and CA again by itself, by the host's clock; all else that a kubeconfig names, such as a
//! client certificate that the kubelet renews, it reads once.
//!
//! Watches that run go on over the connection they have. A file or a plugin that hangs holds up nobody for long, and is not asked
//! again before it has answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::Service;

use super::apiserver::{Access, AccessError, Heeded, connect_once};
use crate::clock::Clock;
use crate::model::{Time, since};

/// What is accepted is read again after so long.
const RENEW: Duration = Duration::from_secs(600);
/// What is doubted is read again at once, but no more often than this.
const AT_LEAST: Duration = Duration::from_secs(5);
/// So long a request waits for files to be read and a credential plugin to run; then it goes with what there is.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes a client that stays good when its files change. Nothing is sent yet.
///
/// # Errors
///
/// Where address or credentials are missing or malformed, or can't be read in 15 s; never because the API server is away.
pub async fn connect(access: &Access, heeded: Heeded, clock: Clock) -> Result<Client, AccessError> {
    let client = timeout(PATIENCE, made(access.clone(), heeded.clone())).await.unwrap_or_else(|_| Err(slow()))?;
    let current = Current { client, made: clock.now(), making: false, doubted: false, unreadable: false };
    let access = access.clone();
    Ok(Client::new(Renewing { access, heeded, clock, current: Arc::new(Mutex::new(current)) }, "default"))
}

#[derive(Clone)]
struct Renewing {
    access: Access,
    heeded: Heeded,
    clock: Clock,
    current: Arc<Mutex<Current>>,
}

struct Current {
    client: Client,
    made: Time,
    making: bool,
    doubted: bool,
    unreadable: bool,
}

impl Service<Request<Body>> for Renewing {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = kube::Result<Response<Body>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<kube::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let client = this.client().await;
            let answer = client.send(request).await;
            let doubtful = answer.as_ref().map_or(true, |answer| answer.status() == StatusCode::UNAUTHORIZED);
            if doubtful {
                this.current.lock().await.doubted = true;
            }
            answer
        })
    }
}

impl Renewing {
    async fn client(&self) -> Client {
        if self.is_due().await && timeout(PATIENCE, tokio::spawn(self.clone().renew())).await.is_err() {
            self.current.lock().await.keep(&slow());
        }
        self.current.lock().await.client.clone()
    }

    /// Whether this request is the one that makes a new client.
    async fn is_due(&self) -> bool {
        let mut current = self.current.lock().await;
        let age = since(current.made, self.clock.now());
        let due = !current.making && (age >= RENEW || (current.doubted && age >= AT_LEAST));
        if due {
            (current.making, current.made) = (true, self.clock.now());
        }
        due
    }

    async fn renew(self) {
        let made = made(self.access, self.heeded).await;
        let mut current = self.current.lock().await;
        current.making = false;
        match made {
            Ok(client) => current.take(client),
            Err(error) => current.keep(&error),
        }
    }
}

/// Files are read, and a credential plugin may run: not where others wait for their turn.
async fn made(access: Access, heeded: Heeded) -> Result<Client, AccessError> {
    let runtime = tokio::runtime::Handle::current();
    let made = tokio::task::spawn_blocking(move || runtime.block_on(connect_once(&access, heeded))).await;
    made.unwrap_or_else(|error| Err(AccessError::Unusable(error.to_string())))
}

fn slow() -> AccessError {
    AccessError::Unusable(format!("a file or a credential plugin did not answer in {} s", PATIENCE.as_secs()))
}

impl Current {
    fn take(&mut self, client: Client) {
        self.client = client;
        self.doubted = false;
        self.unreadable = false;
    }

    /// What can't be read just now, because it is being replaced, is read the next time.
    fn keep(&mut self, error: &AccessError) {
        if !std::mem::replace(&mut self.unreadable, true) {
            tracing::warn!(%error, "the credentials cannot be read again; those of before are used");
        }
    }
}

#[cfg(test)]
mod tests;
