//! The calls this agent makes over CRI v1. It never subscribes to `GetContainerEvents` (a reader there can steal events
//! from the kubelet or block the runtime), never removes anything, and never prints a request.

pub mod auth;
pub mod deadlines;
pub(super) mod handshake;

use std::sync::Arc;

use k8s_cri::v1::image_service_client::ImageServiceClient;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    Container, ImageFsInfoRequest, ImageFsInfoResponse, ImageSpec, ImageStatusRequest, ImageStatusResponse,
    ListContainersRequest, ListPodSandboxRequest, PodSandbox, PodSandboxStatusRequest, PullImageRequest,
    PullImageResponse, StatusRequest, StatusResponse, VersionRequest, VersionResponse,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status};

use self::auth::RegistryAuth;
use self::deadlines::Deadlines;
use super::call::{self, Call};
use super::calls::CallCounts;
use super::endpoint::Endpoint;
use super::link::{Link, Live};
use crate::clock::Clock;
use crate::model::runtime::{CallFailure, FailureKind, Method};

/// The largest answer that is decoded, as in the kubelet (Kubernetes: pkg/kubelet/cri/remote/utils.go maxMsgSize).
pub(super) const ANSWER_LIMIT: usize = 16 << 20;

/// The metadata by which a caller of containerd hands its own lease to a pull
/// (containerd: core/leases/grpc.go GRPCHeader). Other runtimes ignore it.
const LEASE_HEADER: &str = "containerd-lease";

/// A client of the runtime's CRI socket. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Cri {
    link: Arc<Link>,
}

impl Cri {
    /// A client that connects when it is first used.
    #[must_use]
    pub fn new(endpoint: Endpoint, clock: Clock, deadlines: Deadlines) -> Self {
        Self { link: Arc::new(Link::new(endpoint, clock, deadlines)) }
    }

    /// How often containerd's own API was called over this connection.
    #[must_use]
    pub fn containerd_calls(&self) -> CallCounts {
        self.link.containerd_calls.clone()
    }

    /// The connection, which containerd's own API shares.
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Who answers, and on which connection; connects if need be.
    pub async fn connected(&self) -> Call<Live> {
        self.link.timed(Method::Connect, async |live| Ok(live.clone())).await
    }

    /// `Version`.
    pub async fn version(&self) -> Call<VersionResponse> {
        let request = VersionRequest::default();
        let deadline = self.link.deadlines().version;
        let ask =
            async |live: &Live| self.link.exchange(live, "Version", deadline, runtime(live).version(request)).await;
        self.link.timed(Method::Version, ask).await
    }

    /// `Status`, with the runtime's configuration and CNI state if `verbose`.
    pub async fn status(&self, verbose: bool) -> Call<StatusResponse> {
        let deadline = self.link.deadlines().status;
        let ask = async |live: &Live| {
            self.link.exchange(live, "Status", deadline, runtime(live).status(StatusRequest { verbose })).await
        };
        self.link.timed(Method::Status, ask).await
    }

    /// `ListPodSandbox`: all of them.
    pub async fn list_pod_sandbox(&self) -> Call<Vec<PodSandbox>> {
        let request = ListPodSandboxRequest::default();
        let deadline = self.link.deadlines().list;
        let ask = async |live: &Live| {
            let mut client = runtime(live);
            let answer = self.link.exchange(live, "ListPodSandbox", deadline, client.list_pod_sandbox(request)).await;
            Ok(answer?.items)
        };
        self.link.timed(Method::ListPodSandbox, ask).await
    }

    /// `ListContainers`: all of them, in any state.
    pub async fn list_containers(&self) -> Call<Vec<Container>> {
        let request = ListContainersRequest::default();
        let deadline = self.link.deadlines().list;
        let ask = async |live: &Live| {
            let mut client = runtime(live);
            let answer = self.link.exchange(live, "ListContainers", deadline, client.list_containers(request)).await;
            Ok(answer?.containers)
        };
        self.link.timed(Method::ListContainers, ask).await
    }

