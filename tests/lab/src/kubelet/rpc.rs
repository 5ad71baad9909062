//! The CRI as the kubelet calls it: one socket, its deadlines, its error text. Never retries.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use k8s_cri::v1 as cri;
use k8s_cri::v1::image_service_client::ImageServiceClient;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::golang;

/// The limit of most calls: the kubelet's `runtimeRequestTimeout`.
const USUAL: Duration = Duration::from_secs(120);
/// RunPodSandbox gets twice that (Kubernetes: staging/src/k8s.io/cri-client/pkg/remote_runtime.go).
const SANDBOX: Duration = Duration::from_secs(240);
/// The largest answer the kubelet reads (Kubernetes: staging/src/k8s.io/cri-client/pkg/utils.go).
const LARGEST: usize = 16 << 20;

/// A failed call, printed as Go prints it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("rpc error: code = {code} desc = {message}")]
pub(super) struct RpcError {
    code: String,
    /// The description alone: what the kubelet keeps in `waiting.message` of a container it could not create or start.
    pub(super) message: String,
}

impl RpcError {
    pub(super) fn not_found(&self) -> bool {
        self.code == "NotFound"
    }
}

/// A lazy connection: calls fail while nobody listens and succeed once somebody does.
#[derive(Debug, Clone)]
pub(super) struct Runtime {
    channel: Channel,
    socket: Arc<str>,
}

impl Runtime {
    pub(super) fn at(socket: &Path) -> Self {
        let path = socket.to_path_buf();
        let connector = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static("http://runtime").connect_with_connector_lazy(connector);
        Self { channel, socket: socket.to_string_lossy().into() }
    }

