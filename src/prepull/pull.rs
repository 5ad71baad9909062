//! One job against the runtime: is the image there, and if not, pull it, under a lease of our own where the runtime is
//! containerd, as long as the disk has room for it. Knows nothing of sets.

use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::Lease;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::credentials::Credentials;
use super::leases::Leases;
use super::mend::Mend;
use super::queue::{Outcome, Step};
use super::room::{self, Claim, Disk};
use super::stall::{NOTHING_FOR, Stall};
use crate::client::call::Call;
use crate::client::containerd::Containerd;
use crate::client::containerd::pulls::Pulls;
use crate::client::cri::Cri;
use crate::client::cri::auth::RegistryAuth;
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::model::prepull::Short;
use crate::model::pull::Pull;
use crate::model::runtime::{CallFailure, FailureKind};
use crate::model::settings::{CredentialSource, PrepullSet};

/// A pull that takes longer is cut off and tried again later, from the bytes it has.
const PULL_AT_MOST: Duration = Duration::from_secs(2 * 3_600);

/// Between two looks at a pull of ours: how much it takes is known soon after its manifest is here.
const LOOK: Duration = Duration::from_millis(500);

/// Causes of the catalogue that we name ourselves, for there are no words of the runtime's.
pub mod causes {
    /// Nothing comes any more.
    pub const STALLED: &str = "ImagePullStalled";
    /// It was given up for the time that it took.
    pub const GIVEN_UP: &str = "ImagePullTimeout";
    /// The catalogue is of pods, and has nothing of credentials that can't be found for a pull of ours.
    pub const UNNAMED: &str = "Unclassified";
}

/// Names the cause of a failed pull by its words: the id, where the catalogue has one.
pub type NameCause = fn(&str) -> Option<&'static str>;

/// What is to be pulled, and within which limits.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) image: Arc<str>,
    pub(super) credentials: Option<CredentialSource>,
    /// What stays free of the disk, in percent.
    pub(super) min_free: u8,
    /// Where it is told how far the pull is; nobody need listen.
    pub(super) progress: watch::Sender<Option<Pull>>,
}

impl Order {
    /// An image of a set; nobody listens.
    pub(super) fn of(image: &Arc<str>, set: &PrepullSet) -> Self {
        Self {
            image: image.clone(),
            credentials: set.credentials.as_ref().map(|credentials| credentials.source.clone()),
            min_free: set.min_free,
            progress: watch::channel(None).0,
        }
    }
}

/// What jobs need of the world.
#[derive(Clone, Debug)]
pub(super) struct Puller {
    pub(super) cri: Cri,
    pub(super) containerd: Containerd,
    pub(super) leases: Leases,
    pub(super) disk: Disk,
    pub(super) credentials: Credentials,
    pub(super) cause: NameCause,
    pub(super) clock: Clock,
    /// Every call to the runtime is told here as it ends.
    pub(super) out: mpsc::Sender<Observation>,
    /// Ends pulls where it would be of no use to wait for their answer.
    pub(super) stop: CancellationToken,
}

impl Puller {
    /// Does one step for one image.
    pub(super) async fn work(&self, step: Step, order: &Order) -> Outcome {
        match step {
            Step::Check => self.check(&order.image).await,
            Step::Pull => match self.check(&order.image).await {
                Outcome::Absent => self.pull(order).await,
                known => known,
            },
            Step::Refresh => self.refresh(order).await,
        }
    }

    async fn check(&self, image: &str) -> Outcome {
        match self.told(self.cri.image_status(image).await).await {
            Ok(answer) if answer.image.is_some() => Outcome::Present,
            Ok(_) => Outcome::Absent,
            Err(failure) => self.outcome(&failure),
        }
    }

    /// A tag that has not moved is as it was: present.
    async fn refresh(&self, order: &Order) -> Outcome {
        let before = self.status(&order.image).await.map(|image| image.id);
        let outcome = self.pull(order).await;
        let moved = self.status(&order.image).await.map(|image| image.id) != before;
        match outcome {
            Outcome::Pulled(_) if !moved => Outcome::Present,
            outcome => outcome,
        }
    }

    async fn pull(&self, order: &Order) -> Outcome {
        // A disk that is not seen has room: the kubelet's own word about it still counts.
        if self.disk.space().await.is_some_and(|space| space.above(order.min_free) == 0) {
            return short(order, 0, 0);
        }
        let lease = match self.leases.of(&order.image).await {
            Ok(lease) => lease,
            Err(failure) => return self.outcome(&failure),
        };
        let outcome = tokio::select! {
            outcome = Box::pin(self.pull_under(order, lease.as_ref())) => outcome,
            short = Box::pin(self.watch(order, lease.clone())) => short,
        };
        if let (Some(lease), Outcome::Pulled(_) | Outcome::Failed { mend: Mend::Fresh | Mend::Edit, .. }) =
            (&lease, &outcome)
        {
            self.leases.end(lease).await;
        }
        outcome
    }

