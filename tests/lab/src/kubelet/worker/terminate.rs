//! The end of a pod: sandboxes stopped and removed, directories deleted, the object let go (Kubernetes: SyncTerminatingPod,
//! SyncTerminatedPod). Tries for ever, with the pause of failed syncs.

use std::fs;
use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};
use tokio::time::{Instant, sleep, timeout};

use super::{ANSWER_WITHIN, Order, Worker};
use crate::kubelet::container::about;
use crate::kubelet::recorder::Type;
use crate::kubelet::relist::PodRuntime;
use crate::kubelet::rpc::RpcError;

impl Worker {
    pub(super) async fn terminate(mut self) {
        self.parts.record.ends(&self.id.uid);
        let mut runtime = self.observed(Some(Instant::now())).await;
        self.say_killing(&runtime);
        while *runtime != PodRuntime::default() {
            if let Err(error) = self.remove_all(&runtime).await {
                self.warn("FailedKillPod", format!("error killing pod: {error}"));
                sleep(Duration::from_millis(self.failed_retry())).await;
            }
            runtime = self.observed(Some(Instant::now())).await;
        }
        self.parts.images.forget(&self.id.uid);
        self.remove_folders();
        while !self.let_go().await {
            sleep(Duration::from_millis(self.failed_retry())).await;
        }
    }

    fn say_killing(&self, runtime: &PodRuntime) {
        for container in runtime.containers.iter().filter(|container| container.runs()) {
            let name = container.name();
            let inits = self.pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
            let about = about(&self.pod, name, inits.into_iter().any(|init| init.name == name));
            self.parts.recorder.record(&about, Type::Normal, "Killing", format!("Stopping container {name}"));
        }
    }

    async fn remove_all(&self, runtime: &PodRuntime) -> Result<(), RpcError> {
        for sandbox in &runtime.sandboxes {
            self.parts.runtime.stop_sandbox(&sandbox.id).await?;
            self.parts.runtime.remove_sandbox(&sandbox.id).await?;
        }
        let orphans = runtime.containers.iter();
        for container in orphans.filter(|each| runtime.sandboxes.iter().all(|sandbox| sandbox.id != each.sandbox)) {
            self.parts.runtime.remove_container(&container.status.id).await?;
        }
        Ok(())
    }

    fn remove_folders(&self) {
        let options = &self.parts.options;
        for folder in [options.root.join("pods").join(&self.id.uid), self.id.log_folder(&options.logs)] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(folder = %folder.display(), %error, "folder of a gone pod stays");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Deletes the object; true once it is gone.
    async fn let_go(&self) -> bool {
        if matches!(*self.orders.borrow(), Order::Gone) {
            return true;
        }
        let pods = Api::<Pod>::namespaced(self.parts.client.clone(), &self.id.namespace);
        let only = Preconditions { uid: Some(self.id.uid.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default().grace_period(0) };
        match timeout(ANSWER_WITHIN, pods.delete(&self.id.name, &params)).await {
            Ok(Ok(_)) => true,
            Ok(Err(kube::Error::Api(refusal))) => refusal.is_not_found() || refusal.is_conflict(),
            Ok(Err(_)) | Err(_) => false,
        }
    }
}