    fn runtime(&self) -> RuntimeServiceClient<Channel> {
        RuntimeServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    fn images(&self) -> ImageServiceClient<Channel> {
        ImageServiceClient::new(self.channel.clone()).max_decoding_message_size(LARGEST)
    }

    fn text(&self, status: &Status) -> RpcError {
        let message = golang::description(status, &self.socket);
        let code = if message.starts_with("connection error:") { Code::Unavailable } else { status.code() };
        RpcError { code: golang::code(code), message }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, RpcError> {
        match timeout(limit, call).await {
            Ok(answer) => answer.map(Response::into_inner).map_err(|status| self.text(&status)),
            Err(_) => Err(RpcError {
                code: golang::code(Code::DeadlineExceeded),
                message: "context deadline exceeded".to_owned(),
            }),
        }
    }

    pub(super) async fn version(&self) -> Result<cri::VersionResponse, RpcError> {
        let request = limited(USUAL, cri::VersionRequest { version: "0.1.0".to_owned() });
        self.within(USUAL, self.runtime().version(request)).await
    }

    pub(super) async fn status(&self) -> Result<Vec<cri::RuntimeCondition>, RpcError> {
        let request = limited(USUAL, cri::StatusRequest { verbose: false });
        let answer = self.within(USUAL, self.runtime().status(request)).await?;
        Ok(answer.status.map(|status| status.conditions).unwrap_or_default())
    }

    pub(super) async fn list_sandboxes(&self) -> Result<Vec<cri::PodSandbox>, RpcError> {
        let request = limited(USUAL, cri::ListPodSandboxRequest { filter: None });
        Ok(self.within(USUAL, self.runtime().list_pod_sandbox(request)).await?.items)
    }

    pub(super) async fn list_containers(&self) -> Result<Vec<cri::Container>, RpcError> {
        let request = limited(USUAL, cri::ListContainersRequest { filter: None });
        Ok(self.within(USUAL, self.runtime().list_containers(request)).await?.containers)
    }

    pub(super) async fn container_status(&self, id: &str) -> Result<Option<cri::ContainerStatus>, RpcError> {
        let request = limited(USUAL, cri::ContainerStatusRequest { container_id: id.to_owned(), verbose: false });
        Ok(self.within(USUAL, self.runtime().container_status(request)).await?.status)
    }

    pub(super) async fn sandbox_status(&self, id: &str) -> Result<Option<cri::PodSandboxStatus>, RpcError> {
        let request = limited(USUAL, cri::PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: false });
        Ok(self.within(USUAL, self.runtime().pod_sandbox_status(request)).await?.status)
    }

    pub(super) async fn run_sandbox(&self, config: cri::PodSandboxConfig) -> Result<String, RpcError> {
        let request = cri::RunPodSandboxRequest { config: Some(config), runtime_handler: String::new() };
        let request = limited(SANDBOX, request);
        Ok(self.within(SANDBOX, Box::pin(self.runtime().run_pod_sandbox(request))).await?.pod_sandbox_id)
    }

    pub(super) async fn stop_sandbox(&self, id: &str) -> Result<(), RpcError> {
        let request = limited(USUAL, cri::StopPodSandboxRequest { pod_sandbox_id: id.to_owned() });
        self.within(USUAL, self.runtime().stop_pod_sandbox(request)).await.map(drop)
    }

    pub(super) async fn remove_sandbox(&self, id: &str) -> Result<(), RpcError> {
        let request = limited(USUAL, cri::RemovePodSandboxRequest { pod_sandbox_id: id.to_owned() });
        self.within(USUAL, self.runtime().remove_pod_sandbox(request)).await.map(drop)
    }

    pub(super) async fn create_container(&self, request: cri::CreateContainerRequest) -> Result<String, RpcError> {
        let request = limited(USUAL, request);
        Ok(self.within(USUAL, Box::pin(self.runtime().create_container(request))).await?.container_id)
    }

    pub(super) async fn start_container(&self, id: &str) -> Result<(), RpcError> {
        let request = limited(USUAL, cri::StartContainerRequest { container_id: id.to_owned() });
        self.within(USUAL, self.runtime().start_container(request)).await.map(drop)
    }

    pub(super) async fn stop_container(&self, id: &str, grace: i64) -> Result<(), RpcError> {
        let request = limited(USUAL, cri::StopContainerRequest { container_id: id.to_owned(), timeout: grace });
        self.within(USUAL, self.runtime().stop_container(request)).await.map(drop)
    }

    /// Runs a command in a container, however long that takes, and returns its exit code.
    pub(super) async fn exec(&self, id: &str, command: &[String]) -> Result<i32, RpcError> {
        let request = cri::ExecSyncRequest { container_id: id.to_owned(), cmd: command.to_vec(), timeout: 0 };
        let answer = self.runtime().exec_sync(request).await.map_err(|status| self.text(&status))?;
        Ok(answer.into_inner().exit_code)
    }

    pub(super) async fn remove_container(&self, id: &str) -> Result<(), RpcError> {
        let request = limited(USUAL, cri::RemoveContainerRequest { container_id: id.to_owned() });
        self.within(USUAL, self.runtime().remove_container(request)).await.map(drop)
    }

    pub(super) async fn image(&self, image: &str) -> Result<Option<cri::Image>, RpcError> {
        let request = limited(USUAL, cri::ImageStatusRequest { image: Some(spec(image)), verbose: false });
        Ok(self.within(USUAL, self.images().image_status(request)).await?.image)
    }

    /// Pulls without a deadline, as the kubelet does: the runtime alone decides when a pull has failed.
    pub(super) async fn pull(&self, image: &str, sandbox: cri::PodSandboxConfig) -> Result<String, RpcError> {
        let request = cri::PullImageRequest { image: Some(spec(image)), auth: None, sandbox_config: Some(sandbox) };
        let mut images = self.images();
        let answer = Box::pin(images.pull_image(request)).await.map_err(|status| self.text(&status))?;
        Ok(answer.into_inner().image_ref)
    }
}

fn limited<T>(limit: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

fn spec(image: &str) -> cri::ImageSpec {
    cri::ImageSpec { image: image.to_owned(), ..cri::ImageSpec::default() }
}
