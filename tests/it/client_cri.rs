//! The CRI client against a real gRPC server on a real socket. Time is real here: only calls that never end are decided
//! by a deadline, all others have a generous one.

use std::path::PathBuf;
use std::time::Duration;

use kubewhy::client::call::Call;
use kubewhy::client::cri::Cri;
use kubewhy::client::cri::auth::RegistryAuth;
use kubewhy::client::cri::deadlines::Deadlines;
use kubewhy::client::endpoint::Endpoint;
use kubewhy::clock::Clock;
use kubewhy::model::runtime::{CallFailure, FailureKind, Method};
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::fake_runtime::{FakeRuntime, Reply, answer, image, runtime};

const SHORT: Duration = Duration::from_millis(50);

struct Place {
    _folder: tempfile::TempDir,
    socket: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("runtime.sock");
    Place { _folder: folder, socket }
}

fn client(place: &Place) -> Cri {
    Cri::new(Endpoint::Given(place.socket.clone()), Clock::start(), Deadlines::default())
}

fn impatient(place: &Place) -> Cri {
    let deadlines = Deadlines { list: SHORT, status: SHORT, version: SHORT, ..Deadlines::default() };
    Cri::new(Endpoint::Given(place.socket.clone()), Clock::start(), deadlines)
}

fn failure<T>(call: Call<T>) -> (Method, CallFailure) {
    (call.method, call.result.err().expect("a failure"))
}

