//! Credentials and certificates that change while the agent runs, against real servers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::super::apiserver::{Dates, Requests};
use super::*;

const FOUND: &str = "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}";

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn kubeconfig(path: &Path, server: &str, user: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{server}', certificate-authority: ca.crt}}}}]\n\
         users: [{{name: u, user: {user}}}]\n"
    );
    std::fs::write(path, text).unwrap();
}

async fn follow(file: &Path) -> Client {
    let (clock, (seen, _)) = (Clock::start(), tokio::sync::mpsc::channel(1));
    let heeded = Heeded { dates: Dates::new(seen, clock), requests: Requests::default() };
    connect(&Access::Kubeconfig(file.to_owned()), heeded, clock).await.unwrap()
}

async fn get(client: &Client) -> Result<String, u16> {
    let nodes: Api<Node> = Api::all(client.clone());
    match nodes.get("n1").await {
        Ok(node) => Ok(node.metadata.name.unwrap_or_default()),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(_) => Err(0),
    }
}

/// Time passes. It stands still only for that: it would run on while a server thinks.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Lets in whoever brings the token that its file holds by then; counts who asks.
fn guarded(token: &Path, asked: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, token) = (format!("http://{}", listener.local_addr().unwrap()), token.to_owned());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut sent = [0; 4096];
            let length = stream.read(&mut sent).unwrap_or_default();
            let wanted = format!("bearer {}", std::fs::read_to_string(&token).unwrap());
            let known = String::from_utf8_lossy(&sent[..length]).to_lowercase().contains(&wanted);
            asked.fetch_add(1, Ordering::SeqCst);
            drop(
                stream
                    .write_all(if known { answer("200 OK", FOUND) } else { answer("401 Unauthorized", "") }.as_bytes()),
            );
        }
    });
    url
}

#[tokio::test]
async fn what_was_refused_is_tried_with_what_the_file_holds_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let (file, good) = (folder.path().join("config"), folder.path().join("good"));
    std::fs::write(folder.path().join("ca.crt"), "").unwrap();
    std::fs::write(&good, "one").unwrap();
    let url = guarded(&good, Arc::default());
    kubeconfig(&file, &url, "{token: one}");
    let client = follow(&file).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
    std::fs::write(&good, "two").unwrap();
    kubeconfig(&file, &url, "{token: two}");
    assert_eq!(get(&client).await, Err(401));
    pass(AT_LEAST).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
}

#[tokio::test]
async fn what_is_accepted_is_read_again_before_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, good) = (folder.path().join("config"), folder.path().join("good"));
    std::fs::write(folder.path().join("ca.crt"), "").unwrap();
    std::fs::write(&good, "one").unwrap();
    let url = guarded(&good, Arc::default());
    kubeconfig(&file, &url, "{token: one}");
    let client = follow(&file).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
    pass(RENEW).await;
    std::fs::write(&good, "two").unwrap();
    kubeconfig(&file, &url, "{token: two}");
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
}

#[tokio::test]
async fn a_file_that_is_not_there_for_a_moment_leaves_what_was_read_before() {
    let folder = tempfile::tempdir().unwrap();
    let (file, good) = (folder.path().join("config"), folder.path().join("good"));
    std::fs::write(folder.path().join("ca.crt"), "").unwrap();
    std::fs::write(&good, "one").unwrap();
    let asked = Arc::default();
    kubeconfig(&file, &guarded(&good, Arc::clone(&asked)), "{token: one}");
    let client = follow(&file).await;
    std::fs::remove_file(&file).unwrap();
    pass(RENEW).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a request is sent once, whatever becomes of the files");
}

/// A server that has another certificate, of another authority, from its second connection on.
fn renewing_itself(authority: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, authority) = (format!("https://{}", listener.local_addr().unwrap()), authority.to_owned());
    let mut config = certificate(&authority);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(answer("200 OK", FOUND).as_bytes()));
            stream.conn.send_close_notify();
            drop(stream.flush());
            if number == 0 {
                config = certificate(&authority);
            }
        }
    });
    url
}

/// Another certificate, and whom to trust in its file.
fn certificate(authority: &Path) -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    std::fs::write(authority, made.cert.pem()).unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap())
}

#[tokio::test]
async fn a_server_with_another_certificate_is_trusted_once_the_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let url = renewing_itself(&folder.path().join("ca.crt"));
    kubeconfig(&file, &url, "{}");
    let client = follow(&file).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
    assert_eq!(get(&client).await, Err(0), "the certificate is another one");
    pass(AT_LEAST).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
}

/// A server that lets in whoever brings the certificate that the file holds by then.
fn mutual(authority: &Path, known: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, known) = (format!("https://{}", listener.local_addr().unwrap()), known.to_owned());
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(authority, made.cert.pem()).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(&known).unwrap()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
            let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
            let config = config.with_client_cert_verifier(verifier.build().unwrap());
            let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
            if stream.read(&mut [0; 4096]).is_ok() {
                drop(stream.write_all(answer("200 OK", FOUND).as_bytes()));
                stream.conn.send_close_notify();
            }
            drop(stream.flush());
        }
    });
    url
}

/// As a kubelet renews its own: certificate and key in one file, to which a link leads.
fn renew(folder: &Path, serial: u32) {
    let made = rcgen::generate_simple_self_signed([format!("system:node:n1:{serial}")]).unwrap();
    let file = folder.join(format!("kubelet-client-{serial}.pem"));
    std::fs::write(&file, made.cert.pem() + &made.signing_key.serialize_pem()).unwrap();
    drop(std::fs::remove_file(folder.join("current.pem")));
    std::os::unix::fs::symlink(file, folder.join("current.pem")).unwrap();
}

#[tokio::test]
async fn a_client_certificate_that_the_kubelet_renews_is_used_from_the_next_refusal_on() {
    let folder = tempfile::tempdir().unwrap();
    let (file, current) = (folder.path().join("config"), folder.path().join("current.pem"));
    renew(folder.path(), 1);
    let url = mutual(&folder.path().join("ca.crt"), &current);
    kubeconfig(&file, &url, "{client-certificate: current.pem, client-key: current.pem}");
    let client = follow(&file).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
    renew(folder.path(), 2);
    assert_eq!(get(&client).await, Err(0), "the server knows the new one alone");
    pass(AT_LEAST).await;
    assert_eq!(get(&client).await, Ok("n1".to_owned()));
}
