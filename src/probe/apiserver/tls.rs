//! TLS to the API server, with the authorities that the kubelet trusts and no certificate of its own.

use std::io::{Error as IoError, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned};

use super::{DEADLINE, plain};
use crate::model::{Time, after};

/// Why there is no secured connection.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server's certificate is not one that the authorities stand for.
    Untrusted(String),
    /// By this node's clock the certificate is one of the future: both times.
    Early { now: Time, begins: Time },
    /// Something else, and what.
    Broken(String),
}

/// The connection, once both sides have agreed.
pub(super) fn secure(
    mut stream: TcpStream,
    authority: &[u8],
    name: &str,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::Broken(error.to_string());
    let name = ServerName::try_from(name.to_owned()).map_err(|error| broken(&error))?;
    let mut client = ClientConnection::new(config(authority).map_err(|error| broken(&error))?, name)
        .map_err(|error| broken(&error))?;
    let end = Instant::now() + DEADLINE;
    while client.is_handshaking() {
        // What comes in many small parts would have the deadline of each.
        let late = || if Instant::now() > end { Err(ErrorKind::TimedOut.into()) } else { Ok(()) };
        late().and_then(|()| step(&mut client, &mut stream)).map_err(|error| failure(&error))?;
    }
    Ok(StreamOwned::new(client, stream))
}

/// Sends what is to be sent, or takes in what comes.
fn step(client: &mut ClientConnection, stream: &mut TcpStream) -> std::io::Result<()> {
    if client.wants_write() {
        return client.write_tls(stream).map(drop);
    }
    if client.read_tls(stream)? == 0 {
        return Err(IoError::new(ErrorKind::UnexpectedEof, "closed in the middle of it"));
    }
    let taken = client.process_new_packets().map(drop);
    if taken.is_err() {
        _ = client.write_tls(stream); // the other side is told why, if it can be
    }
    taken.map_err(|error| IoError::new(ErrorKind::InvalidData, error))
}

fn config(authority: &[u8]) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authority).filter_map(Result::ok));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn failure(error: &std::io::Error) -> Failure {
    use CertificateError::{BadSignature, NotValidForName, NotValidForNameContext, NotValidYetContext, UnknownIssuer};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(UnknownIssuer | BadSignature)) => {
            Failure::Untrusted("its certificate is of another authority".to_owned())
        }
        Some(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            Failure::Untrusted("its certificate is for another name".to_owned())
        }
        Some(Error::InvalidCertificate(NotValidYetContext { time, not_before })) => {
            let [now, begins] =
                [time, not_before].map(|moment| after(Time::UNIX_EPOCH, Duration::from_secs(moment.as_secs())));
            Failure::Early { now, begins }
        }
        Some(other) => Failure::Broken(other.to_string()),
        None => Failure::Broken(plain(error)),
    }
}
