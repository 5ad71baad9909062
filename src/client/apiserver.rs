//! The way to the API server: in-cluster or by a kubeconfig, with a deadline on every request, and its refusals in words.
//! Never retries (each caller knows how), and never lets a token or a credential plugin's output into a text.
//!
//! Token files are read again by the kube crate once a minute, so a rotated service account token is picked up.

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

use crate::model::observation::ApiState;
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

/// Makes a client. Nothing is sent yet.
///
/// # Errors
///
/// Where address or credentials are missing or malformed; never because the API server is away.
pub async fn connect(access: &Access) -> Result<Client, AccessError> {
    client(config(access).await?)
}

/// Makes a client for a configuration that was loaded already, with our deadlines and user agent.
///
/// # Errors
///
/// Where address or certificates can't be used.
pub fn client(mut config: Config) -> Result<Client, AccessError> {
    config.connect_timeout = Some(CONNECT_DEADLINE);
    config.read_timeout = None; // a calm watch is silent for minutes; `Deadline` bounds the rest
    config.default_retry = false; // fifteen hidden tries of 5 ms to 1,000 s: no deadline would hold
    config.headers.push((header::USER_AGENT, USER_AGENT));
    let builder = ClientBuilder::try_from(config).map_err(|error| AccessError::Unusable(words(&error)))?;
    Ok(builder.with_layer(&WithDeadline).build())
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
        (kube::Error::Service(cause), _) => chain(&**cause),
        (other, _) => chain(other),
    };
    wording::cut(&wording::one_line(&text), TEXT_LIMIT)
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

/// An error with its sources, without what a message repeats of its source.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(source) = at {
        let part = source.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        at = source.source();
    }
    text
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
