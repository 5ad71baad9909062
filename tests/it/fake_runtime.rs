//! The far end of a runtime's socket: a real gRPC server on a Unix socket that answers each method from a table, hangs,
//! or fails, and keeps what it was asked. It knows no protocol buffers beyond what a test puts into the table, so it
//! can be CRI v1, v1alpha2 and containerd alike. It lives on a thread of its own and dies as a process does: at once,
//! with all its connections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

/// From an encoded question to an encoded answer.
type Answerer = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

/// What a method does.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Answers with these messages.
    Answer(Vec<Vec<u8>>),
    /// Answers by what it was asked.
    By(Answerer),
    /// Fails so.
    Fail(Code, &'static str),
    /// Never answers.
    Hang,
}

/// One call as it arrived.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) message: Vec<u8>,
}

#[derive(Clone, Default)]
struct Table {
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) struct FakeRuntime {
    socket: PathBuf,
    table: Table,
    kill: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl FakeRuntime {
    /// Listens at the path, in the place of what was there.
    pub(crate) fn listen(socket: &Path) -> Self {
        let _gone = std::fs::remove_file(socket);
        let (table, kill) = (Table::default(), CancellationToken::new());
        let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let thread = std::thread::spawn({
            let (table, kill) = (table.clone(), kill.clone());
            move || serve(listener, table, &kill)
        });
        Self { socket: socket.to_owned(), table, kill, thread: Some(thread) }
    }

    /// Listens at the path as a containerd that is well and has nothing to do.
    pub(crate) fn containerd(socket: &Path) -> Self {
        let fake = Self::listen(socket);
        fake.is_called("containerd", "2.1.4");
        for method in ["ListPodSandbox", "ListContainers", "Status"] {
            fake.on(&runtime(method), answer(&()));
        }
        fake
    }

    /// What `Version` says.
    pub(crate) fn is_called(&self, name: &str, version: &str) {
        let says = k8s_cri::v1::VersionResponse {
            version: "0.1.0".into(),
            runtime_name: name.into(),
            runtime_version: version.into(),
            runtime_api_version: "v1".into(),
        };
        self.on(&runtime("Version"), answer(&says));
    }

    /// From now on this method does that. A method without a reply is unimplemented.
    pub(crate) fn on(&self, path: &str, reply: Reply) {
        self.table.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// The calls of one method so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        self.table.asked.lock().unwrap().iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// It vanishes from the file system but its connections live on, as after an `rm` and a second start.
    pub(crate) fn unlink(&self) {
        std::fs::remove_file(&self.socket).unwrap();
    }
}

impl Drop for FakeRuntime {
    fn drop(&mut self) {
        self.kill.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A method of CRI v1's runtime service.
pub(crate) fn runtime(method: &str) -> String {
    format!("/runtime.v1.RuntimeService/{method}")
}

/// A method of CRI v1's image service.
pub(crate) fn image(method: &str) -> String {
    format!("/runtime.v1.ImageService/{method}")
}

/// A method of containerd's own, as `content.v1.Content/Info`.
pub(crate) fn containerd(method: &str) -> String {
    format!("/containerd.services.{method}")
}

pub(crate) fn answer(message: &impl Message) -> Reply {
    Reply::Answer(vec![message.encode_to_vec()])
}

/// A reply that depends on the question.
pub(crate) fn by<Q: Message + Default, A: Message>(
    answer: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static,
) -> Reply {
    Reply::By(Arc::new(move |bytes| Ok(answer(Q::decode(bytes).unwrap())?.encode_to_vec())))
}

fn serve(listener: std::os::unix::net::UnixListener, table: Table, kill: &CancellationToken) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        let incoming = UnixListenerStream::new(UnixListener::from_std(listener).unwrap());
        let router = axum::Router::new().fallback(handle).with_state(table);
        let routes = tonic::service::Routes::from(router);
        let server = tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming);
        tokio::select! {
            result = server => result.unwrap(),
            () = kill.cancelled() => {}
        }
    });
}

async fn handle(State(table): State<Table>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let message = bytes.get(5..).unwrap_or_default().to_vec();
    let path = head.uri.path().to_owned();
    table.asked.lock().unwrap().push(Asked { path: path.clone(), headers: head.headers, message: message.clone() });
    let reply = table.replies.lock().unwrap().get(&path).cloned();
    let outcome = match reply {
        Some(Reply::Answer(messages)) => Ok(messages),
        Some(Reply::By(answer)) => answer(&message).map(|message| vec![message]),
        Some(Reply::Fail(code, text)) => Err(Status::new(code, text)),
        Some(Reply::Hang) => std::future::pending().await,
        None => Err(Status::unimplemented(format!("unknown method {path}"))),
    };
    match outcome {
        Ok(messages) => response(&messages),
        Err(status) => status.into_http(),
    }
}

/// The messages in gRPC's framing, the status behind them.
fn response(messages: &[Vec<u8>]) -> Response<Body> {
    let mut body = Vec::new();
    for message in messages {
        body.push(0);
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(message);
    }
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::from(body).with_trailers(std::future::ready(Some(Ok(trailers))));
    Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
}
