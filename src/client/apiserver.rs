//! The way to the API server: in-cluster or by a kubeconfig, with a deadline on every request, and its refusals in words.
//! Never retries (each caller knows how), and never lets a token or a credential plugin's output into a text.
//!
//! What it reads it reads once: `renewal` makes a client that follows its files.

mod dates;
mod requests;

use std::error::Error;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, header, response};
use http_body_util::{BodyExt, Either};
use kube::client::{AuthError, Body, ClientBuilder, DynBody};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio_util::bytes::Bytes;
use tower::util::BoxService;
use tower::{BoxError, Layer, Service};

pub use dates::Dates;
pub use requests::{Asked, Requests};

use crate::model::observation::ApiState;
use crate::model::redact::redact;
use crate::model::wording;

/// A request that is no watch must be answered in full within this time, a watch must be accepted.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// A server may not silence this agent for longer.
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(300);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("kubewhy/", env!("CARGO_PKG_VERSION")));
const TEXT_LIMIT: usize = 512;

/// Where the address and the credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// The service account of the pod this process runs in.
    InCluster,
    /// The current context of this kubeconfig file.
    Kubeconfig(PathBuf),
}

/// Why no client could be made. None of them goes away without the operator.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// This process does not run in a pod with a service account.
    #[error("no service account found; run in a pod that mounts its token, or name a kubeconfig")]
    InCluster(#[source] kube::config::InClusterError),
    /// The kubeconfig can't be used. Its parser quotes the file, so what it says is withheld.
    #[error("kubeconfig {path} is not valid; check it with `kubectl config view`", path = .0.display())]
    Invalid(PathBuf),
    /// The kubeconfig can't be read, or names something that is not there.
    #[error("kubeconfig {path} cannot be used; name another or mend it", path = .0.display())]
    Kubeconfig(PathBuf, #[source] KubeconfigError),
    /// The certificates or the address can't be used.
    #[error("the API server's address or certificates cannot be used: {0}")]
    Unusable(String),
}

/// What is made of every request and its answer, beside what it says.
#[derive(Clone, Debug)]
pub struct Heeded {
    /// Takes the time it is there.
    pub dates: Dates,
    /// Counts.
    pub requests: Requests,
}

/// Makes a client from what the files hold now. Nothing is sent yet.
///
/// # Errors
///
/// Where address or credentials are missing or malformed; never because the API server is away.
pub(super) async fn connect_once(access: &Access, heeded: Heeded) -> Result<Client, AccessError> {
    client(config(access).await?, heeded)
}

/// Makes a client for a configuration that was loaded already, with our deadlines and user agent; its requests are counted.
///
/// # Errors
///
/// Where address or certificates can't be used.
pub fn client(mut config: Config, heeded: Heeded) -> Result<Client, AccessError> {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    config.read_timeout = None; // a calm watch is silent for minutes; `Deadline` bounds the rest
    config.default_retry = false; // fifteen hidden tries of 5 ms to 1,000 s: no deadline would hold
    config.headers.push((header::USER_AGENT, USER_AGENT));
    let builder = ClientBuilder::try_from(config).map_err(|error| AccessError::Unusable(words(&error)))?;
    Ok(finished(builder, heeded))
}

/// Makes a client over something else than a network, with the same deadlines, and its requests counted: for simulations.
#[must_use]
pub fn over(connection: Connection, heeded: Heeded) -> Client {
    finished(ClientBuilder::new(connection, "default"), heeded)
}

fn finished(builder: ClientBuilder<Connection>, heeded: Heeded) -> Client {
    builder.with_layer(&WithDeadline(heeded.dates)).with_layer(&heeded.requests).build()
}

async fn config(access: &Access) -> Result<Config, AccessError> {
    match access {
        Access::InCluster => Config::incluster().map_err(AccessError::InCluster),
        Access::Kubeconfig(path) => {
            let refused = |error| match error {
                KubeconfigError::Parse(_) => AccessError::Invalid(path.clone()),
                other => AccessError::Kubeconfig(path.clone(), other),
            };
            let file = Kubeconfig::read_from(path).map_err(refused)?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(refused)
        }
    }
}

/// How the API server stands to this agent, by a failed request for `verb` on `resource`.
#[must_use]
pub fn state_after(error: &kube::Error, verb: &str, resource: &str) -> ApiState {
    let refused = |text| ApiState::Refused { verb: verb.into(), resource: resource.into(), text };
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => refused(words(error)),
        _ if auth_error(error).is_some() => refused(words(error)),
        _ => ApiState::Unreachable(words(error)),
    }
}

