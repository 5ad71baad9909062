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

    /// Takes all the room there is and more by clients that do this, and asks meanwhile: how long it takes to be answered.
    async fn answered_beside<Fut: Future<Output = ()> + Send + 'static>(client: fn(TcpStream) -> Fut) -> Duration {
        let listener = Bounded::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = axum::serve::Listener::local_addr(&listener).unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let mut all = tokio::task::JoinSet::new();
        all.spawn(async move { drop(axum::serve(listener, router).await) });
        for _ in 0..bounded::AT_ONCE + 10 {
            all.spawn(client(TcpStream::connect(address).await.unwrap()));
        }
        let asked = tokio::time::Instant::now();
        let answer = tokio::time::timeout(20 * bounded::IDLE, ask(address)).await.expect("a place by and by");
        assert!(answer.is_some_and(|answer| answer.ends_with("here")));
        asked.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_takes_a_place_for_a_bounded_time_only() {
        let mute = |stream| async move {
            std::future::pending::<()>().await;
            drop::<TcpStream>(stream);
        };
        let waited = answered_beside(mute).await;
        assert!(bounded::IDLE <= waited && waited < 3 * bounded::IDLE, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_comes_to_the_end_of_a_request_takes_a_place_for_a_bounded_time_only() {
        let trickles = |mut stream: TcpStream| async move {
            for byte in b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'y')) {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        };
        let waited = answered_beside(trickles).await;
        assert!(bounded::IDLE <= waited && waited < 3 * bounded::IDLE, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_again_and_again_keeps_its_connection() {
        let listener = Bounded::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = axum::serve::Listener::local_addr(&listener).unwrap();
        let slow = get(|| async { tokio::time::sleep(bounded::IDLE / 2).await });
        let serving = tokio::spawn(async move { axum::serve(listener, Router::new().route("/", slow)).await });
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(bounded::IDLE * 3 / 4).await;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            assert!(stream.read(&mut [0; 1_000]).await.is_ok_and(|read| read > 0));
        }
        serving.abort();
    }
}
