//! The way of an agent's requests to the double, with the agent's own deadlines and counts around it. Requests that nobody
//! took, because the double was away, are noted: they reach no journal.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::DynBody;
use kubewhy::client::apiserver::{Connection, Dates, Heeded, Requests, over};
use kubewhy::clock::Clock;
use kubewhy::model::observation::Observation;
use kubewhy_lab::apiserver::Indoors;
use tokio::sync::mpsc;
use tower::{BoxError, ServiceExt};

/// When requests met a closed door.
#[derive(Clone, Debug, Default)]
pub struct Refused(Arc<Mutex<Vec<Timestamp>>>);

impl Refused {
    /// One more.
    pub fn note(&self, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(at);
    }

    /// All by now.
    #[must_use]
    pub fn by_now(&self) -> Vec<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A client as the agent makes it, over that way. What its answers tell of the time goes to `seen`.
#[must_use]
pub fn client(way: Indoors, refused: Refused, clock: Clock, seen: mpsc::Sender<Observation>) -> kube::Client {
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (way, refused) = (way.clone(), refused.clone());
        async move {
            let answer = way.ask(request.map(Body::new)).await.inspect_err(|_| refused.note(clock.now()))?;
            Ok::<Response<Box<DynBody>>, BoxError>(
                answer.map(|body| Box::new(body.map_err(Into::into)) as Box<DynBody>),
            )
        }
    });
    let connection: Connection = service.boxed();
    over(connection, Heeded { dates: Dates::new(seen, clock), requests: Requests::default() })
}
