//! The way to the API server: in-cluster or by a kubeconfig, with a deadline on every request, and its refusals in words.
//! Never retries (each caller knows how), and never lets a token or a credential plugin's output into a text.
//!
//! Token files are read again by the kube crate once a minute, so a rotated service account token is picked up.

mod requests;

use std::error::Error;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Either};
use kube::client::{AuthError, Body, ClientBuilder, DynBody};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::util::BoxService;
use tower::{BoxError, Layer, Service};

pub use requests::{Asked, Requests};

use crate::model::observation::ApiState;
use crate::model::redact::redact;
use crate::model::wording;

/// A request that is no watch must be answered in full within this time, a watch must be accepted.
pub const DEADLINE: Duration = Duration::from_secs(15);

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

/// Makes a client whose requests are counted. Nothing is sent yet.
///
/// # Errors
///
/// Where address or credentials are missing or malformed; never because the API server is away.
pub async fn connect(access: &Access, requests: &Requests) -> Result<Client, AccessError> {
    client(config(access).await?, requests)
}

/// Makes a client for a configuration that was loaded already, with our deadlines and user agent; its requests are counted.
///
/// # Errors
///
/// Where address or certificates can't be used.
pub fn client(mut config: Config, requests: &Requests) -> Result<Client, AccessError> {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    config.read_timeout = None; // a calm watch is silent for minutes; `Deadline` bounds the rest
    config.default_retry = false; // fifteen hidden tries of 5 ms to 1,000 s: no deadline would hold
    config.headers.push((header::USER_AGENT, USER_AGENT));
    let builder = ClientBuilder::try_from(config).map_err(|error| AccessError::Unusable(words(&error)))?;
    Ok(builder.with_layer(&WithDeadline).with_layer(requests).build())
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

type Inner = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

struct WithDeadline;

impl Layer<Inner> for WithDeadline {
    type Service = Deadline;

    fn layer(&self, inner: Inner) -> Deadline {
        Deadline(inner)
    }
}

/// Gives an ordinary request until [`DEADLINE`] for its whole answer, and a watch as long to be accepted.
struct Deadline(Inner);

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", DEADLINE.as_secs())]
struct NoAnswer;

impl Service<Request<Body>> for Deadline {
    type Response = Response<Either<Body, Box<DynBody>>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let watch = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let answer = self.0.call(request);
        Box::pin(async move {
            let whole = async {
                let (head, body) = answer.await?.into_parts();
                let body =
                    if watch { Either::Right(body) } else { Either::Left(body.collect().await?.to_bytes().into()) };
                Ok(Response::from_parts(head, body))
            };
            tokio::time::timeout(DEADLINE, whole).await.map_err(|_| NoAnswer)?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

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
            String::from_utf8_lossy(&sent[..length]).into_owned()
        });
        (Config::new(address), request)
    }

    async fn get(config: Config) -> kube::Error {
        let api: kube::Api<Pod> = kube::Api::default_namespaced(client(config, &Requests::default()).unwrap());
        api.get("a").await.unwrap_err()
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
        let error = connect(&Access::Kubeconfig(path), &Requests::default()).await.err().unwrap();
        assert!(matches!(error, AccessError::Invalid(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
