//! containerd's own API, over the connection that CRI uses: leases, the content store and image labels, all in
//! Kubernetes' namespace. It reads what CRI does not show, and writes only leases and pins of ours.

mod blobs;
mod convert;
mod images;
mod leases;
pub mod pulls;

use std::path::Path;
use std::sync::Arc;

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::sandbox::StoreListRequest;
use containerd_client::services::v1::sandbox::store_client::StoreClient;
use containerd_client::services::v1::version_client::VersionClient;
use containerd_client::services::v1::{
    Container, Info, InfoRequest, ListContainersRequest, ListStatusesRequest, ReadContentRequest, Status as Ingest,
    VersionResponse,
};
use containerd_client::types::Sandbox;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::call;
use super::cri::{ANSWER_LIMIT, Cri};
use super::link::{Link, Live};
use crate::model::runtime::{CallFailure, FailureKind, RuntimeInfo};

pub use images::Pin;

/// containerd's name in CRI `Version`.
pub const NAME: &str = "containerd";

/// The namespace in which CRI keeps its images (containerd: internal/cri/constants).
const NAMESPACE: &str = "k8s.io";

/// The label that ends a lease, as RFC 3339 (containerd: core/leases/lease.go WithExpiration).
pub const EXPIRES: &str = "containerd.io/gc.expire";

/// The label of a lease of our own: the image it is for.
pub const OWN_IMAGE: &str = "kubewhy.dev/image";

/// A client of containerd's own API. Clones share the connection of the [`Cri`] it was made from. Calls fail where the
/// runtime is not containerd.
#[derive(Clone, Debug)]
pub struct Containerd {
    link: Arc<Link>,
}

impl Containerd {
    /// A client over the connection of `cri`.
    #[must_use]
    pub fn new(cri: &Cri) -> Self {
        Self { link: cri.link().clone() }
    }

    /// containerd's version, from its own service.
    ///
    /// # Errors
    /// How the call failed; so for all methods here.
    pub async fn version(&self) -> Result<VersionResponse, CallFailure> {
        let ask = async |c: Channel| VersionClient::new(c).version(()).await;
        self.ask("Version", ask).await
    }

    /// Blobs being written, with their offsets. Costs a few small files per blob: poll only while a pull is known.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn ingests(&self) -> Result<Vec<Ingest>, CallFailure> {
        let request = in_namespace(ListStatusesRequest::default());
        let ask = async |c: Channel| content(c).list_statuses(request).await;
        Ok(self.ask("Content.ListStatuses", ask).await?.statuses)
    }

    /// Size and labels of a blob; none where it is not there.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn blob(&self, digest: &str) -> Result<Option<Info>, CallFailure> {
        let request = in_namespace(InfoRequest { digest: digest.to_owned() });
        let ask = async |c: Channel| unless(Code::NotFound, content(c).info(request).await);
        Ok(self.ask("Content.Info", ask).await?.and_then(|answer| answer.info))
    }

    /// The bytes of a blob, at most `limit` of them; none where it is not there.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn read_blob(&self, digest: &str, limit: usize) -> Result<Option<Vec<u8>>, CallFailure> {
        let size = i64::try_from(limit).unwrap_or(i64::MAX);
        let request = in_namespace(ReadContentRequest { digest: digest.to_owned(), offset: 0, size });
        let ask = async |c: Channel| unless(Code::NotFound, collect(content(c), request, limit).await);
        self.ask("Content.Read", ask).await
    }

    /// Who answers now, as CRI tells it.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn runtime(&self) -> Result<Arc<RuntimeInfo>, CallFailure> {
        self.link.live().await.map(|live| live.runtime).map_err(|no| no.failure)
    }

    /// The sandbox store's records that match one of these filters; from containerd 2 on it holds CRI's sandboxes, from the
    /// moment at which their making begins.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn sandboxes(&self, filters: Vec<String>) -> Result<Vec<Sandbox>, CallFailure> {
        let request = in_namespace(StoreListRequest { filters });
        let client = |c: Channel| StoreClient::new(c).max_decoding_message_size(ANSWER_LIMIT);
        let ask = async |c: Channel| client(c).list(request).await;
        Ok(self.ask("SandboxStore.List", ask).await?.list)
    }

    /// The container records that match one of these filters. Those of CRI's sandboxes are among them before the sandboxes
    /// are done.
    ///
    /// # Errors
    /// How the call failed.
    pub async fn containers(&self, filters: Vec<String>) -> Result<Vec<Container>, CallFailure> {
        let request = in_namespace(ListContainersRequest { filters });
        let client = |c: Channel| ContainersClient::new(c).max_decoding_message_size(ANSWER_LIMIT);
        let ask = async |c: Channel| client(c).list(request).await;
        Ok(self.ask("Containers.List", ask).await?.containers)
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        ask: impl AsyncFnOnce(Channel) -> Result<Response<T>, Status>,
    ) -> Result<T, CallFailure> {
        let live = self.link.live().await.map_err(|no| no.failure)?;
        if &*live.runtime.name != NAME {
            return Err(not_containerd(live.socket(), &live));
        }
        self.link.containerd_calls.count(what);
        self.link.exchange(&live, what, self.link.deadlines().containerd, ask(live.channel.clone())).await
    }
}

fn not_containerd(socket: &Path, live: &Live) -> CallFailure {
    let text = format!("the runtime is {}, only containerd shows this", live.runtime.name);
    call::failure(FailureKind::Unsupported, socket, &text)
}

fn content(channel: Channel) -> ContentClient<Channel> {
    ContentClient::new(channel).max_decoding_message_size(ANSWER_LIMIT)
}

async fn collect(
    mut client: ContentClient<Channel>,
    request: Request<ReadContentRequest>,
    limit: usize,
) -> Result<Response<Vec<u8>>, Status> {
    let mut stream = client.read(request).await?.into_inner();
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        let Some(part) = stream.message().await? else { break };
        bytes.extend_from_slice(&part.data);
    }
    bytes.truncate(limit);
    Ok(Response::new(bytes))
}

fn in_namespace<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", MetadataValue::from_static(NAMESPACE));
    request
}

/// An answer, or none where the error says only that things are already as they should be.
fn unless<T>(code: Code, answer: Result<Response<T>, Status>) -> Result<Response<Option<T>>, Status> {
    match answer {
        Err(status) if status.code() == code => Ok(Response::new(None)),
        answer => answer.map(|response| response.map(Some)),
    }
}
