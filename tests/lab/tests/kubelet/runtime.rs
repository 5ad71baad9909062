//! A container runtime that follows a script: a real gRPC server on a unix socket that runs nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use k8s_cri::v1 as cri;
use k8s_cri::v1::image_service_server::{ImageService, ImageServiceServer};
use k8s_cri::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Code, Request, Response, Status};

/// What the runtime answers, by what it is asked for.
#[derive(Default)]
pub(crate) struct Script {
    /// Why the network is not ready.
    pub(crate) network: Option<String>,
    /// Why no sandbox can be made; `ID` stands for the sandbox's id.
    pub(crate) sandbox: Option<String>,
    /// Pulls that fail, by image, in turn and the last one for ever; others succeed.
    pub(crate) pulls: HashMap<String, Vec<(Code, String)>>,
    /// The image whose pull never ends.
    pub(crate) hanging: Option<String>,
    /// Starts that fail, by container name.
    pub(crate) starts: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    script: Script,
    images: HashMap<String, String>,
    sandboxes: Vec<cri::PodSandbox>,
    containers: Vec<(String, cri::ContainerStatus)>,
    made: usize,
}

/// The scripted runtime; it serves until it is stopped or dropped.
pub(crate) struct Runtime {
    answers: Answers,
    server: Option<oneshot::Sender<()>>,
}

/// What the server answers from; all clones are one.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<State>>);

impl Runtime {
    /// Serves on the socket, in a thread of its own, so that stopping it ends every connection as a killed process would.
    pub(crate) fn serve(socket: &Path, script: Script) -> Self {
        let answers = Answers(Arc::new(Mutex::new(State { script, ..State::default() })));
        let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = answers.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    served = serving.serve(listener) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { answers, server: Some(stop) }
    }

    /// Ends it as a killed process would: the socket's file stays.
    pub(crate) fn stop(&mut self) {
        self.server.take();
    }

    /// Sandboxes the runtime still has.
    pub(crate) fn sandboxes(&self) -> usize {
        self.answers.state().sandboxes.len()
    }

    /// Ends the running instance of a container.
    pub(crate) fn exit(&self, container: &str, code: i32) {
        let mut state = self.answers.state();
        let named = |status: &cri::ContainerStatus| status.metadata.as_ref().is_some_and(|each| each.name == container);
        let running = state.containers.iter_mut().map(|(_, status)| status);
        let running = running.filter(|status| status.state() == cri::ContainerState::ContainerRunning);
        for status in running.filter(|status| named(status)) {
            status.state = cri::ContainerState::ContainerExited.into();
            status.exit_code = code;
            status.finished_at = now();
            if code == 0 { "Completed" } else { "Error" }.clone_into(&mut status.reason);
        }
    }
}

