//! Serves HTTP on one address until told to stop. A taken or missing address is tried again, slowly; it never ends the
//! agent.

mod bounded;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::backoff::Backoff;
use bounded::Bounded;

/// Between tries to take the address.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Serves `router` on `address`; `what` names it in the log.
pub async fn serve(what: &'static str, address: SocketAddr, router: Router, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = serve_for_ever(what, address, router) => {}
    }
}

async fn serve_for_ever(what: &'static str, address: SocketAddr, router: Router) {
    loop {
        let listener = Bounded::new(bind(what, address).await);
        if let Err(error) = axum::serve(listener, router.clone()).await {
            tracing::warn!(what, %address, %error, "serving ended; it starts again");
        }
    }
}

/// Takes the address, as long as it may last.
async fn bind(what: &'static str, address: SocketAddr) -> TcpListener {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    let mut said = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                tracing::info!(what, %address, "listening");
                return listener;
            }
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(what, %address, %error, "the address cannot be used; free it or configure another");
                }
                tokio::time::sleep(RETRY.0 / 5 + backoff.wait()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(address: SocketAddr) -> Option<String> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    #[tokio::test(start_paused = true)]
    async fn a_taken_port_is_waited_for() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve("test", address, router, stop.clone()));
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(!serving.is_finished());
        drop(taken);
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(ask(address).await.is_some_and(|answer| answer.ends_with("here")));
        stop.cancel();
        serving.await.unwrap();
    }

    /// More than there is room for, who say nothing.
    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_takes_a_place_for_a_bounded_time_only() {
        let listener = Bounded::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = axum::serve::Listener::local_addr(&listener).unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut mute = Vec::new();
        for _ in 0..bounded::AT_ONCE + 10 {
            mute.push(TcpStream::connect(address).await.unwrap());
        }
        let asked = tokio::time::Instant::now();
        assert!(ask(address).await.is_some_and(|answer| answer.ends_with("here")));
        assert!(bounded::IDLE <= asked.elapsed() && asked.elapsed() < 3 * bounded::IDLE, "{:?}", asked.elapsed());
        serving.abort();
    }
}
