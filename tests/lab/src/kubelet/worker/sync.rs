//! One sync of one pod, in the kubelet's order (Kubernetes: pkg/kubelet/kubelet.go, SyncPod; kuberuntime_manager.go, SyncPod).

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_cri::v1 as cri;
use tokio::time::Instant;

use super::{Order, Outcome, Worker};
use crate::kubelet::actions::{ToStart, to_start};
use crate::kubelet::container::{self, Start};
use crate::kubelet::golang;
use crate::kubelet::record::Stage;
use crate::kubelet::recorder::{Type, reference};
use crate::kubelet::relist::{Container, PodRuntime, Sandbox, addresses};
use crate::kubelet::rpc::RpcError;
use crate::kubelet::sandbox::{config, host_network};
use crate::kubelet::status::{Failure, spec};
use crate::kubelet::volumes;

/// A container that was not started.
enum Refused {
    Failed(Failure),
    BackedOff(Failure, Duration),
}

impl Worker {
    /// Brings the pod one step further.
    pub(super) async fn sync(&mut self, runtime: &PodRuntime) -> Outcome {
        self.publish(runtime).await;
        if matches!(self.written.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return Outcome::Done;
        }
        let network = self.parts.health.network_error();
        if let Some(error) = network.filter(|_| !host_network(&self.pod)) {
            self.begins(Stage::Sandbox, runtime);
            self.warn("NetworkNotReady", format!("network is not ready: {error}"));
            return Outcome::NoNetwork;
        }
        self.begins(Stage::Volumes, runtime);
        if let Err(error) = self.make_folders() {
            self.warn("Failed", format!("error making pod data directories: {error}"));
            return Outcome::Failed;
        }
        if !self.volumes_ready().await {
            return Outcome::Failed;
        }
        let mut runtime = runtime.clone();
        let Some(sandbox) = self.sandbox(&mut runtime).await else { return Outcome::Failed };
        self.start_containers(&runtime, &sandbox).await
    }

    /// Notes a stage before the images, unless a sandbox is there already.
    fn begins(&self, stage: Stage, runtime: &PodRuntime) {
        if runtime.usable(host_network(&self.pod)).is_none() {
            self.parts.record.begins(&self.id.uid, stage, None);
        }
    }

    /// Waits for the pod's claims; a time-out is no Event. A deletion ends it.
    async fn volumes_ready(&self) -> bool {
        let spec = spec(&self.pod);
        let claims = spec.volumes.iter().flatten().filter_map(|volume| volume.persistent_volume_claim.as_ref());
        let deadline = Instant::now() + volumes::PATIENCE;
        for claim in claims {
            while !volumes::is_attached(&self.parts, &self.id, &claim.claim_name).await {
                if Instant::now() > deadline || self.leaves() {
                    return false;
                }
                tokio::time::sleep(volumes::RETRY).await;
            }
        }
        true
    }

    fn leaves(&self) -> bool {
        match &*self.orders.borrow() {
            Order::Run(pod) => pod.metadata.deletion_timestamp.is_some(),
            Order::Gone => true,
        }
    }

    pub(super) fn warn(&self, reason: &str, message: String) {
        self.parts.recorder.record(&reference(&*self.pod), Type::Warning, reason, message);
    }

    fn make_folders(&self) -> std::io::Result<()> {
        let folder = self.parts.options.root.join("pods").join(&self.id.uid);
        fs::create_dir_all(folder.join("volumes"))?;
        fs::create_dir_all(folder.join("plugins"))
    }

    /// The sandbox to use: the one there is, or a new one, which is then the first of `runtime`.
    async fn sandbox(&mut self, runtime: &mut PodRuntime) -> Option<Sandbox> {
        if let Some(sandbox) = runtime.usable(host_network(&self.pod)) {
            return Some(sandbox.clone());
        }
        self.begins(Stage::Sandbox, runtime);
        let mut attempt = 0;
        if let Some(newest) = runtime.sandboxes.first() {
            attempt = newest.attempt + 1;
            let text = "Pod sandbox changed, it will be killed and re-created.".to_owned();
            self.parts.recorder.record(&reference(&*self.pod), Type::Normal, "SandboxChanged", text);
            self.stop_sandboxes(runtime).await.ok()?;
        }
        match self.new_sandbox(attempt).await {
            Ok(sandbox) => {
                for old in &mut runtime.sandboxes {
                    old.ready = false;
                }
                runtime.sandboxes.insert(0, sandbox.clone());
                self.publish(runtime).await;
                Some(sandbox)
            }
            Err(text) => {
                self.warn("FailedCreatePodSandBox", format!("Failed to create pod sandbox: {text}"));
                None
            }
        }
    }

    async fn stop_sandboxes(&self, runtime: &PodRuntime) -> Result<(), RpcError> {
        for sandbox in &runtime.sandboxes {
            if let Err(error) = self.parts.runtime.stop_sandbox(&sandbox.id).await {
                self.warn("FailedKillPod", format!("error killing pod: {error}"));
                return Err(error);
            }
        }
        Ok(())
    }

    fn sandbox_config(&self, attempt: u32) -> cri::PodSandboxConfig {
        let options = &self.parts.options;
        config(&self.pod, attempt, &options.logs, &options.cgroup_parent)
    }