impl Answers {
    async fn serve(self, listener: std::os::unix::net::UnixListener) -> Result<(), tonic::transport::Error> {
        tonic::transport::Server::builder()
            .add_service(RuntimeServiceServer::new(self.clone()))
            .add_service(ImageServiceServer::new(self))
            .serve_with_incoming(UnixListenerStream::new(UnixListener::from_std(listener).unwrap()))
            .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn status_(&self, _: cri::StatusRequest) -> Result<cri::StatusResponse, Status> {
        let network = self.state().script.network.clone();
        let condition = |name: &str, wrong: Option<String>| cri::RuntimeCondition {
            r#type: name.to_owned(),
            status: wrong.is_none(),
            reason: wrong.as_ref().map_or("", |_| "NetworkPluginNotReady").to_owned(),
            message: wrong.unwrap_or_default(),
        };
        let conditions = vec![condition("RuntimeReady", None), condition("NetworkReady", network)];
        Ok(cri::StatusResponse { status: Some(cri::RuntimeStatus { conditions }), ..Default::default() })
    }

    fn version_(&self, _: cri::VersionRequest) -> Result<cri::VersionResponse, Status> {
        let (name, version) = ("containerd".to_owned(), "2.1.9".to_owned());
        Ok(cri::VersionResponse { runtime_name: name, runtime_version: version, ..Default::default() })
    }

    fn run_pod_sandbox_(&self, request: cri::RunPodSandboxRequest) -> Result<cri::RunPodSandboxResponse, Status> {
        let mut state = self.state();
        let id = state.id();
        if let Some(error) = &state.script.sandbox {
            return Err(Status::unknown(error.replace("ID", &id)));
        }
        let config = request.config.unwrap();
        assert!(Path::new(&config.log_directory).is_dir(), "the log directory is made before the sandbox");
        let created_at = i64::try_from(state.made).unwrap();
        state.sandboxes.push(cri::PodSandbox {
            id: id.clone(),
            metadata: config.metadata,
            labels: config.labels,
            created_at,
            ..Default::default()
        });
        Ok(cri::RunPodSandboxResponse { pod_sandbox_id: id })
    }

    fn stop_pod_sandbox_(&self, request: cri::StopPodSandboxRequest) -> Result<cri::StopPodSandboxResponse, Status> {
        for sandbox in self.state().sandboxes.iter_mut().filter(|sandbox| sandbox.id == request.pod_sandbox_id) {
            sandbox.state = cri::PodSandboxState::SandboxNotready.into();
        }
        Ok(cri::StopPodSandboxResponse {})
    }

    fn remove_pod_sandbox_(
        &self,
        request: cri::RemovePodSandboxRequest,
    ) -> Result<cri::RemovePodSandboxResponse, Status> {
        let mut state = self.state();
        state.sandboxes.retain(|sandbox| sandbox.id != request.pod_sandbox_id);
        state.containers.retain(|(sandbox, _)| *sandbox != request.pod_sandbox_id);
        Ok(cri::RemovePodSandboxResponse {})
    }

    fn pod_sandbox_status_(
        &self,
        request: cri::PodSandboxStatusRequest,
    ) -> Result<cri::PodSandboxStatusResponse, Status> {
        let id = request.pod_sandbox_id;
        let network = Some(cri::PodSandboxNetworkStatus { ip: "10.88.0.2".to_owned(), additional_ips: Vec::new() });
        let status = Some(cri::PodSandboxStatus { id, network, ..Default::default() });
        Ok(cri::PodSandboxStatusResponse { status, ..Default::default() })
    }

    fn list_pod_sandbox_(&self, _: cri::ListPodSandboxRequest) -> Result<cri::ListPodSandboxResponse, Status> {
        Ok(cri::ListPodSandboxResponse { items: self.state().sandboxes.clone() })
    }

    fn create_container_(&self, request: cri::CreateContainerRequest) -> Result<cri::CreateContainerResponse, Status> {
        let mut state = self.state();
        let id = state.id();
        let config = request.config.unwrap();
        let mut image = config.image.unwrap();
        let image_ref = std::mem::replace(&mut image.image, image.user_specified_image.clone());
        let status = cri::ContainerStatus {
            id: id.clone(),
            metadata: config.metadata,
            created_at: now(),
            image: Some(image),
            image_ref,
            labels: config.labels,
            ..Default::default()
        };
        state.containers.push((request.pod_sandbox_id, status));
        Ok(cri::CreateContainerResponse { container_id: id })
    }

    fn start_container_(&self, request: cri::StartContainerRequest) -> Result<cri::StartContainerResponse, Status> {
        let mut state = self.state();
        let State { script, containers, .. } = &mut *state;
        let (_, status) = containers.iter_mut().find(|(_, status)| status.id == request.container_id).unwrap();
        let name = status.metadata.clone().unwrap().name;
        if let Some(error) = script.starts.get(&name) {
            status.state = cri::ContainerState::ContainerExited.into();
            status.exit_code = 128;
            status.finished_at = now();
            "StartError".clone_into(&mut status.reason);
            status.message.clone_from(error);
            return Err(Status::unknown(error));
        }
        status.state = cri::ContainerState::ContainerRunning.into();
        status.started_at = now();
        Ok(cri::StartContainerResponse {})
    }

    fn remove_container_(&self, request: cri::RemoveContainerRequest) -> Result<cri::RemoveContainerResponse, Status> {
        self.state().containers.retain(|(_, status)| status.id != request.container_id);
        Ok(cri::RemoveContainerResponse {})
    }

    fn list_containers_(&self, _: cri::ListContainersRequest) -> Result<cri::ListContainersResponse, Status> {
        let listed = |(sandbox, status): &(String, cri::ContainerStatus)| cri::Container {
            id: status.id.clone(),
            pod_sandbox_id: sandbox.clone(),
            metadata: status.metadata.clone(),
            labels: status.labels.clone(),
            state: status.state,
            created_at: status.created_at,
            ..Default::default()
        };
        Ok(cri::ListContainersResponse { containers: self.state().containers.iter().map(listed).collect() })
    }

    fn container_status_(&self, request: cri::ContainerStatusRequest) -> Result<cri::ContainerStatusResponse, Status> {
        let state = self.state();
        let found = state.containers.iter().find(|(_, status)| status.id == request.container_id);
        let status = Some(found.ok_or_else(|| Status::not_found("no such container"))?.1.clone());
        Ok(cri::ContainerStatusResponse { status, ..Default::default() })
    }
}

impl State {
    fn id(&mut self) -> String {
        self.made += 1;
        format!("{:064x}", self.made)
    }
}

fn now() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap()
}

#[tonic::async_trait]
impl ImageService for Answers {
    async fn list_images(
        &self,
        _: Request<cri::ListImagesRequest>,
    ) -> Result<Response<cri::ListImagesResponse>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn image_status(
        &self,
        request: Request<cri::ImageStatusRequest>,
    ) -> Result<Response<cri::ImageStatusResponse>, Status> {
        let name = request.into_inner().image.unwrap().image;
        let state = self.state();
        let id = state.images.get(&name).or_else(|| state.images.values().find(|id| **id == name)).cloned();
        let image = id.map(|id| cri::Image { id, size: 22_060_367, ..Default::default() });
        Ok(Response::new(cri::ImageStatusResponse { image, ..Default::default() }))
    }