/// What a failed request says, for people: one line, bounded, no secrets.
#[must_use]
pub fn words(error: &kube::Error) -> String {
    let text = match (error, auth_error(error)) {
        (_, Some(AuthError::ReadTokenFile(cause, path))) => format!("token file {}: {cause}", path.display()),
        (_, Some(AuthError::AuthExecStart(cause))) => format!("the credential plugin could not be started: {cause}"),
        (_, Some(_)) => "the credentials could not be loaded; check the kubeconfig's user".to_owned(),
        (kube::Error::Api(status), _) => format!("{} {}", status.code, status.message),
        (kube::Error::Service(cause), _) => wording::chain(&**cause),
        (other, _) => wording::chain(other),
    };
    wording::cut(&wording::one_line(&redact(&text)), TEXT_LIMIT)
}

/// The failure to load credentials that an error stems from.
fn auth_error(error: &kube::Error) -> Option<&AuthError> {
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = at {
        if let Some(auth) = error.downcast_ref() {
            return Some(auth);
        }
        at = error.source();
    }
    None
}

/// What takes a request to the API server.
pub type Connection = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

struct WithDeadline(Dates);

impl Layer<Connection> for WithDeadline {
    type Service = Deadline;

    fn layer(&self, inner: Connection) -> Deadline {
        Deadline { inner, dates: self.0.clone() }
    }
}

/// Gives an ordinary request until [`DEADLINE`] for its whole answer, and a watch as long to be accepted. What comes back says
/// what time it is there.
struct Deadline {
    inner: Connection,
    dates: Dates,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", DEADLINE.as_secs())]
struct NoAnswer;

impl Service<Request<Body>> for Deadline {
    type Response = Response<Either<Body, Box<DynBody>>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let watch = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let (dates, sent) = (self.dates.clone(), self.dates.sent());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let whole = async {
                let answer = answer.await?;
                dates.note(&answer, sent);
                let (head, body) = answer.into_parts();
                if watch && head.status.is_success() {
                    return Ok(Response::from_parts(head, Either::Right(body)));
                }
                let body = with_retry_after(&head, body.collect().await?.to_bytes());
                Ok(Response::from_parts(head, Either::Left(body.into())))
            };
            tokio::time::timeout(DEADLINE, whole).await.map_err(|_| NoAnswer)?
        })
    }
}

/// Puts `Retry-After` where [`retry_after`] finds it: of an answer that is an error only the body is kept. Priority and
/// fairness say it in the header alone (Kubernetes: apiserver/pkg/server/filters/priority-and-fairness.go).
fn with_retry_after(head: &response::Parts, body: Bytes) -> Bytes {
    let told = head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u32>().ok());
    let Some(seconds) = told.filter(|_| !head.status.is_success()) else { return body };
    let mut status = serde_json::from_slice(&body).ok().filter(Value::is_object).unwrap_or_else(
        || json!({"kind": "Status", "code": head.status.as_u16(), "message": String::from_utf8_lossy(&body).trim()}),
    );
    if !status["details"].is_object() {
        status["details"] = json!({});
    }
    status["details"]["retryAfterSeconds"] = json!(seconds);
    status.to_string().into()
}

