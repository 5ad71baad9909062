//! One job against the runtime: is the image there, and if not, pull it, under a lease of our own where the runtime is
//! containerd. Knows nothing of sets.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::queue::{Outcome, Step};
use crate::client::call::Call;
use crate::client::containerd::Containerd;
use crate::client::cri::Cri;
use crate::client::cri::auth::RegistryAuth;
use crate::clock::Clock;
use crate::model::after;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::{CallFailure, FailureKind};
use crate::model::settings::CredentialSource;

/// The label by which a lease of ours names its image.
const IMAGE_LABEL: &str = "kubewhy.dev/image";

/// When containerd drops a lease by itself (containerd: core/metadata/gc.go).
const EXPIRE_LABEL: &str = "containerd.io/gc.expire";

/// Bytes of a pull that was cut off wait so long for its next try. containerd has no call that changes a lease: one that
/// expires is made anew by the next try, which then starts from nothing.
const LEASE_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A pull that takes longer is cut off and tried again later, from the bytes it has.
const PULL_AT_MOST: Duration = Duration::from_secs(2 * 3_600);

/// What jobs need of the world.
#[derive(Clone, Debug)]
pub(super) struct Puller {
    cri: Cri,
    containerd: Containerd,
    credentials: Credentials,
    clock: Clock,
    out: mpsc::Sender<Observation>,
}

impl Puller {
    /// Every call to the runtime is told to `out` as it ends.
    pub(super) fn new(cri: Cri, clock: Clock, out: mpsc::Sender<Observation>) -> Self {
        Self { containerd: Containerd::new(&cri), credentials: Credentials::new(clock), cri, clock, out }
    }

    /// Does one step for one image.
    pub(super) async fn work(
        &self,
        step: Step,
        image: &str,
        credentials: Option<CredentialSource>,
        stop: &CancellationToken,
    ) -> Outcome {
        match step {
            Step::Check => self.check(image).await,
            Step::Pull => self.pull(image, credentials, stop).await.unwrap_or_else(|other| other),
        }
    }

    async fn check(&self, image: &str) -> Outcome {
        match self.told(self.cri.image_status(image).await).await {
            Ok(answer) if answer.image.is_some() => Outcome::Present,
            Ok(_) => Outcome::Absent,
            Err(failure) => outcome(&failure),
        }
    }

    /// The way that leads to a pulled image; whatever else happens is the `Err`.
    async fn pull(
        &self,
        image: &str,
        credentials: Option<CredentialSource>,
        stop: &CancellationToken,
    ) -> Result<Outcome, Outcome> {
        let before = self.check(image).await;
        if before != Outcome::Absent {
            return Err(before);
        }
        let auth = self.auth(image, credentials).await?;
        let lease = self.lease(image).await?;
        let pulling = self.cri.pull_image(image, auth, lease.as_deref(), stop);
        let Ok(call) = tokio::time::timeout(PULL_AT_MOST, pulling).await else {
            return Err(failed(&format!("the pull took longer than {} h", PULL_AT_MOST.as_secs() / 3_600)));
        };
        self.told(call).await.map_err(|failure| outcome(&failure))?;
        if let Some(lease) = lease {
            self.end_lease(&lease).await;
        }
        Ok(Outcome::Pulled(self.size(image).await))
    }

    /// What the kubelet would try first.
    async fn auth(&self, image: &str, from: Option<CredentialSource>) -> Result<Option<RegistryAuth>, Outcome> {
        let Some(source) = from else { return Ok(None) };
        let found = self.credentials.find(&source, image).await.map_err(|error| failed(&error.to_string()))?;
        Ok(found.into_iter().next())
    }

    async fn told<T>(&self, call: Call<T>) -> Result<T, CallFailure> {
        let seen = Seen::RuntimeCall(call.outcome());
        if self.out.send(Observation { at: self.clock.now(), seen }).await.is_err() {
            tracing::debug!("a call ended after the end");
        }
        call.result
    }

    /// As the runtime counts it; 0 where it does not say.
    async fn size(&self, image: &str) -> u64 {
        let answer = self.told(self.cri.image_status(image).await).await.ok();
        answer.and_then(|answer| answer.image).map_or(0, |image| image.size)
    }

    /// The lease for an image, made if need be; none where the runtime knows no leases.
    async fn lease(&self, image: &str) -> Result<Option<String>, Outcome> {
        let id = lease_id(image);
        let expires = after(self.clock.now(), LEASE_LIFE);
        let labels =
            HashMap::from([(IMAGE_LABEL.to_owned(), image.to_owned()), (EXPIRE_LABEL.to_owned(), expires.to_string())]);
        match self.containerd.create_lease(&id, labels).await {
            Ok(()) => Ok(Some(id)),
            Err(failure) if failure.kind == FailureKind::Unsupported => Ok(None),
            Err(failure) => Err(outcome(&failure)),
        }
    }

    /// Ends leases of ours whose image is not in `wanted`: of sets that were changed while this agent was not there.
    pub(super) async fn sweep(self, wanted: BTreeSet<Arc<str>>) {
        let leases = self.containerd.leases().await.unwrap_or_default(); // not containerd, or not now: they expire
        for lease in leases {
            if lease.labels.get(IMAGE_LABEL).is_some_and(|image| !wanted.contains(image.as_str())) {
                self.end_lease(&lease.id).await;
            }
        }
    }

    async fn end_lease(&self, id: &str) {
        if let Err(failure) = self.containerd.delete_lease(id).await {
            tracing::debug!(lease = id, error = %failure.text, "a lease is left to expire");
        }
    }
}

/// The same for an image on every try, after every restart.
fn lease_id(image: &str) -> String {
    let digest = Sha256::digest(image.as_bytes());
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("kubewhy-{hex}")
}

fn failed(text: &str) -> Outcome {
    Outcome::Failed { text: text.into(), no_such_image: false }
}

/// Only an answer is a verdict on the image; else the runtime is in trouble, and that is told elsewhere.
fn outcome(failure: &CallFailure) -> Outcome {
    match failure.kind {
        FailureKind::Answered => Outcome::Failed {
            text: failure.text.as_str().into(),
            no_such_image: failure.text.starts_with("rpc error: code = NotFound"),
        },
        _ => Outcome::Unanswered,
    }
}