    /// Pulls under that lease, or under none.
    pub(super) async fn pull_under(&self, order: &Order, lease: Option<&Lease>) -> Outcome {
        let found = match &order.credentials {
            Some(source) => match self.credentials.find(source, &order.image).await {
                Ok(found) => found.into_iter().map(Some).collect(),
                Err(error) => return failed(causes::UNNAMED, format!("No registry was asked: {error}")),
            },
            None => Vec::new(),
        };
        // As the kubelet does: each that fits, in turn, and none where none fits.
        let mut outcome = Outcome::Unanswered;
        for auth in if found.is_empty() { vec![None] } else { found } {
            outcome = self.pull_with(order, auth, lease).await;
            if !matches!(outcome, Outcome::Failed { .. }) {
                break;
            }
        }
        outcome
    }

    async fn pull_with(&self, order: &Order, auth: Option<RegistryAuth>, lease: Option<&Lease>) -> Outcome {
        let pulling = self.cri.pull_image(&order.image, auth, lease.map(|lease| &*lease.id), &self.stop);
        let Ok(call) = timeout(PULL_AT_MOST, pulling).await else {
            let hours = PULL_AT_MOST.as_secs() / 3_600;
            return failed(causes::GIVEN_UP, format!("The pull took longer than {hours} h"));
        };
        match self.told(call).await {
            Ok(_) => Outcome::Pulled(self.status(&order.image).await.map_or(0, |image| image.size)),
            Err(failure) => self.outcome(&failure),
        }
    }

    /// Looks at a pull of ours until the disk has no room for it any more, for what its manifest says it takes or, as it goes
    /// on, for anything; or until nothing of it comes any more.
    async fn watch(&self, order: &Order, lease: Option<Lease>) -> Outcome {
        let mut pulls = Pulls::new(self.containerd.clone());
        let (mut claim, mut stall) = (None, Stall::default());
        loop {
            sleep(LOOK).await;
            let pull = match lease.clone() {
                Some(lease) => pulls.under(lease).await.ok(),
                None => None,
            };
            if let Some(space) = self.disk.space().await
                && let Some(short) = self.outgrows(order, pull.as_ref(), space.above(order.min_free), &mut claim)
            {
                return short;
            }
            if stall.is_one(pull.as_ref(), self.clock.now()) {
                let minutes = NOTHING_FOR.as_secs() / 60;
                return failed(causes::STALLED, format!("Nothing came from the registry for {minutes} minutes"));
            }
            order.progress.send_replace(pull);
        }
    }

    /// Whether the room is too little: as soon as it is known what the whole takes, for that beside what other pulls take;
    /// after that, for anything.
    fn outgrows(&self, order: &Order, pull: Option<&Pull>, room: u64, claim: &mut Option<Claim>) -> Option<Outcome> {
        match (pull.filter(|pull| pull.complete_list), &*claim) {
            (Some(pull), None) => match self.disk.claim(pull, room) {
                Ok(taken) => {
                    *claim = Some(taken);
                    None
                }
                Err(left) => Some(short(order, room::needs(pull), left)),
            },
            (Some(pull), Some(claim)) => {
                claim.follow(pull);
                (room == 0).then(|| short(order, room::needs_again(pull), 0))
            }
            (None, _) => (room == 0).then(|| short(order, 0, 0)),
        }
    }

    async fn told<T>(&self, call: Call<T>) -> Result<T, CallFailure> {
        let seen = Seen::RuntimeCall(call.outcome());
        if self.out.send(Observation { at: self.clock.now(), seen }).await.is_err() {
            tracing::debug!("a call ended after the end");
        }
        call.result
    }

    /// The image, where it is here.
    async fn status(&self, image: &str) -> Option<k8s_cri::v1::Image> {
        self.told(self.cri.image_status(image).await).await.ok()?.image
    }

    /// Only an answer is a verdict on the image; else the runtime is in trouble, and that is told elsewhere.
    fn outcome(&self, failure: &CallFailure) -> Outcome {
        if failure.kind != FailureKind::Answered {
            return Outcome::Unanswered;
        }
        let mend = Mend::of((self.cause)(&failure.text), &failure.text);
        Outcome::Failed { text: failure.text.as_str().into(), cause: None, mend }
    }
}

fn short(order: &Order, needs: u64, room: u64) -> Outcome {
    Outcome::Short(Short { image: order.image.clone(), needs, room })
}

/// In our own words.
fn failed(cause: &'static str, text: String) -> Outcome {
    Outcome::Failed { text: text.into(), cause: Some(cause), mend: Mend::Retry }
}