/// How long the API server asks to be left alone, if it does.
#[must_use]
pub fn retry_after(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()).min(RETRY_AFTER_AT_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::observation::{Observation, Seen};
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::WatchParams;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    /// More than ever comes.
    const UNENDING: &str = "content-length: 100";

    /// A server that answers the first request with `answer`, or not at all, and hands back what it was sent.
    async fn serve(answer: Option<&'static str>) -> (Config, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let request = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut sent = [0; 4096];
            let length = connection.read(&mut sent).await.unwrap();
            match answer {
                Some(answer) => connection.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
            if answer.is_some_and(|answer| answer.contains(UNENDING)) {
                std::future::pending().await
            }
            String::from_utf8_lossy(&sent[..length]).into_owned()
        });
        (Config::new(address), request)
    }

    fn dates() -> (Dates, mpsc::Receiver<Observation>) {
        let (out, seen) = mpsc::channel(1);
        (Dates::new(out, Clock::starting_at("2026-11-21T03:00:00Z".parse().unwrap())), seen)
    }

    fn heeded(dates: Dates) -> Heeded {
        Heeded { dates, requests: Requests::default() }
    }

    async fn get(config: Config) -> kube::Error {
        get_and(config).await.0
    }

    /// What a request fails with, and what its answer told of the time.
    async fn get_and(config: Config) -> (kube::Error, mpsc::Receiver<Observation>) {
        let (dates, seen) = dates();
        let api: kube::Api<Pod> = kube::Api::default_namespaced(client(config, heeded(dates)).unwrap());
        (api.get("a").await.unwrap_err(), seen)
    }

    #[tokio::test]
    async fn every_answer_tells_what_time_it_is_there_be_it_a_refusal() {
        let answer = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ndate: Sat, 21 Nov 2026 02:55:00 GMT\r\n\r\nno";
        let (config, _request) = serve(Some(answer)).await;
        let (_, mut seen) = get_and(config).await;
        let Observation { seen: Seen::Clocks(skew), .. } = seen.recv().await.unwrap() else { panic!() };
        assert_eq!(skew.theirs.to_string(), "2026-11-21T02:55:00Z");
    }

    #[tokio::test]
    async fn a_refusal_names_verb_and_resource_and_requests_name_the_agent() {
        let answer = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n\
            {\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"not yours\"}";
        let (config, request) = serve(Some(answer)).await;
        let refused =
            ApiState::Refused { verb: "get".into(), resource: "pods".into(), text: "403 not yours".to_owned() };
        assert_eq!(state_after(&get(config).await, "get", "pods"), refused);
        assert!(
            request.await.unwrap().to_lowercase().contains(concat!("user-agent: kubewhy/", env!("CARGO_PKG_VERSION")))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_left_after_the_deadline() {
        let (config, _request) = serve(None).await;
        let state = state_after(&get(config).await, "get", "pods");
        assert_eq!(state, ApiState::Unreachable("no answer within 15 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_ends_is_left_after_the_deadline_as_is_the_refusal_of_a_watch() {
        let left = ApiState::Unreachable("no answer within 15 s".to_owned());
        let (config, _request) = serve(Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")).await;
        assert_eq!(state_after(&get(config).await, "get", "pods"), left);
        let (config, _request) = serve(Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\n{")).await;
        let api: kube::Api<Pod> = kube::Api::all(client(config, heeded(dates().0)).unwrap());
        let refused = api.watch(&WatchParams::default(), "0").await.err().unwrap();
        assert_eq!(state_after(&refused, "watch", "pods"), left);
    }

    #[tokio::test]
    async fn how_long_to_wait_is_kept_whether_header_or_status_says_it() {
        let header = "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 7\r\n\r\nToo many requests";
        let (config, _request) = serve(Some(header)).await;
        let error = get(config).await;
        assert_eq!(
            (retry_after(&error), words(&error)),
            (Some(Duration::from_secs(7)), "429 Too many requests".to_owned())
        );
        let status =
            "HTTP/1.1 503 No\r\nconnection: close\r\n\r\n{\"code\":503,\"details\":{\"retryAfterSeconds\":9999}}";
        let (config, _request) = serve(Some(status)).await;
        assert_eq!(retry_after(&get(config).await), Some(RETRY_AFTER_AT_MOST));
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_unreachable_in_plain_words() {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.auth_info.token = Some("very-secret".to_owned().into());
        let ApiState::Unreachable(text) = state_after(&get(config).await, "get", "pods") else { panic!() };
        assert!(text.contains("refused") && !text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn a_kubeconfig_that_does_not_parse_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, "users: [{user: {token: very-secret}}\nclusters: 3").unwrap();
        let error = connect_once(&Access::Kubeconfig(path), heeded(dates().0)).await.err().unwrap();
        assert!(matches!(error, AccessError::Invalid(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
