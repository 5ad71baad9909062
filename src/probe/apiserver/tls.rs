//! TLS to the API server, with the authorities that the kubelet trusts and no certificate of its own.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned};

use super::plain;
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
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| failure(&error))?;
    }
    Ok(StreamOwned::new(client, stream))
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
