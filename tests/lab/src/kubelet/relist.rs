//! What runs, seen once a second as the kubelet's PLEG sees it (Kubernetes: pkg/kubelet/pleg/generic.go). Changes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_cri::v1 as cri;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::rpc::{RpcError, Runtime};

const PERIOD: Duration = Duration::from_secs(1);
/// The label every sandbox and container of a pod carries (Kubernetes: pkg/kubelet/types/labels.go).
pub(super) const UID_LABEL: &str = "io.kubernetes.pod.uid";

/// One look at the runtime.
#[derive(Debug, Clone, Default)]
pub(super) struct Relist {
    /// When both lists had been read; none before the first success.
    pub(super) at: Option<Instant>,
    pods: Arc<HashMap<String, Arc<PodRuntime>>>,
}

impl Relist {
    /// What runs for the pod of this uid; empty when nothing does.
    pub(super) fn pod(&self, uid: &str) -> Arc<PodRuntime> {
        self.pods.get(uid).cloned().unwrap_or_default()
    }
}

/// Sandboxes and containers of one pod, the newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PodRuntime {
    pub(super) sandboxes: Vec<Sandbox>,
    pub(super) containers: Vec<Container>,
}

/// A sandbox as far as decisions need it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sandbox {
    pub(super) id: String,
    pub(super) attempt: u32,
    pub(super) ready: bool,
    pub(super) created: i64,
    pub(super) ips: Vec<String>,
}

/// A container with the sandbox it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Container {
    pub(super) sandbox: String,
    pub(super) status: cri::ContainerStatus,
}

impl Container {
    pub(super) fn name(&self) -> &str {
        self.status.metadata.as_ref().map_or("", |metadata| &metadata.name)
    }

    pub(super) fn attempt(&self) -> u32 {
        self.status.metadata.as_ref().map_or(0, |metadata| metadata.attempt)
    }

    pub(super) fn runs(&self) -> bool {
        self.status.state() == cri::ContainerState::ContainerRunning
    }

    pub(super) fn exited(&self) -> bool {
        self.status.state() == cri::ContainerState::ContainerExited
    }
}

impl PodRuntime {
    /// Every instance of the named container, the newest first.
    pub(super) fn instances<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().filter(move |container| container.name() == name)
    }

    /// The sandbox new containers can join: the newest, if it is ready, the only ready one, and has its address.
    pub(super) fn usable(&self, host_network: bool) -> Option<&Sandbox> {
        let newest = self.sandboxes.first()?;
        let alone = self.sandboxes.iter().filter(|sandbox| sandbox.ready).count() == 1;
        (newest.ready && alone && (host_network || !newest.ips.is_empty())).then_some(newest)
    }
}

/// Looks once a second for ever and publishes what it saw; a failed look publishes nothing.
pub(super) async fn run(runtime: Runtime, publish: watch::Sender<Relist>) {
    let mut known = Known::default();
    loop {
        match look(&runtime, &mut known).await {
            Ok(relist) => drop(publish.send_replace(relist)),
            Err(error) => tracing::debug!(%error, "relist failed"),
        }
        sleep(PERIOD).await;
    }
}

/// Details read before, good as long as the state in the list has not changed.
#[derive(Debug, Default)]
struct Known {
    sandboxes: HashMap<(String, i32), Vec<String>>,
    containers: HashMap<(String, i32), cri::ContainerStatus>,
}

async fn look(runtime: &Runtime, known: &mut Known) -> Result<Relist, RpcError> {
    let sandboxes = runtime.list_sandboxes().await?;
    let containers = runtime.list_containers().await?;
    let at = Instant::now();
    let mut pods: HashMap<String, PodRuntime> = HashMap::new();
    let mut next = Known::default();
    for listed in sandboxes {
        let Some(uid) = listed.labels.get(UID_LABEL).cloned() else { continue };
        let sandbox = known.sandbox(runtime, listed, &mut next).await?;
        pods.entry(uid).or_default().sandboxes.push(sandbox);
    }
    for listed in containers {
        let Some(uid) = listed.labels.get(UID_LABEL).cloned() else { continue };
        let Some(container) = known.container(runtime, listed, &mut next).await? else { continue };
        pods.entry(uid).or_default().containers.push(container);
    }
    *known = next;
    Ok(Relist {
        at: Some(at),
        pods: Arc::new(pods.into_iter().map(|(uid, pod)| (uid, Arc::new(sorted(pod)))).collect()),
    })
}

fn sorted(mut pod: PodRuntime) -> PodRuntime {
    pod.sandboxes.sort_by_key(|sandbox| std::cmp::Reverse(sandbox.created));
    pod.containers.sort_by_key(|container| std::cmp::Reverse((container.attempt(), container.status.created_at)));
    pod
}

impl Known {
    async fn sandbox(&self, runtime: &Runtime, listed: cri::PodSandbox, next: &mut Self) -> Result<Sandbox, RpcError> {
        let key = (listed.id.clone(), listed.state);
        let ips = match self.sandboxes.get(&key) {
            Some(ips) => ips.clone(),
            None => addresses(unless_gone(runtime.sandbox_status(&listed.id).await)?),
        };
        next.sandboxes.insert(key, ips.clone());
        let ready = listed.state() == cri::PodSandboxState::SandboxReady;
        let attempt = listed.metadata.map_or(0, |metadata| metadata.attempt);
        Ok(Sandbox { id: listed.id, attempt, ready, created: listed.created_at, ips })
    }

    async fn container(
        &self,
        runtime: &Runtime,
        listed: cri::Container,
        next: &mut Self,
    ) -> Result<Option<Container>, RpcError> {
        let key = (listed.id.clone(), listed.state);
        let status = match self.containers.get(&key) {
            Some(status) => Some(status.clone()),
            None => unless_gone(runtime.container_status(&listed.id).await)?,
        };
        let Some(status) = status else { return Ok(None) };
        next.containers.insert(key, status.clone());
        Ok(Some(Container { sandbox: listed.pod_sandbox_id, status }))
    }
}

/// What was removed between the list and the question is no failure of the look.
fn unless_gone<T>(answer: Result<Option<T>, RpcError>) -> Result<Option<T>, RpcError> {
    answer.or_else(|error| if error.not_found() { Ok(None) } else { Err(error) })
}

/// Every address of a sandbox, its first one first.
pub(super) fn addresses(status: Option<cri::PodSandboxStatus>) -> Vec<String> {
    let Some(network) = status.and_then(|status| status.network) else { return Vec::new() };
    let more = network.additional_ips.into_iter().map(|more| more.ip);
    std::iter::once(network.ip).chain(more).filter(|ip| !ip.is_empty()).collect()
}
