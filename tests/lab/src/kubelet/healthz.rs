//! The kubelet's word on itself, on the node's loopback: `ok`, whatever its pods do (Kubernetes: cmd/kubelet/app/server.go
//! installs no check there but the ping).

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use axum::Router;
use axum::routing::get;

/// Where the kubelet answers by default (Kubernetes: staging/src/k8s.io/kubelet/config/v1beta1/types.go, healthzPort).
pub(super) const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 10_248);

/// The door, open; nobody answers yet.
pub(super) fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("the kubelet's health port, {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers for ever.
pub(super) async fn answer(listener: Option<TcpListener>) {
    let Some(Ok(listener)) = listener.map(tokio::net::TcpListener::from_std) else { return };
    let router = Router::new().route("/healthz", get(|| async { "ok" }));
    drop(axum::serve(listener, router).await);
}
