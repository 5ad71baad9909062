//! `/livez` and `/readyz` while a cleaned node is to be seen as such: ready means cleaned. With it the DaemonSet's own rollout tells
//! when all nodes are.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::serve::listen;

/// Serves both until `stop`.
pub(super) async fn serve(address: SocketAddr, cleaned: watch::Receiver<bool>, stop: CancellationToken) {
    listen::serve("health", address, router(cleaned), stop).await;
}

fn router(cleaned: watch::Receiver<bool>) -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(readyz)).with_state(cleaned)
}

async fn readyz(State(cleaned): State<watch::Receiver<bool>>) -> (StatusCode, &'static str) {
    match *cleaned.borrow() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "this node is not cleaned yet; the log says why\n"),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn it_is_alive_from_the_start_and_ready_once_the_node_is_cleaned() {
        let (done, cleaned) = watch::channel(false);
        let status = async |path: &str| {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            router(cleaned.clone()).oneshot(request).await.unwrap().status()
        };
        assert_eq!(
            (status("/livez").await, status("/readyz").await),
            (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE)
        );
        done.send_replace(true);
        assert_eq!((status("/livez").await, status("/readyz").await), (StatusCode::OK, StatusCode::OK));
    }
}
