//! `/livez` and `/readyz` for the kubelet. Alive means that the engine turns; ready, that every observer gave its first
//! answer once. A broken runtime or API server makes neither fail: telling of them is the agent's task. An agent that has
//! never got at the runtime's socket is not ready: it lacks a right or a mount.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::model::{Time, since, wording};

/// An engine that has not turned for so long is stuck: its slowest turn comes every 10 s.
const STUCK: Duration = Duration::from_secs(30);

/// What health is read from.
#[derive(Clone, Debug)]
pub struct Health {
    clock: Clock,
    heartbeat: watch::Receiver<Time>,
    awaited: watch::Receiver<Vec<&'static str>>,
    was_ready: Arc<AtomicBool>,
}

impl Health {
    /// `heartbeat`: when the engine last turned. `awaited`: what has not answered yet; it needs to be empty only once.
    #[must_use]
    pub fn new(clock: Clock, heartbeat: watch::Receiver<Time>, awaited: watch::Receiver<Vec<&'static str>>) -> Self {
        Self { clock, heartbeat, awaited, was_ready: Arc::default() }
    }

    /// The paths, to be served on an address of the loopback.
    pub fn router(self) -> Router {
        Router::new().route("/livez", get(livez)).route("/readyz", get(readyz)).with_state(self)
    }

    fn is_ready(&self) -> bool {
        if self.awaited.borrow().is_empty() {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        self.was_ready.load(Ordering::Relaxed)
    }
}

async fn livez(State(health): State<Health>) -> (StatusCode, String) {
    let idle = since(*health.heartbeat.borrow(), health.clock.now());
    if idle > STUCK {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("the engine is stuck since {}\n", wording::span(idle)));
    }
    (StatusCode::OK, "ok\n".to_owned())
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    if health.is_ready() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let awaited = health.awaited.borrow().join(", ");
    (StatusCode::SERVICE_UNAVAILABLE, format!("nothing was heard yet from {awaited}; the log says why\n"))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn status(health: &Health, path: &str) -> StatusCode {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        health.clone().router().oneshot(request).await.unwrap().status()
    }

    #[tokio::test(start_paused = true)]
    async fn alive_while_the_engine_turns_and_not_when_it_is_stuck() {
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        let (beat, heartbeat) = watch::channel(clock.now());
        let (_answers, awaited) = watch::channel(vec!["a"]);
        let health = Health::new(clock, heartbeat, awaited);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(status(&health, "/livez").await, StatusCode::OK);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(status(&health, "/livez").await, StatusCode::SERVICE_UNAVAILABLE);
        beat.send(clock.now()).unwrap();
        assert_eq!(status(&health, "/livez").await, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_once_is_ready_for_good() {
        let clock = Clock::starting_at(Time::UNIX_EPOCH);
        let (_beat, heartbeat) = watch::channel(clock.now());
        let (answers, awaited) = watch::channel(vec!["a"]);
        let health = Health::new(clock, heartbeat, awaited);
        assert_eq!(status(&health, "/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        answers.send(Vec::new()).unwrap();
        assert_eq!(status(&health, "/readyz").await, StatusCode::OK);
        answers.send(vec!["a"]).unwrap();
        assert_eq!(status(&health, "/readyz").await, StatusCode::OK);
    }
}
