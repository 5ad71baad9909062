//! Leases of our own, one an image: while one lasts, containerd keeps what a pull that was cut off has fetched. Ends none but
//! our own, and makes none where the runtime knows no leases.

use std::collections::HashMap;
use std::time::Duration;

use containerd_client::services::v1::Lease;
use sha2::{Digest, Sha256};

use super::traces::LEASE_PREFIX;
use crate::client::containerd::{Containerd, EXPIRES, OWN_IMAGE};
use crate::clock::Clock;
use crate::model::runtime::{CallFailure, FailureKind};
use crate::model::{Time, after};

/// Whose leases: the agent ends none that somebody made by hand, and neither renews the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The agent.
    Agent,
    /// Whoever pulls by hand.
    Hand,
    /// Whoever asks by hand what a pull would take.
    Plan,
}

/// The label of a lease that was made by hand, and what it says.
const BY_HAND: &str = "kubewhy.dev/by-hand";

const HOUR: Duration = Duration::from_secs(3_600);

impl Owner {
    /// containerd drops a lease by itself after this time, so that whoever is gone leaves nothing for ever.
    fn life(self) -> Duration {
        match self {
            Self::Agent => HOUR * 24 * 7,
            Self::Hand => HOUR * 24,
            Self::Plan => HOUR,
        }
    }

    /// What [`BY_HAND`] says on its leases; none where they have no such label.
    fn mark(self) -> Option<&'static str> {
        match self {
            Self::Agent => None,
            Self::Hand => Some("true"),
            Self::Plan => Some("plan"),
        }
    }
}

/// What ends the id of every second lease of an image: the new one and the old one are there at once.
const SECOND: &str = "-2";

/// The leases of one containerd.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    containerd: Containerd,
    clock: Clock,
    owner: Owner,
}

impl Leases {
    pub(super) fn new(containerd: Containerd, clock: Clock, owner: Owner) -> Self {
        Self { containerd, clock, owner }
    }

    /// The lease for an image, made or renewed if need be; none where the runtime knows no leases.
    pub(super) async fn of(&self, image: &str) -> Result<Option<Lease>, CallFailure> {
        let found = match self.own().await {
            Ok(own) => own.into_iter().filter(|lease| image_of(lease) == Some(image)),
            Err(failure) if failure.kind == FailureKind::Unsupported => return Ok(None),
            Err(failure) => return Err(failure),
        };
        match found.max_by_key(expiry) {
            Some(lease) if self.lasts(&lease) => Ok(Some(lease)),
            Some(lease) => self.renew(lease, image).await.map(Some),
            None => self.make(image, "").await.map(Some),
        }
    }

    /// Renews those that end soon: a set may wait longer for its window than a lease lasts.
    pub(super) async fn keep(&self) -> Result<(), CallFailure> {
        for lease in self.own().await?.into_iter().filter(|lease| !self.lasts(lease)) {
            if let Some(image) = image_of(&lease).map(str::to_owned) {
                self.renew(lease, &image).await?;
            }
        }
        Ok(())
    }

    /// Ends those whose image is not wanted: of sets that were changed, also while this agent was not there.
    pub(super) async fn sweep(&self, wanted: impl Fn(&str) -> bool) -> Result<(), CallFailure> {
        for lease in self.own().await? {
            if image_of(&lease).is_some_and(|image| !wanted(image)) {
                self.containerd.delete_lease(&lease.id, false).await?;
            }
        }
        Ok(())
    }

    /// Ends a lease whose pull is through. One that can't be ended now expires.
    pub(super) async fn end(&self, lease: &Lease) {
        if let Err(failure) = self.containerd.delete_lease(&lease.id, false).await {
            tracing::debug!(lease = lease.id, error = %failure.text, "a lease is left to expire");
        }
    }

    async fn own(&self) -> Result<Vec<Lease>, CallFailure> {
        let all = self.containerd.leases().await?;
        let mark = self.owner.mark();
        let ours = |lease: &Lease| image_of(lease).is_some() && lease.labels.get(BY_HAND).map(String::as_str) == mark;
        Ok(all.into_iter().filter(ours).collect())
    }

    /// For more than half of its life.
    fn lasts(&self, lease: &Lease) -> bool {
        expiry(lease).is_some_and(|end| end > after(self.clock.now(), self.owner.life() / 2))
    }

    /// containerd has no call that changes a lease: another one takes over what it holds.
    async fn renew(&self, old: Lease, image: &str) -> Result<Lease, CallFailure> {
        let other = if old.id.ends_with(SECOND) { "" } else { SECOND };
        let new = self.make(image, other).await?;
        for resource in self.containerd.lease_resources(&old.id).await? {
            self.containerd.hold(&new.id, resource).await?;
        }
        self.end(&old).await;
        Ok(new)
    }

    /// The same for an image on every try, after every restart.
    fn id(&self, image: &str) -> String {
        let digest = Sha256::digest(image.as_bytes());
        let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        match self.owner {
            Owner::Agent => format!("{LEASE_PREFIX}{hex}"),
            Owner::Hand => format!("{LEASE_PREFIX}by-hand-{hex}"),
            Owner::Plan => format!("{LEASE_PREFIX}plan-{hex}"),
        }
    }

    async fn make(&self, image: &str, suffix: &str) -> Result<Lease, CallFailure> {
        let expires = after(self.clock.now(), self.owner.life());
        let mut labels =
            HashMap::from([(OWN_IMAGE.to_owned(), image.to_owned()), (EXPIRES.to_owned(), expires.to_string())]);
        if let Some(mark) = self.owner.mark() {
            labels.insert(BY_HAND.to_owned(), mark.to_owned());
        }
        let lease = Lease { id: format!("{}{suffix}", self.id(image)), labels, created_at: None };
        self.containerd.create_lease(&lease.id, lease.labels.clone()).await?;
        Ok(lease)
    }
}

fn image_of(lease: &Lease) -> Option<&str> {
    lease.labels.get(OWN_IMAGE).map(String::as_str)
}

fn expiry(lease: &Lease) -> Option<Time> {
    lease.labels.get(EXPIRES)?.parse().ok()
}
