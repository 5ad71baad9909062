//! The few CRI calls these tests make, with the lab's cgroup. No kubelet: no order, no retries.

use std::time::Duration;

use k8s_cri::v1::image_service_client::ImageServiceClient;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerConfig, ContainerMetadata, CreateContainerRequest, ImageSpec, LinuxPodSandboxConfig,
    ListPodSandboxRequest, PodSandboxConfig, PodSandboxMetadata, PodSandboxStatusRequest, PullImageRequest,
    RemovePodSandboxRequest, RunPodSandboxRequest, StartContainerRequest, StatusRequest, StopPodSandboxRequest,
};
use kubewhy_lab::Lab;
use tonic::transport::Channel;

const PATIENCE: Duration = Duration::from_secs(60);

/// Awaits with a deadline, so that a hang is an error.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::time::timeout(PATIENCE, what).await?)
}

/// Asks again and again until it is so.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    soon(async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[derive(Clone)]
pub(crate) struct Cri {
    runtime: RuntimeServiceClient<Channel>,
    images: ImageServiceClient<Channel>,
    cgroup: String,
    attempt: u32,
}

impl Cri {
    pub(crate) fn of(lab: &Lab) -> anyhow::Result<Self> {
        let channel = lab.containerd.channel()?;
        Ok(Self {
            runtime: RuntimeServiceClient::new(channel.clone()),
            images: ImageServiceClient::new(channel),
            cgroup: lab.cgroup.clone(),
            attempt: 0,
        })
    }

    fn config(&self, name: &str) -> PodSandboxConfig {
        let metadata = PodSandboxMetadata {
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            namespace: "default".to_owned(),
            attempt: self.attempt,
        };
        let cgroup_parent = format!("{}/pod-{name}", self.cgroup);
        PodSandboxConfig {
            metadata: Some(metadata),
            linux: Some(LinuxPodSandboxConfig { cgroup_parent, ..Default::default() }),
            ..Default::default()
        }
    }

    pub(crate) async fn pull(&mut self, image: &str) -> Result<String, String> {
        let spec = ImageSpec { image: image.to_owned(), ..Default::default() };
        let request = PullImageRequest { image: Some(spec), ..Default::default() };
        let answer =
            tokio::time::timeout(PATIENCE, self.images.pull_image(request)).await.map_err(|e| e.to_string())?;
        answer.map(|answer| answer.into_inner().image_ref).map_err(|status| status.message().to_owned())
    }

    /// Each call is a new attempt: where the plugin fails to clean up too, containerd keeps the failed sandbox and its name.
    pub(crate) async fn run_sandbox(&mut self, name: &str) -> Result<String, String> {
        self.attempt += 1;
        let request = RunPodSandboxRequest { config: Some(self.config(name)), ..Default::default() };
        let answer = Box::pin(self.runtime.run_pod_sandbox(request)).await;
        answer.map(|answer| answer.into_inner().pod_sandbox_id).map_err(|status| status.message().to_owned())
    }

    pub(crate) async fn address(&mut self, sandbox: &str) -> anyhow::Result<String> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: sandbox.to_owned(), verbose: false };
        let status = soon(self.runtime.pod_sandbox_status(request)).await??.into_inner().status.unwrap_or_default();
        Ok(status.network.unwrap_or_default().ip)
    }

    pub(crate) async fn start_container(&mut self, name: &str, sandbox: &str, image: &str) -> anyhow::Result<String> {
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: "app".to_owned(), attempt: 0 }),
            image: Some(ImageSpec { image: image.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(self.config(name)),
        };
        let id = soon(Box::pin(self.runtime.create_container(request))).await??.into_inner().container_id;
        soon(self.runtime.start_container(StartContainerRequest { container_id: id.clone() })).await??;
        Ok(id)
    }

    pub(crate) async fn remove_sandbox(&mut self, sandbox: &str) -> anyhow::Result<()> {
        let pod_sandbox_id = sandbox.to_owned();
        let stop = StopPodSandboxRequest { pod_sandbox_id: pod_sandbox_id.clone() };
        soon(self.runtime.stop_pod_sandbox(stop)).await??;
        soon(self.runtime.remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id })).await??;
        Ok(())
    }

    pub(crate) async fn sandboxes(&mut self) -> anyhow::Result<usize> {
        let answer = soon(self.runtime.list_pod_sandbox(ListPodSandboxRequest::default())).await??;
        Ok(answer.into_inner().items.len())
    }

    /// Whether the runtime says that its network is ready.
    pub(crate) async fn network_ready(&mut self) -> bool {
        let Ok(answer) = self.runtime.status(StatusRequest::default()).await else { return false };
        let conditions = answer.into_inner().status.unwrap_or_default().conditions;
        conditions.iter().any(|condition| condition.r#type == "NetworkReady" && condition.status)
    }
}
