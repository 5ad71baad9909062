//! A client that is made anew from its files: now and then, and after it was refused or could not connect. The kube crate
//! reads a service account's token and CA again by itself, by the host's clock; all else that a kubeconfig names, such as a
//! client certificate that the kubelet renews, it reads once.
//!
//! Watches that run go on over the connection they have.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tokio::sync::Mutex;
use tower::Service;

use super::apiserver::{Access, AccessError, Heeded, connect_once};
use crate::clock::Clock;
use crate::model::{Time, since};

/// What is accepted is read again after so long.
const RENEW: Duration = Duration::from_secs(600);
/// What is doubted is read again at once, but no more often than this.
const AT_LEAST: Duration = Duration::from_secs(5);

/// Makes a client that stays good when its files change. Nothing is sent yet.
///
/// # Errors
///
/// Where address or credentials are missing or malformed; never because the API server is away.
pub async fn connect(access: &Access, heeded: Heeded, clock: Clock) -> Result<Client, AccessError> {
    let client = connect_once(access, heeded.clone()).await?;
    let current = Current { client, made: clock.now(), doubted: false, unreadable: false };
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
        let mut current = self.current.lock().await;
        let age = since(current.made, self.clock.now());
        if age >= RENEW || (current.doubted && age >= AT_LEAST) {
            current.made = self.clock.now();
            current.take(self.made_anew().await);
        }
        current.client.clone()
    }

    /// Files are read, and a credential plugin may run: not where others wait for their turn.
    async fn made_anew(&self) -> Result<Client, AccessError> {
        let (access, heeded, runtime) = (self.access.clone(), self.heeded.clone(), tokio::runtime::Handle::current());
        let made = tokio::task::spawn_blocking(move || runtime.block_on(connect_once(&access, heeded))).await;
        made.unwrap_or_else(|error| Err(AccessError::Unusable(error.to_string())))
    }
}

impl Current {
    /// What can't be read just now, because it is being replaced, is read the next time.
    fn take(&mut self, made: Result<Client, AccessError>) {
        match made {
            Ok(client) => {
                self.client = client;
                self.doubted = false;
                self.unreadable = false;
            }
            Err(error) if !std::mem::replace(&mut self.unreadable, true) => {
                tracing::warn!(%error, "the credentials cannot be read again; those of before are used");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
