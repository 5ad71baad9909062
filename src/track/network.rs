//! The pod network over time: what the runtime says of it, what the host's disk says, and since when each says so.

use crate::model::Time;
use crate::model::cni::{CniConfig, CniHost};
use crate::model::runtime::{RuntimeCondition, RuntimeStatus};

use super::runtime::RuntimeTrack;

/// The condition of CRI `Status` that speaks of CNI.
const NETWORK_READY: &str = "NetworkReady";

/// The pod network over time.
#[derive(Debug, Default)]
pub struct NetworkTrack {
    /// The condition NetworkReady, and since when its status is what it is.
    pub ready: Option<(Time, RuntimeCondition)>,
    /// When the runtime last said so.
    pub ready_at: Option<Time>,
    /// What the host's directories show, and since when they show that.
    pub host: Option<(Time, CniHost)>,
}

impl NetworkTrack {
    /// CRI `Status` answered.
    pub fn runtime_said(&mut self, status: &RuntimeStatus, at: Time, runtime: &mut RuntimeTrack) {
        if status.sandbox_image.is_some() {
            runtime.sandbox_image.clone_from(&status.sandbox_image);
        }
        let Some(condition) = status.condition(NETWORK_READY) else { return };
        self.ready_at = Some(at);
        let since = match &self.ready {
            Some((since, before)) if before.status == condition.status => *since,
            _ => at,
        };
        self.ready = Some((since, condition.clone()));
    }

    /// Whether the runtime says that pods can get a network.
    #[must_use]
    pub fn says_ready(&self) -> Option<bool> {
        self.ready.as_ref().map(|(_, ready)| ready.status)
    }

    /// The host's directories were looked at.
    pub fn host_said(&mut self, host: CniHost, at: Time) {
        let since = match &self.host {
            Some((since, before)) if same_verdict(before, &host) => *since,
            _ => at,
        };
        self.host = Some((since, host));
    }

    /// Since when both agree that pods can get a network; none if one of them says no or has not spoken.
    #[must_use]
    pub fn well_since(&self) -> Option<Time> {
        let (ready_since, ready) = self.ready.as_ref()?;
        let host_since = self.files_well_since()?;
        ready.status.then(|| host_since.max(*ready_since))
    }

    /// Since when the host's directories are in order, whether or not the runtime has read them yet.
    #[must_use]
    pub fn files_well_since(&self) -> Option<Time> {
        let (since, host) = self.host.as_ref()?;
        let sound = matches!(host.config, CniConfig::Loaded { .. }) && host.missing_plugins.is_empty();
        (sound && host.unreadable.is_none()).then_some(*since)
    }
}

fn same_verdict(a: &CniHost, b: &CniHost) -> bool {
    a.config == b.config && a.missing_plugins == b.missing_plugins && a.unreadable == b.unreadable
}