/// Asks until it is answered: tries between two waits repeat the last failure.
async fn sooner_or_later(cri: &Cri) -> u64 {
    loop {
        match cri.connected().await.result {
            Ok(live) => return live.generation,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

#[tokio::test]
async fn it_connects_when_first_used_and_says_who_answers() {
    let place = place();
    let cri = client(&place);
    let _fake = FakeRuntime::containerd(&place.socket);
    let live = cri.connected().await.result.unwrap();
    assert_eq!((&*live.runtime.name, &*live.runtime.version, live.generation), ("containerd", "2.1.4", 1));
    assert!(cri.list_pod_sandbox().await.result.unwrap().is_empty());
    assert_eq!(cri.connected().await.result.unwrap().generation, 1);
}

#[tokio::test]
async fn an_absent_socket_fails_at_connect_and_names_the_path() {
    let place = place();
    let (method, failure) = failure(client(&place).list_containers().await);
    assert_eq!((method, failure.kind), (Method::Connect, FailureKind::NoSocket));
    assert!(failure.text.contains("runtime.sock"), "{}", failure.text);
}

#[tokio::test]
async fn tries_between_two_waits_repeat_the_last_failure() {
    let place = place();
    let cri = client(&place);
    for _ in 0..20 {
        assert!(cri.version().await.result.is_err());
    }
    let _fake = FakeRuntime::containerd(&place.socket);
    assert_eq!(sooner_or_later(&cri).await, 1);
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_its_deadline_and_the_next_one_is_free() {
    let place = place();
    let fake = FakeRuntime::containerd(&place.socket);
    fake.on(&runtime("Status"), Reply::Hang);
    let cri = impatient(&place);
    let (method, failure) = failure(cri.status(true).await);
    assert_eq!((method, failure.kind), (Method::Status, FailureKind::TimedOut));
    assert!(failure.text.starts_with("no answer to Status from "), "{}", failure.text);
    assert!(client(&place).list_containers().await.result.is_ok());
}

#[tokio::test]
async fn a_runtime_that_accepts_and_never_answers_times_out_at_version() {
    let place = place();
    let fake = FakeRuntime::containerd(&place.socket);
    fake.on(&runtime("Version"), Reply::Hang);
    let (method, failure) = failure(impatient(&place).list_containers().await);
    assert_eq!((method, failure.kind), (Method::Version, FailureKind::TimedOut));
}

#[tokio::test]
async fn a_runtime_of_v1alpha2_only_is_named_with_its_version() {
    let place = place();
    let fake = FakeRuntime::listen(&place.socket);
    let says = k8s_cri::v1alpha2::VersionResponse {
        runtime_name: "cri-o".into(),
        runtime_version: "1.19.7".into(),
        ..Default::default()
    };
    fake.on("/runtime.v1alpha2.RuntimeService/Version", answer(&says));
    let (_, failure) = failure(client(&place).version().await);
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert!(failure.text.starts_with("cri-o 1.19.7 at "), "{}", failure.text);
}

#[tokio::test]
async fn a_socket_without_cri_is_told_from_a_dead_one() {
    let place = place();
    let _docker = FakeRuntime::listen(&place.socket);
    let (_, failure) = failure(client(&place).version().await);
    assert_eq!(failure.kind, FailureKind::Unsupported);
    assert!(failure.text.contains("its CRI plugin is disabled"), "{}", failure.text);
}

#[tokio::test]
async fn a_socket_that_does_not_speak_grpc_is_not_said_to_have_no_listener() {
    let place = place();
    let listener = tokio::net::UnixListener::bind(&place.socket).unwrap();
    let chatter = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
            let _left = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let (_, failure) = failure(client(&place).version().await);
    assert_eq!(failure.kind, FailureKind::Broken, "{}", failure.text);
    assert!(failure.text.contains(place.socket.to_str().unwrap()), "{}", failure.text);
    chatter.abort();
}

#[tokio::test]
async fn a_search_that_finds_nothing_says_so_and_what_it_found_once_is_missed_by_name() {
    let root = tempfile::tempdir().unwrap();
    let socket = root.path().join("run/crio/crio.sock");
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let cri = Cri::new(Endpoint::Search(root.path().into()), Clock::start(), Deadlines::default());
    let (_, nothing) = failure(cri.version().await);
    assert_eq!(nothing.kind, FailureKind::NoneFound);
    assert!(nothing.text.contains("/run/containerd/containerd.sock, /run/crio/crio.sock, "), "{}", nothing.text);
    let fake = FakeRuntime::containerd(&socket);
    sooner_or_later(&cri).await;
    fake.unlink();
    let (_, gone) = failure(cri.version().await);
    assert_eq!((gone.kind, gone.socket), (FailureKind::NoSocket, "/run/crio/crio.sock".into()));
}

#[tokio::test]
async fn a_search_passes_over_sockets_without_cri_and_stays_with_what_it_found() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["run/containerd", "run/k0s"] {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let _docker = FakeRuntime::listen(&root.path().join("run/containerd/containerd.sock"));
    let k0s = root.path().join("run/k0s/containerd.sock");
    let fake = FakeRuntime::containerd(&k0s);
    let cri = Cri::new(Endpoint::Search(root.path().into()), Clock::start(), Deadlines::default());
    assert_eq!(cri.connected().await.result.unwrap().socket(), k0s);
    drop(fake);
    assert!(cri.list_containers().await.result.is_err());
    let (_, failure) = failure(cri.connected().await);
    let as_the_host_names_it = "/run/k0s/containerd.sock".into();
    assert_eq!((failure.kind, failure.socket), (FailureKind::NobodyListens, as_the_host_names_it));
}

#[tokio::test]
async fn a_killed_runtime_fails_the_next_call_and_its_successor_is_found() {
    let place = place();
    let cri = client(&place);
    let fake = FakeRuntime::containerd(&place.socket);
    assert_eq!(sooner_or_later(&cri).await, 1);
    drop(fake);
    assert_eq!(failure(cri.list_containers().await).1.kind, FailureKind::Broken);
    let _next = FakeRuntime::containerd(&place.socket);
    assert_eq!(sooner_or_later(&cri).await, 2);
}

#[tokio::test]
async fn a_connection_to_a_deleted_socket_does_not_linger() {
    let place = place();
    let cri = client(&place);
    let old = FakeRuntime::containerd(&place.socket);
    assert_eq!(sooner_or_later(&cri).await, 1);
    old.unlink();
    assert_eq!(failure(cri.list_containers().await).1.kind, FailureKind::NoSocket);
    let new = FakeRuntime::containerd(&place.socket);
    new.is_called("containerd", "2.2.0");
    assert_eq!(sooner_or_later(&cri).await, 2);
    assert_eq!(&*cri.connected().await.result.unwrap().runtime.version, "2.2.0");
}

#[tokio::test]
async fn answers_of_several_megabytes_are_decoded() {
    let place = place();
    let fake = FakeRuntime::containerd(&place.socket);
    let sandbox = k8s_cri::v1::PodSandbox { id: "x".repeat(1 << 20), ..Default::default() };
    let list = k8s_cri::v1::ListPodSandboxResponse { items: vec![sandbox; 12] };
    fake.on(&runtime("ListPodSandbox"), answer(&list));
    assert_eq!(client(&place).list_pod_sandbox().await.result.unwrap().len(), 12);
}

#[tokio::test]
async fn a_pull_carries_its_lease_and_its_credentials_and_nothing_else_tells_them() {
    let place = place();
    let fake = FakeRuntime::containerd(&place.socket);
    fake.on(&image("PullImage"), Reply::Fail(Code::Unknown, "https://bob:hunter2@reg.io/v2/: 401 Unauthorized"));
    let auth = RegistryAuth::basic("bob", "hunter2");
    let stop = CancellationToken::new();
    let (_, failure) = failure(client(&place).pull_image("reg.io/a:1", Some(auth), Some("lease-1"), &stop).await);
    assert_eq!(failure.text, "rpc error: code = Unknown desc = https://[redacted]@reg.io/v2/: 401 Unauthorized");
    let asked = fake.asked(&image("PullImage")).pop().unwrap();
    let request = k8s_cri::v1::PullImageRequest::decode(&*asked.message).unwrap();
    assert_eq!(request.auth.unwrap().password, "hunter2");
    assert_eq!(asked.headers["containerd-lease"], "lease-1");
}

#[tokio::test]
async fn a_pull_ends_with_its_token_and_other_runtimes_get_no_lease() {
    let place = place();
    let fake = FakeRuntime::containerd(&place.socket);
    fake.is_called("cri-o", "1.33.0");
    fake.on(&image("PullImage"), Reply::Hang);
    let stop = CancellationToken::new();
    let cri = client(&place);
    let pull = cri.pull_image("a:1", None, Some("lease-1"), &stop);
    let asked = async {
        while fake.asked(&image("PullImage")).is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (call, ()) = tokio::join!(pull, asked);
    assert_eq!(failure(call).1.text, "rpc error: code = Canceled desc = the pull was called off");
    assert!(!fake.asked(&image("PullImage")).remove(0).headers.contains_key("containerd-lease"));
}
