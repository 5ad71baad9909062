//! The double's door for pods: TLS with a certificate of its own, as the API server's address in every cluster has. What comes in
//! goes on to the plain door, faults and all; nothing is decided here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Who does not shake hands in this time does not want to.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait before trying again to accept.
const AGAIN: Duration = Duration::from_millis(20);

/// Opens it before the plain door at `inner`, until `stopping`; its address, and the authority of its certificate as PEM.
pub(super) async fn open(inner: SocketAddr, stopping: CancellationToken) -> anyhow::Result<(SocketAddr, String)> {
    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).context("a certificate")?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(stopping.run_until_cancelled_owned(answer(listener, acceptor, inner)));
    Ok((address, cert.pem()))
}

async fn answer(listener: TcpListener, acceptor: TlsAcceptor, inner: SocketAddr) {
    let mut guests = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(guests.spawn(pass_on(stream, acceptor.clone(), inner))),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
        while guests.try_join_next().is_some() {}
    }
}

/// What a guest makes of an end is its own affair.
async fn pass_on(stream: TcpStream, acceptor: TlsAcceptor, inner: SocketAddr) -> io::Result<()> {
    let mut outside = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let mut inside = TcpStream::connect(inner).await?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
