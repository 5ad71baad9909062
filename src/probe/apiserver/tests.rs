//! Ways to API servers that are real ones as far as they go, on the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::model::reading::Verdict;
use crate::probe::scene::{Host, of, verdict};

const NOW: &str = "Date: Sat, 21 Nov 2026 03:00:00 GMT\r\n";

/// A server with a certificate of its own for `name`, that gives everybody one answer; its port, and whom to trust.
fn server(name: &str, status: &str) -> (u16, String) {
    server_from(1975, name, status)
}

/// Likewise; its certificate begins with that year.
fn server_from(year: i32, name: &str, status: &str) -> (u16, String) {
    let mut made = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    made.not_before = rcgen::date_time_ymd(year, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = made.self_signed(&key).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let (config, answer) = (Arc::new(config), format!("HTTP/1.1 {status}\r\n{NOW}\r\nok"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            drop(stream.read(&mut [0; 1024]));
            drop(stream.write_all(answer.as_bytes()));
            stream.conn.send_close_notify();
            drop(stream.flush());
        }
    });
    (port, certificate.pem())
}

fn host(port: u16, authority: &str) -> Host {
    let data = STANDARD.encode(authority);
    let config = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority-data: {data}}}}}]\n"
    );
    Host::new().file("etc/kubernetes/kubelet.conf", config)
}

fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_server_that_answers_is_reached_whoever_it_lets_in() {
    for status in ["200 OK", "401 Unauthorized", "403 Forbidden"] {
        let (port, authority) = server("127.0.0.1", status);
        let readings = look(&host(port, &authority).node());
        assert_eq!(verdict(&readings, "direct"), (Verdict::Fine, ""), "{readings:?}");
        assert_eq!(verdict(&readings, "clock"), (Verdict::Fine, ""));
    }
}

#[test]
fn each_step_that_fails_is_told_apart() {
    let says = |host: &Host| of(&look(&host.node()), "direct").says.clone();
    let (port, authority) = server("127.0.0.1", "503 Service Unavailable");
    assert!(says(&host(port, &authority)).ends_with("it answers 503 to /livez"));
    let refused = nobody();
    assert!(says(&host(refused, &authority)).ends_with(&format!("no connection to 127.0.0.1:{refused}: refused")));
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    thread::spawn(move || {
        plain.incoming().map_while(Result::ok).for_each(|mut s| drop(s.write_all(b"HTTP/1.1 400\r\n\r\n")))
    });
    let broken = says(&host(port, &authority));
    assert!(broken.contains(": TLS: "), "{broken}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let waiting = says(&host(silent.local_addr().unwrap().port(), &authority));
    assert!(waiting.ends_with("TLS: nothing in time"), "{waiting}");
}

#[test]
fn a_server_of_another_authority_or_name_is_not_believed() {
    let (port, _) = server("127.0.0.1", "200 OK");
    let (_, stranger) = server("127.0.0.1", "200 OK");
    let (elsewhere, authority) = server("api.example.com", "200 OK");
    for host in [host(port, &stranger), host(elsewhere, &authority)] {
        assert_eq!(verdict(&look(&host.node()), "direct"), (Verdict::Broken, "KubeletCredentialInvalid"));
    }
}

#[test]
fn a_certificate_of_the_future_is_of_the_clock() {
    let (port, authority) = server_from(2999, "127.0.0.1", "200 OK");
    let readings = look(&host(port, &authority).node());
    assert_eq!(verdict(&readings, "direct"), (Verdict::Broken, "ClockSkewed"), "{readings:?}");
    assert_eq!(of(&readings, "direct").fact("begins"), Some("2999-01-01T00:00:00Z"));
}

#[test]
fn only_a_server_that_answers_directly_proves_the_service_address_wrong() {
    let (port, authority) = server("127.0.0.1", "200 OK");
    let dead = SocketAddr::from(([127, 0, 0, 1], nobody()));
    let service = |host: &Host, at: SocketAddr| {
        let mut node = host.node();
        node.service = Some(Service { at, authority: "/nowhere".into() });
        let readings = look(&node);
        (of(&readings, "service address").verdict, of(&readings, "service address").cause)
    };
    let well = host(port, &authority);
    assert_eq!(service(&well, dead), (Verdict::Broken, "ServiceVipUnreachable"));
    assert_eq!(service(&well, ([127, 0, 0, 1], port).into()), (Verdict::Fine, ""));
    assert_eq!(service(&host(nobody(), &authority), dead), (Verdict::Unknown(Missing::Answer), ""));
    assert_eq!(service(&Host::new().file("run/x", ""), dead), (Verdict::Broken, "ApiServerUnreachable"));
}

#[test]
fn the_clocks_are_compared_wherever_the_api_server_can_be_reached() {
    let (port, authority) = server("127.0.0.1", "401 Unauthorized");
    let unseen = Host::new().file("run/x", "").file("ca.crt", &authority);
    let mut node = unseen.node();
    node.service = Some(Service { at: ([127, 0, 0, 1], port).into(), authority: unseen.path("ca.crt") });
    let readings = look(&node);
    assert_eq!(verdict(&readings, "direct"), (Verdict::Unknown(Missing::Access), ""));
    assert_eq!(verdict(&readings, "clock"), (Verdict::Fine, ""));
    let (_, stranger) = server("127.0.0.1", "200 OK");
    let unseen = unseen.file("ca.crt", stranger);
    assert!(look(&node).iter().all(|one| &*one.of != "clock"), "anybody may answer there");
    drop(unseen);
    let plain = "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:PORT'}}]\ncurrent-context: c\n\
                 contexts: [{name: c, context: {cluster: c, user: u}}]\n";
    let port = plain_server();
    let host = Host::new().file("etc/kubernetes/kubelet.conf", plain.replace("PORT", &port.to_string()));
    let readings = look(&host.node());
    assert_eq!(verdict(&readings, "clock"), (Verdict::Broken, "ClockSkewed"), "{readings:?}");
}

/// One without TLS, whose clock is ahead.
fn plain_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.read(&mut [0; 1024]));
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 03:05:00 GMT\r\n\r\nok"));
        }
    });
    port
}

#[test]
fn the_service_address_is_the_one_that_containers_are_told() {
    let told = |host: &str| {
        let service = Service::told(|name| Some(if name.ends_with("PORT") { "443" } else { host }.to_owned()));
        service.map(|service| service.at)
    };
    assert_eq!(told("10.96.0.1"), Some(([10, 96, 0, 1], 443).into()));
    assert_eq!(told("api.example.com"), None, "a name is no service address");
    assert!(Service::told(|_| None).is_none());
}

#[test]
fn without_a_kubeconfig_that_can_be_read_nothing_is_told() {
    let hosts = [
        Host::new().file("run/x", ""),
        Host::new().huge("etc/kubernetes/kubelet.conf"),
        Host::new().pipe("etc/kubernetes/kubelet.conf"),
        Host::new().link("etc/kubernetes/kubelet.conf", "kubelet.conf"),
        Host::new().file("etc/kubernetes/kubelet.conf", "a: ["),
    ];
    for host in hosts {
        assert_eq!(verdict(&look(&host.node()), "direct"), (Verdict::Unknown(Missing::Access), ""));
    }
}
