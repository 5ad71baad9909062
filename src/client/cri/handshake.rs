//! The first words on a new connection: who answers, and does it speak CRI v1? Runtimes that speak only v1alpha2
//! (containerd before 1.6, CRI-O before 1.23) and sockets without CRI (Docker's own containerd) are told by name.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1alpha2::runtime_service_client::RuntimeServiceClient as OldRuntimeServiceClient;
use k8s_cri::{v1, v1alpha2};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::client::call;
use crate::model::runtime::{CallFailure, FailureKind, RuntimeInfo};

/// The CRI version of the kubelet's own greeting (Kubernetes: pkg/kubelet/cri/remote/remote_runtime.go).
const KUBE_API_VERSION: &str = "0.1.0";

/// Asks who answers.
///
/// # Errors
/// [`FailureKind::Unsupported`] where it is no CRI v1 runtime, else how the call failed.
pub(crate) async fn greet(channel: Channel, socket: &Path, deadline: Duration) -> Result<RuntimeInfo, CallFailure> {
    let request = v1::VersionRequest { version: KUBE_API_VERSION.to_owned() };
    let mut client = RuntimeServiceClient::new(channel.clone());
    match within(deadline, socket, client.version(request)).await? {
        Ok(answer) => Ok(RuntimeInfo {
            name: answer.runtime_name.into(),
            version: answer.runtime_version.into(),
            api: answer.runtime_api_version.into(),
            socket: socket.to_owned(),
        }),
        Err(status) if status.code() == Code::Unimplemented => Err(greet_old(channel, socket, deadline).await),
        Err(status) if call::is_broken(&status) => Err(call::broken(socket, &status)),
        Err(status) => Err(call::answered(socket, &status)),
    }
}

/// What is wrong with a server that has no CRI v1.
async fn greet_old(channel: Channel, socket: &Path, deadline: Duration) -> CallFailure {
    let request = v1alpha2::VersionRequest { version: KUBE_API_VERSION.to_owned() };
    let mut client = OldRuntimeServiceClient::new(channel);
    let text = match within(deadline, socket, client.version(request)).await {
        Err(failure) => return failure,
        Ok(Ok(answer)) => format!(
            "{} {} at {} speaks only CRI v1alpha2, this agent and kubelets from 1.26 on need v1: upgrade the runtime",
            answer.runtime_name,
            answer.runtime_version,
            socket.display()
        ),
        Ok(Err(status)) => format!(
            "{} answers, but not as a container runtime for Kubernetes: its CRI plugin is disabled or did not start, see \
             its log ({})",
            socket.display(),
            call::as_go_prints(&status)
        ),
    };
    call::failure(FailureKind::Unsupported, socket, &text)
}

async fn within<T>(
    deadline: Duration,
    socket: &Path,
    exchange: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<Result<T, Status>, CallFailure> {
    match timeout(deadline, exchange).await {
        Ok(answer) => Ok(answer.map(Response::into_inner)),
        Err(_) => Err(call::timed_out(socket, "Version", deadline)),
    }
}
