//! The way to the double from inside its own process, without a socket, so that virtual time goes on. It is shut while the
//! double's door would be: then nobody is let in, and who is inside is cut off.

use std::io;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use futures::StreamExt;
use tokio::sync::watch;
use tower::ServiceExt;

use super::fault::{Broken, Fault};

/// A way in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Indoors {
    router: Router,
    faults: watch::Receiver<Vec<Broken>>,
}

impl Indoors {
    pub(super) fn new(router: Router, faults: watch::Receiver<Vec<Broken>>) -> Self {
        Self { router, faults }
    }

    /// Asks the double.
    ///
    /// # Errors
    /// `ConnectionRefused` while it is shut, `ConnectionReset` where it is shut before it has answered.
    pub async fn ask(mut self, request: Request) -> io::Result<Response> {
        if is_shut(&self.faults.borrow_and_update()) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let response = tokio::select! {
            biased;
            Ok(response) = self.router.oneshot(request) => response,
            _ = self.faults.wait_for(|faults| is_shut(faults)) => return Err(io::ErrorKind::ConnectionReset.into()),
        };
        let faults = self.faults;
        Ok(response.map(|body| if body.size_hint().exact().is_some() { body } else { until_shut(body, faults) }))
    }
}

fn is_shut(faults: &[Broken]) -> bool {
    faults.iter().any(|broken| broken.fault == Fault::Refuse)
}

/// A body that breaks off when the door is shut.
fn until_shut(body: Body, faults: watch::Receiver<Vec<Broken>>) -> Body {
    let open = Some((body.into_data_stream(), faults));
    Body::from_stream(futures::stream::unfold(open, async |open| {
        let (mut data, mut faults) = open?;
        let chunk = tokio::select! {
            biased;
            _ = faults.wait_for(|faults| is_shut(faults)) => None,
            chunk = data.next() => Some(chunk?.map_err(io::Error::other)),
        };
        match chunk {
            Some(chunk) => Some((chunk, Some((data, faults)))),
            None => Some((Err(io::ErrorKind::ConnectionReset.into()), None)),
        }
    }))
}
