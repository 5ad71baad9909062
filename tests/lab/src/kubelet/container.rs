//! Starts one container: image, configuration, create, start (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go).

mod environment;
mod mounts;
pub(super) mod security;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use k8s_cri::v1 as cri;
use k8s_openapi::api::core::v1::{Container, ObjectReference, Pod};

use super::Parts;
use super::hook;
use super::images::Wanted;
use super::record::Stage;
use super::recorder::{Type, reference};
use super::sandbox::Identity;
use super::status::Failure;

/// A container about to be started in a sandbox that is ready.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) pod: &'a Pod,
    pub(super) container: &'a Container,
    pub(super) init: bool,
    pub(super) attempt: u32,
    pub(super) sandbox_id: &'a str,
    pub(super) sandbox: &'a cri::PodSandboxConfig,
}

/// The pod with the field path of one of its containers, which container Events are about.
pub(super) fn about(pod: &Pod, container: &str, init: bool) -> ObjectReference {
    let list = if init { "initContainers" } else { "containers" };
    ObjectReference { field_path: Some(format!("spec.{list}{{{container}}}")), ..reference(pod) }
}

impl Start<'_> {
    /// Starts it, or says in Events and in the failure why not.
    pub(super) async fn run(&self, parts: &Arc<Parts>) -> Result<(), Failure> {
        let about = about(self.pod, &self.container.name, self.init);
        let image = self.image(parts, &about).await?;
        self.begins(parts, Stage::Create);
        let config = self.config(parts, image).await.map_err(|message| {
            self.fail(parts, &about, Failure { reason: "CreateContainerConfigError".to_owned(), message })
        })?;
        let id = self.create(parts, config).await.map_err(|failure| self.fail(parts, &about, failure))?;
        parts.recorder.record(&about, Type::Normal, "Created", "Container created".to_owned());
        self.begins(parts, Stage::Start);
        if let Err(error) = parts.runtime.start_container(&id).await {
            let message = error.message.replace(&id, &self.container.name);
            return Err(self.fail(parts, &about, Failure { reason: "RunContainerError".to_owned(), message }));
        }
        parts.recorder.record(&about, Type::Normal, "Started", "Container started".to_owned());
        self.hook(parts, &about, &id).await
    }

    async fn hook(&self, parts: &Arc<Parts>, about: &ObjectReference, id: &str) -> Result<(), Failure> {
        let Some(command) = hook::command(self.container) else { return Ok(()) };
        self.begins(parts, Stage::Hook);
        hook::run(&parts.runtime, id, command).await.map_err(|error| {
            tracing::debug!(error, "postStart hook failed");
            let message = "PostStartHook failed".to_owned();
            parts.recorder.record(about, Type::Warning, "FailedPostStartHook", message.clone());
            Failure { reason: "PostStartHookError".to_owned(), message }
        })
    }

    fn begins(&self, parts: &Parts, stage: Stage) {
        let uid = self.pod.metadata.uid.as_deref().unwrap_or_default();
        parts.record.begins(uid, stage, Some(&self.container.name));
    }

    async fn image(&self, parts: &Arc<Parts>, about: &ObjectReference) -> Result<String, Failure> {
        let uid = self.pod.metadata.uid.as_deref().unwrap_or_default();
        let wanted = Wanted { about, uid, container: self.container, sandbox: self.sandbox };
        let answer = parts.images.ensure(wanted).await;
        answer.inspect_err(|failure| {
            parts.recorder.record(about, Type::Warning, "Failed", format!("Error: {}", failure.reason));
        })
    }

    fn fail(&self, parts: &Arc<Parts>, about: &ObjectReference, failure: Failure) -> Failure {
        parts.recorder.record(about, Type::Warning, "Failed", format!("Error: {}", failure.message));
        failure
    }

    async fn create(&self, parts: &Arc<Parts>, config: cri::ContainerConfig) -> Result<String, Failure> {
        let request = cri::CreateContainerRequest {
            pod_sandbox_id: self.sandbox_id.to_owned(),
            config: Some(config),
            sandbox_config: Some(self.sandbox.clone()),
        };
        let answer = parts.runtime.create_container(request).await;
        answer.map_err(|error| Failure { reason: "CreateContainerError".to_owned(), message: error.message })
    }

    async fn config(&self, parts: &Arc<Parts>, image: String) -> Result<cri::ContainerConfig, String> {
        let container = self.container;
        let id = Identity::of(self.pod);
        self.make_folders(&parts.options.root, Path::new(&self.sandbox.log_directory), &id).map_err(|error| {
            format!("create container log directory for container {} failed: {error}", container.name)
        })?;
        let envs = environment::resolve(parts, self.pod, container).await?;
        let mounts = mounts::of(parts, self.pod, container).await?;
        let mut labels = id.labels();
        labels.insert("io.kubernetes.container.name".to_owned(), container.name.clone());
        let restarts = ("io.kubernetes.container.restartCount".to_owned(), self.attempt.to_string());
        Ok(cri::ContainerConfig {
            metadata: Some(cri::ContainerMetadata { name: container.name.clone(), attempt: self.attempt }),
            image: Some(cri::ImageSpec {
                image,
                user_specified_image: container.image.clone().unwrap_or_default(),
                ..cri::ImageSpec::default()
            }),
            command: container.command.clone().unwrap_or_default(),
            args: container.args.clone().unwrap_or_default(),
            working_dir: container.working_dir.clone().unwrap_or_default(),
            envs,
            mounts,
            labels,
            annotations: [restarts].into(),
            log_path: format!("{}/{}.log", container.name, self.attempt),
            linux: Some(self.linux()),
            ..cri::ContainerConfig::default()
        })
    }

    fn linux(&self) -> cri::LinuxContainerConfig {
        cri::LinuxContainerConfig {
            resources: Some(cri::LinuxContainerResources {
                cpu_shares: 2,
                oom_score_adj: 1000,
                ..cri::LinuxContainerResources::default()
            }),
            security_context: Some(security::context(self.pod, self.container)),
        }
    }

    /// The directories the kubelet makes before it asks for the container; the agent reads progress from them.
    fn make_folders(&self, root: &Path, logs: &Path, id: &Identity) -> std::io::Result<()> {
        fs::create_dir_all(logs.join(&self.container.name))?;
        fs::create_dir_all(root.join("pods").join(&id.uid).join("containers").join(&self.container.name))
    }
}
