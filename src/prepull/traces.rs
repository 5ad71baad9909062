//! What pre-pulling has left in containerd, looked for and taken away for good: leases of ours, whoever made them, and pins. For
//! a node that kubewhy leaves. Removes no image, and unpins neither the pause image nor what others pinned.

use crate::client::containerd::{Containerd, OWN_IMAGE};
use crate::client::cri::Cri;
use crate::model::image::Reference;
use crate::model::runtime::{CallFailure, FailureKind};

/// The id of every lease of ours begins so.
pub(super) const LEASE_PREFIX: &str = "kubewhy-";

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// A pin of ours on the image of that name.
    Pin(String),
    /// A lease, and the image that it is for.
    Lease {
        /// Its id.
        id: String,
        /// The image.
        image: String,
    },
}

/// Those in one runtime.
#[derive(Clone, Debug)]
pub struct Traces {
    containerd: Containerd,
}

impl Traces {
    /// In the runtime that this one talks to.
    #[must_use]
    pub fn of(cri: &Cri) -> Self {
        Self { containerd: Containerd::new(cri) }
    }

    /// All of them: none where the runtime is not containerd.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn found(&self) -> Result<Vec<Trace>, CallFailure> {
        let leases = match self.leases().await {
            Err(failure) if failure.kind == FailureKind::Unsupported => return Ok(Vec::new()),
            leases => leases?,
        };
        let pins = self.containerd.pinned_by_us().await?.into_iter().map(Trace::Pin);
        let mut found: Vec<Trace> = pins.chain(leases).collect();
        found.sort();
        Ok(found)
    }

    /// Takes one away. With `last` containerd collects at once what nothing holds any more, half-fetched layers among it: else
    /// they would lie there until somebody removes an image. The pause image keeps its pin, as somebody else's.
    ///
    /// # Errors
    /// How a call failed.
    pub async fn take_away(&self, trace: &Trace, pause: Option<&str>, last: bool) -> Result<(), CallFailure> {
        let is_pause = |name: &str| pause.is_some_and(|pause| Reference::parse(pause).full_name() == name);
        match trace {
            Trace::Pin(name) if is_pause(name) => self.containerd.disown(name).await,
            Trace::Pin(name) => self.containerd.unpin(name).await,
            Trace::Lease { id, .. } => self.end(id, last).await,
        }
    }

    /// A collection may take longer than anybody waits; the lease ends before it (containerd: plugins/services/leases Delete).
    async fn end(&self, id: &str, collect: bool) -> Result<(), CallFailure> {
        match self.containerd.delete_lease(id, collect).await {
            Err(failure) if collect && failure.kind == FailureKind::TimedOut => {
                let still =
                    self.leases().await?.iter().any(|trace| matches!(trace, Trace::Lease { id: is, .. } if is == id));
                if still { Err(failure) } else { Ok(()) }
            }
            ended => ended,
        }
    }

    async fn leases(&self) -> Result<Vec<Trace>, CallFailure> {
        let leases = self.containerd.leases().await?.into_iter().filter(|lease| lease.id.starts_with(LEASE_PREFIX));
        let ours =
            leases.filter_map(|mut lease| Some(Trace::Lease { image: lease.labels.remove(OWN_IMAGE)?, id: lease.id }));
        Ok(ours.collect())
    }
}
