//! What the kubelet thinks of its runtime (Kubernetes: pkg/kubelet/runtime.go, updateRuntimeUp). Says it, does nothing about it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_cri::v1 as cri;
use tokio::time::{Instant, sleep};

use super::golang;
use super::rpc::Runtime;

/// Between two CRI Status calls, at most.
const POLL: Duration = Duration::from_secs(5);
/// PLEG older than this is unhealthy (Kubernetes: pkg/kubelet/kubelet.go, genericPlegRelistThreshold).
const PLEG_STALE: Duration = Duration::from_secs(180);

/// The last answers of the runtime.
#[derive(Debug)]
pub(super) struct Health {
    down_after: Duration,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    good: Option<Instant>,
    runtime: Option<String>,
    network: Option<String>,
}

impl Health {
    pub(super) fn new(down_after: Duration) -> Self {
        let seen = Seen { good: None, runtime: None, network: Some("network state unknown".to_owned()) };
        Self { down_after, seen: Mutex::new(seen) }
    }

    /// Asks for ever, and often enough that a runtime that answers is never called down.
    pub(super) async fn poll(&self, runtime: &Runtime) {
        let period = POLL.min(self.down_after / 2);
        loop {
            match runtime.status().await {
                Ok(conditions) => self.take(&conditions, Instant::now()),
                Err(error) => tracing::debug!(%error, "status of the runtime unknown"),
            }
            sleep(period).await;
        }
    }

    fn take(&self, conditions: &[cri::RuntimeCondition], now: Instant) {
        let mut seen = self.seen();
        let wrong = |name: &str| match conditions.iter().find(|condition| condition.r#type == name) {
            Some(condition) if condition.status => None,
            Some(condition) => Some(format!("{name}=false reason:{} message:{}", condition.reason, condition.message)),
            None => Some("<nil>".to_owned()),
        };
        seen.network = wrong("NetworkReady").map(|wrong| format!("container runtime network not ready: {wrong}"));
        seen.runtime = wrong("RuntimeReady").map(|wrong| format!("container runtime not ready: {wrong}"));
        if seen.runtime.is_none() {
            seen.good = Some(now);
        }
    }

    /// Why no pod is synced now; empty when pods are.
    pub(super) fn runtime_errors(&self, relisted: Option<Instant>, now: Instant) -> Vec<String> {
        let seen = self.seen();
        let status = match seen.good {
            None => Some("container runtime status check may not have completed yet".to_owned()),
            Some(good) if now.duration_since(good) > self.down_after => Some("container runtime is down".to_owned()),
            Some(_) => None,
        };
        [status, seen.runtime.clone(), pleg_error(relisted, now)].into_iter().flatten().collect()
    }

    /// Why no pod gets a network; none when pods do.
    pub(super) fn network_error(&self) -> Option<String> {
        self.seen().network.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pleg_error(relisted: Option<Instant>, now: Instant) -> Option<String> {
    let Some(relisted) = relisted else {
        return Some("PLEG is not healthy: pleg has yet to be successful".to_owned());
    };
    let ago = now.duration_since(relisted);
    let threshold = golang::duration(PLEG_STALE);
    (ago > PLEG_STALE).then(|| {
        let ago = golang::duration(ago);
        format!("PLEG is not healthy: pleg was last seen active {ago} ago; threshold is {threshold}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(name: &str, status: bool) -> cri::RuntimeCondition {
        let (reason, message) = if status { ("", "") } else { ("NetworkPluginNotReady", "no") };
        cri::RuntimeCondition {
            r#type: name.to_owned(),
            status,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_runtime_that_answered_last_half_a_minute_ago_is_down() {
        let health = Health::new(Duration::from_secs(30));
        let start = Instant::now();
        let first = health.runtime_errors(Some(start), start);
        assert_eq!(first, ["container runtime status check may not have completed yet"]);
        health.take(&[condition("RuntimeReady", true), condition("NetworkReady", true)], start);
        assert_eq!(health.runtime_errors(Some(start), start), [""; 0]);
        let later = start + Duration::from_secs(31);
        assert_eq!(health.runtime_errors(Some(later), later), ["container runtime is down"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_is_not_ready_stops_no_runtime() {
        let health = Health::new(Duration::from_secs(30));
        let now = Instant::now();
        health.take(&[condition("RuntimeReady", true), condition("NetworkReady", false)], now);
        assert_eq!(health.runtime_errors(Some(now), now), [""; 0]);
        assert_eq!(
            health.network_error().unwrap(),
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no"
        );
    }
}