    async fn pull_image(
        &self,
        request: Request<cri::PullImageRequest>,
    ) -> Result<Response<cri::PullImageResponse>, Status> {
        let name = request.into_inner().image.unwrap().image;
        if self.state().script.hanging.as_ref() == Some(&name) {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        if let Some(errors) = state.script.pulls.get_mut(&name) {
            let (code, message) = if errors.len() > 1 { errors.remove(0) } else { errors[0].clone() };
            return Err(Status::new(code, message));
        }
        let id = format!("sha256:{name}");
        state.images.insert(name, id.clone());
        Ok(Response::new(cri::PullImageResponse { image_ref: id }))
    }

    async fn remove_image(
        &self,
        _: Request<cri::RemoveImageRequest>,
    ) -> Result<Response<cri::RemoveImageResponse>, Status> {
        Err(Status::unimplemented("not in the script"))
    }

    async fn image_fs_info(
        &self,
        _: Request<cri::ImageFsInfoRequest>,
    ) -> Result<Response<cri::ImageFsInfoResponse>, Status> {
        Err(Status::unimplemented("not in the script"))
    }
}

macro_rules! runtime_service {
    (answers { $($name:ident $by:ident: $request:ident => $response:ident,)* }
     refuses { $($other:ident: $other_request:ident => $other_response:ident,)* }) => {
        #[tonic::async_trait]
        impl RuntimeService for Answers {
            $(async fn $name(&self, request: Request<cri::$request>) -> Result<Response<cri::$response>, Status> {
                self.$by(request.into_inner()).map(Response::new)
            })*
            $(async fn $other(&self, _: Request<cri::$other_request>) -> Result<Response<cri::$other_response>, Status> {
                Err(Status::unimplemented("not in the script"))
            })*
            type GetContainerEventsStream = tokio_stream::Empty<Result<cri::ContainerEventResponse, Status>>;
            async fn get_container_events(
                &self,
                _: Request<cri::GetEventsRequest>,
            ) -> Result<Response<Self::GetContainerEventsStream>, Status> {
                Err(Status::unimplemented("not in the script"))
            }
        }
    };
}

runtime_service! {
    answers {
        status status_: StatusRequest => StatusResponse,
        version version_: VersionRequest => VersionResponse,
        run_pod_sandbox run_pod_sandbox_: RunPodSandboxRequest => RunPodSandboxResponse,
        stop_pod_sandbox stop_pod_sandbox_: StopPodSandboxRequest => StopPodSandboxResponse,
        remove_pod_sandbox remove_pod_sandbox_: RemovePodSandboxRequest => RemovePodSandboxResponse,
        pod_sandbox_status pod_sandbox_status_: PodSandboxStatusRequest => PodSandboxStatusResponse,
        list_pod_sandbox list_pod_sandbox_: ListPodSandboxRequest => ListPodSandboxResponse,
        create_container create_container_: CreateContainerRequest => CreateContainerResponse,
        start_container start_container_: StartContainerRequest => StartContainerResponse,
        remove_container remove_container_: RemoveContainerRequest => RemoveContainerResponse,
        list_containers list_containers_: ListContainersRequest => ListContainersResponse,
        container_status container_status_: ContainerStatusRequest => ContainerStatusResponse,
    }
    refuses {
        stop_container: StopContainerRequest => StopContainerResponse,
        update_container_resources: UpdateContainerResourcesRequest => UpdateContainerResourcesResponse,
        reopen_container_log: ReopenContainerLogRequest => ReopenContainerLogResponse,
        exec_sync: ExecSyncRequest => ExecSyncResponse,
        exec: ExecRequest => ExecResponse,
        attach: AttachRequest => AttachResponse,
        port_forward: PortForwardRequest => PortForwardResponse,
        container_stats: ContainerStatsRequest => ContainerStatsResponse,
        list_container_stats: ListContainerStatsRequest => ListContainerStatsResponse,
        pod_sandbox_stats: PodSandboxStatsRequest => PodSandboxStatsResponse,
        list_pod_sandbox_stats: ListPodSandboxStatsRequest => ListPodSandboxStatsResponse,
        update_runtime_config: UpdateRuntimeConfigRequest => UpdateRuntimeConfigResponse,
        checkpoint_container: CheckpointContainerRequest => CheckpointContainerResponse,
        list_metric_descriptors: ListMetricDescriptorsRequest => ListMetricDescriptorsResponse,
        list_pod_sandbox_metrics: ListPodSandboxMetricsRequest => ListPodSandboxMetricsResponse,
        runtime_config: RuntimeConfigRequest => RuntimeConfigResponse,
    }
}
