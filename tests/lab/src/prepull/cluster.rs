//! API server and kubelet of the node on which pods' pulls are compared: a pod is bound to it, and the kubelet's own record
//! tells what the pull of its image took. It ends nothing but its own pods.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::ground::Ground;
use crate::apiserver::resources::PODS;
use crate::apiserver::{self, ApiServer};
use crate::demo::{NAMESPACE, node_ready, ordinary, pod};
use crate::kubelet::Kubelet;
use crate::kubelet::record::Stage;

const PULLED_WITHIN: Duration = Duration::from_secs(120);
const GONE_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Cluster {
    api: ApiServer,
    kubelet: Kubelet,
    /// How the agent reaches the API server.
    pub(super) kubeconfig: PathBuf,
    pods: AtomicU32,
}

impl Cluster {
    /// Starts both, and waits until the node is ready.
    pub(super) async fn start(ground: &Ground<'_>) -> anyhow::Result<Self> {
        let api = ApiServer::start(apiserver::Options::default()).await?;
        let kubeconfig = ground.lab.dir.join("kubeconfig");
        api.kubeconfig(&kubeconfig)?;
        let kubelet = Kubelet::start(ordinary(ground.lab, api.url(), ground.containerd))?;
        node_ready(&api).await?;
        Ok(Self { api, kubelet, kubeconfig, pods: AtomicU32::new(0) })
    }

    /// Runs a pod of that image until its container is to be made, and ends it; what the pull took.
    pub(super) async fn pull(&self, image: &str) -> anyhow::Result<Duration> {
        let name = format!("pod-{}", self.pods.fetch_add(1, Ordering::Relaxed));
        let pod = self.api.store().put(pod(NAMESPACE, &name, json!({"image": image}))).context("pods are served")?;
        let uid = pod["metadata"]["uid"].as_str().context("a pod has a uid")?;
        let pulled = timeout(PULLED_WITHIN, self.pulled(uid)).await;
        let took = pulled.with_context(|| format!("{image} was not pulled: {:?}", self.kubelet.record().steps(uid)))?;
        self.end(&name).await?;
        took
    }

    async fn pulled(&self, uid: &str) -> anyhow::Result<Duration> {
        let at = |stage: Stage| -> Option<Timestamp> {
            self.kubelet.record().steps(uid).into_iter().find(|step| step.stage == stage).map(|step| step.at)
        };
        loop {
            if let (Some(begun), Some(over)) = (at(Stage::ImagePull), at(Stage::Create)) {
                return Ok(over.duration_since(begun).try_into()?);
            }
            sleep(LOOK).await;
        }
    }

    /// With a second to end in; until the kubelet has taken it down.
    async fn end(&self, name: &str) -> anyhow::Result<()> {
        let store = self.api.store();
        let pod = store.get(&PODS, NAMESPACE, name).with_context(|| format!("{name} is gone"))?;
        let mut pod = Value::clone(&pod);
        pod["metadata"]["deletionTimestamp"] = json!(apiserver::rfc3339(Timestamp::now()));
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(1);
        store.put(pod);
        let gone = async {
            while store.get(&PODS, NAMESPACE, name).is_some() {
                sleep(LOOK).await;
            }
        };
        timeout(GONE_WITHIN, gone).await.with_context(|| format!("{name} does not end"))
    }
}
