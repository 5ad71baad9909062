//! One pod's worker: syncs it again and again until it is gone (Kubernetes: pkg/kubelet/pod_workers.go). A sync is never
//! interrupted: as in the kubelet, a deletion waits for a pull that hangs.

mod sync;
mod terminate;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Parts;
use super::backoff::Backoff;
use super::relist::{PodRuntime, Relist};
use super::sandbox::Identity;
use super::status::{self, Facts, Failures};

/// A pod with nothing left to do is looked at again after this long (Kubernetes: pkg/kubelet/pod_workers.go).
const RESYNC: Range<u64> = 60_000..90_000;
/// A pod without network is tried again after this long.
const NETWORK_RETRY: Range<u64> = 1_000..1_500;
/// The longest pause before a container in back-off is looked at again.
const BACKOFF_CHECK: Duration = Duration::from_secs(60);
/// A status that could not be written is written again after this long (Kubernetes: pkg/kubelet/status/status_manager.go).
const STATUS_RETRY: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// While the runtime is down the sync loop looks again this often.
const GATE: Duration = Duration::from_millis(200);

/// What the API server wants of a pod.
#[derive(Debug, Clone)]
pub(super) enum Order {
    Run(Arc<Pod>),
    /// Deleted without waiting for us.
    Gone,
}

/// How a sync ended, which decides when the next one begins.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Done,
    NoNetwork,
    Failed,
    CrashLoop(Duration),
}

/// The memory of one pod between syncs.
#[derive(Debug)]
pub(super) struct Worker {
    parts: Arc<Parts>,
    id: Identity,
    pod: Arc<Pod>,
    orders: watch::Receiver<Order>,
    relist: watch::Receiver<Relist>,
    failures: Failures,
    crashes: Backoff,
    written: PodStatus,
    unwritten: bool,
}

impl Worker {
    pub(super) fn new(parts: Arc<Parts>, pod: Arc<Pod>, orders: watch::Receiver<Order>) -> Self {
        let id = Identity::of(&pod);
        parts.record.bound(&id.uid, &id.name);
        Self {
            id,
            written: pod.status.clone().unwrap_or_default(),
            relist: parts.relist.clone(),
            failures: Failures::new(),
            crashes: Backoff::new(parts.options.backoff_initial, parts.options.backoff_max),
            unwritten: false,
            parts,
            pod,
            orders,
        }
    }

    /// Lives until the pod is gone from runtime and API.
    pub(super) async fn run(mut self) {
        let mut synced = None;
        loop {
            let runtime = self.observed(synced).await;
            if self.ordered_to_end() {
                return self.terminate().await;
            }
            self.gate().await;
            let outcome = self.sync(&runtime).await;
            synced = Some(Instant::now());
            self.rest(outcome, &runtime).await;
        }
    }

    /// What runs, from a look later than the last sync; a pod never synced does not wait for one.
    async fn observed(&mut self, synced: Option<Instant>) -> Arc<PodRuntime> {
        let seen = self.relist.wait_for(|relist| synced.is_none() || relist.at > synced).await;
        if let Ok(relist) = seen.map(|relist| relist.clone()) {
            return relist.pod(&self.id.uid);
        }
        std::future::pending().await
    }

    fn ordered_to_end(&mut self) -> bool {
        match self.orders.borrow_and_update().clone() {
            Order::Run(pod) => {
                self.pod = pod;
                self.pod.metadata.deletion_timestamp.is_some()
            }
            Order::Gone => true,
        }
    }

    /// Holds every pod while the runtime is down, as the kubelet's sync loop does.
    async fn gate(&self) {
        loop {
            let relisted = self.relist.borrow().at;
            if self.parts.health.runtime_errors(relisted, Instant::now()).is_empty() {
                return;
            }
            sleep(GATE).await;
        }
    }

    /// Waits for the next reason to sync: time, a changed pod, or something that happened to what runs.
    async fn rest(&mut self, outcome: Outcome, seen: &PodRuntime) {
        let uid = self.id.uid.clone();
        let mut pause = self.pause(outcome);
        if self.unwritten {
            pause = pause.min(STATUS_RETRY);
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = self.orders.changed() => {}
            _ = self.relist.wait_for(|relist| *relist.pod(&uid) != *seen) => {}
        }
    }

    fn pause(&self, outcome: Outcome) -> Duration {
        let millis = match outcome {
            Outcome::Done => fastrand::u64(RESYNC),
            Outcome::NoNetwork => fastrand::u64(NETWORK_RETRY),
            Outcome::Failed => self.failed_retry(),
            Outcome::CrashLoop(left) => return left.min(BACKOFF_CHECK).mul_f64(1.0 + fastrand::f64() / 2.0),
        };
        Duration::from_millis(millis)
    }

    fn failed_retry(&self) -> u64 {
        let (from, to) = self.parts.options.retry;
        let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        fastrand::u64(millis(from)..=millis(to).max(millis(from)))
    }

    /// Writes the status as it is now, unless it is what was written last.
    async fn publish(&mut self, runtime: &PodRuntime) {
        let facts =
            Facts { pod: &self.pod, runtime, failures: &self.failures, before: &self.written, now: Timestamp::now() };
        let status = status::generate(facts);
        if status == self.written && !self.unwritten {
            return;
        }
        let pods = Api::<Pod>::namespaced(self.parts.client.clone(), &self.id.namespace);
        let change = Patch::Merge(json!({ "metadata": { "uid": self.id.uid }, "status": status }));
        let params = PatchParams::default();
        let answer = timeout(ANSWER_WITHIN, pods.patch_status(&self.id.name, &params, &change)).await;
        self.unwritten = !matches!(answer, Ok(Ok(_)));
        if self.unwritten {
            tracing::warn!(namespace = self.id.namespace, pod = self.id.name, "pod status not written");
        }
        self.written = status;
    }
}