    async fn new_sandbox(&self, attempt: u32) -> Result<Sandbox, String> {
        fs::create_dir_all(self.id.log_folder(&self.parts.options.logs)).map_err(|error| error.to_string())?;
        let runtime = &self.parts.runtime;
        let id = runtime.run_sandbox(self.sandbox_config(attempt)).await.map_err(|error| error.to_string())?;
        // What little is done between the sandbox and the first image counts as the image's.
        self.parts.record.begins(&self.id.uid, Stage::ImagePull, None);
        let ips = addresses(runtime.sandbox_status(&id).await.map_err(|error| error.to_string())?);
        Ok(Sandbox { id, attempt, ready: true, created: i64::MAX, ips })
    }

    async fn start_containers(&mut self, runtime: &PodRuntime, sandbox: &Sandbox) -> Outcome {
        let spec = spec(&self.pod);
        let mut outcome = Outcome::Done;
        let mut missing: HashSet<&str> = spec.containers.iter().map(|container| &*container.name).collect();
        missing.retain(|name| !runtime.instances(name).any(|container| container.sandbox == sandbox.id));
        for action in to_start(&spec, runtime, &sandbox.id) {
            self.bury(runtime, &action.spec.name).await;
            let name = action.spec.name.clone();
            match self.start(action, sandbox).await {
                Ok(()) => {
                    self.failures.remove(&name);
                    missing.remove(&*name);
                }
                Err(Refused::Failed(failure)) => {
                    self.failures.insert(name, failure);
                    outcome = Outcome::Failed;
                }
                Err(Refused::BackedOff(failure, left)) => {
                    self.failures.insert(name, failure);
                    outcome = sooner(outcome, left);
                }
            }
        }
        self.rests(missing.is_empty());
        outcome
    }

    /// Notes where the pod stands until its next sync: at what failed first on the way, or at its goal.
    fn rests(&self, complete: bool) {
        let failed = |(name, failure): (&String, &Failure)| Some((held_at(&failure.reason)?, name.clone()));
        let uid = &self.id.uid;
        match self.failures.iter().filter_map(failed).min() {
            Some((stage, container)) => self.parts.record.begins(uid, stage, Some(&container)),
            None if complete => self.parts.record.begins(uid, Stage::Running, None),
            None => {}
        }
    }

    /// Keeps one dead instance of a container, as the kubelet's garbage collection does.
    async fn bury(&self, runtime: &PodRuntime, name: &str) {
        for dead in runtime.instances(name).skip(1).filter(|container| container.exited()) {
            if let Err(error) = self.parts.runtime.remove_container(&dead.status.id).await {
                tracing::debug!(%error, "dead container not removed");
            }
        }
    }

    async fn start(&mut self, action: ToStart<'_>, sandbox: &Sandbox) -> Result<(), Refused> {
        if let Some(exited) = action.exited {
            self.crash_backoff(action, exited)?;
        }
        let start = Start {
            pod: &self.pod,
            container: action.spec,
            init: action.init,
            attempt: action.attempt,
            sandbox_id: &sandbox.id,
            sandbox: &self.sandbox_config(sandbox.attempt),
        };
        start.run(&Arc::clone(&self.parts)).await.map_err(Refused::Failed)
    }

    /// Refuses while the container's back-off since its end lasts, else counts one more restart.
    fn crash_backoff(&mut self, action: ToStart<'_>, exited: &Container) -> Result<(), Refused> {
        let name = &action.spec.name;
        let now = Instant::now();
        let since = now.checked_sub(age(exited)).unwrap_or(now);
        let Some(left) = self.crashes.remaining(name, Some(since), now) else {
            self.crashes.next(name, now);
            return Ok(());
        };
        let pod = format!("{}_{}({})", self.id.name, self.id.namespace, self.id.uid);
        let text = format!("Back-off restarting failed container {name} in pod {pod}");
        let about = container::about(&self.pod, name, action.init);
        self.parts.recorder.record(&about, Type::Warning, "BackOff", text);
        let pause = golang::duration(self.crashes.pause(name));
        let message = format!("back-off {pause} restarting failed container={name} pod={pod}");
        Err(Refused::BackedOff(Failure { reason: "CrashLoopBackOff".to_owned(), message }, left))
    }
}

/// The stage that a container waits at with that reason; none for one that ran and is to run again.
fn held_at(reason: &str) -> Option<Stage> {
    match reason {
        "CreateContainerConfigError" | "CreateContainerError" => Some(Stage::Create),
        "RunContainerError" => Some(Stage::Start),
        "PostStartHookError" => Some(Stage::Hook),
        "CrashLoopBackOff" => None,
        _ => Some(Stage::ImagePull),
    }
}

fn age(exited: &Container) -> Duration {
    let now = Timestamp::now().as_nanosecond();
    let nanoseconds = now.saturating_sub(i128::from(exited.status.finished_at));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
}

fn sooner(outcome: Outcome, left: Duration) -> Outcome {
    match outcome {
        Outcome::Failed => Outcome::Failed,
        Outcome::CrashLoop(other) => Outcome::CrashLoop(other.min(left)),
        Outcome::Done | Outcome::NoNetwork => Outcome::CrashLoop(left),
    }
}