    /// `ImageStatus` of one image; an absent one is an answer without an image.
    pub async fn image_status(&self, image: &str) -> Call<ImageStatusResponse> {
        let request = ImageStatusRequest { image: Some(spec(image)), verbose: false };
        let deadline = self.link.deadlines().image;
        let ask = async |live: &Live| {
            self.link.exchange(live, "ImageStatus", deadline, images(live).image_status(request)).await
        };
        self.link.timed(Method::ImageStatus, ask).await
    }

    /// The image that a sandbox was made with, by `PodSandboxStatus`: containerd's word (internal/cri/server/podsandbox/types).
    /// Its verbose part holds the whole specification of the pod; nothing else of it is read.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn sandbox_image(&self, id: &str) -> Result<Option<String>, CallFailure> {
        let live = self.link.live().await.map_err(|no| no.failure)?;
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
        let deadline = self.link.deadlines().list;
        let mut client = runtime(&live);
        let answer =
            self.link.exchange(&live, "PodSandboxStatus", deadline, client.pod_sandbox_status(request)).await?;
        let told = answer.info.get("info").and_then(|info| serde_json::from_str::<MadeWith>(info).ok());
        Ok(told.map(|told| told.image).filter(|image| !image.is_empty()))
    }

    /// `ImageFsInfo`: where images lie, and how many bytes they use by a figure the runtime refreshes now and then.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn image_fs_info(&self) -> Result<ImageFsInfoResponse, CallFailure> {
        let live = self.link.live().await.map_err(|no| no.failure)?;
        let deadline = self.link.deadlines().image;
        let mut client = images(&live);
        self.link.exchange(&live, "ImageFsInfo", deadline, client.image_fs_info(ImageFsInfoRequest {})).await
    }

    /// `PullImage`, for as long as it takes or until `stop`. Dropping the call stops it as well. With a lease of
    /// [`super::containerd::Containerd::create_lease`] a pull that was stopped goes on from its bytes the next time.
    pub async fn pull_image(
        &self,
        image: &str,
        auth: Option<RegistryAuth>,
        lease: Option<&str>,
        stop: &CancellationToken,
    ) -> Call<PullImageResponse> {
        let pull = async |live: &Live| {
            let request = pull_request(live, image, auth, lease)?;
            let mut client = images(live);
            tokio::select! {
                answer = client.pull_image(request) => Ok(self.link.settle(live, answer).await?.into_inner()),
                () = stop.cancelled() => Err(called_off(live)),
            }
        };
        self.link.timed(Method::PullImage, pull).await
    }
}

/// What a sandbox tells of itself, as far as it is read.
#[derive(serde::Deserialize)]
struct MadeWith {
    #[serde(default)]
    image: String,
}

fn called_off(live: &Live) -> CallFailure {
    call::answered(live.socket(), &Status::cancelled("the pull was called off"))
}

fn pull_request(
    live: &Live,
    image: &str,
    auth: Option<RegistryAuth>,
    lease: Option<&str>,
) -> Result<Request<PullImageRequest>, CallFailure> {
    let auth = auth.map(RegistryAuth::into_wire);
    let mut request = Request::new(PullImageRequest { image: Some(spec(image)), auth, sandbox_config: None });
    if let Some(lease) = lease.filter(|_| &*live.runtime.name == super::containerd::NAME) {
        let value = lease.parse().map_err(|_| {
            let text = format!("the lease id `{lease}` holds characters that gRPC metadata can't: choose another");
            call::failure(FailureKind::Answered, live.socket(), &text)
        })?;
        request.metadata_mut().insert(LEASE_HEADER, value);
    }
    Ok(request)
}

fn spec(image: &str) -> ImageSpec {
    ImageSpec { image: image.to_owned(), ..ImageSpec::default() }
}

fn runtime(live: &Live) -> RuntimeServiceClient<Channel> {
    RuntimeServiceClient::new(live.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
}

fn images(live: &Live) -> ImageServiceClient<Channel> {
    ImageServiceClient::new(live.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
}
