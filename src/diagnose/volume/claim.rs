//! ResourceClaimNotPrepared: the pod's volumes are there, its sandbox is not begun, and between the two the kubelet lets
//! drivers prepare its resource claims (Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go,
//! PrepareDynamicResources).

use crate::causes;
use crate::diagnose::View;
use crate::diagnose::phrase::Facts;
use crate::diagnose::suspicion::Suspicion;
use crate::model::diagnosis::Confidence;
use crate::model::pod::Pod;
use crate::model::volume::{Allocation, Answer, ResourceClaim, Storage};
use crate::track::pod::PodTrack;

use super::lack::no_socket;
use super::{storage, suspicion, waits};

/// What one claim lacks.
enum Lack<'a> {
    /// It was not made from its template yet.
    Made,
    /// It does not exist.
    Claim(&'a str),
    /// No device is allocated to it.
    Allocation(&'a str),
    /// It is not reserved for this pod.
    Reservation(&'a str),
    /// Its driver's socket.
    Socket(&'a str),
    /// Nothing that can be seen: that driver has it in hand.
    Preparation(&'a str),
}

/// What the first claim that lacks something lacks; else, that they are not prepared.
pub(super) fn not_prepared(track: &PodTrack, pod: &Pod, view: View<'_>) -> Suspicion {
    let asked = storage(track, view);
    let storage = asked.map(|(_, storage)| storage);
    let lacks = pod.waits.claims.iter().filter_map(|claim| Some((claim, of(claim, storage, view)?)));
    let telling = lacks.min_by_key(|(_, lack)| matches!(lack, Lack::Preparation(_)));
    let Some((claim, lack)) = telling else {
        let names: Vec<_> = pod.waits.claims.iter().map(|claim| &*claim.name).collect();
        let facts = waits(track, view).with("claim", names.join(", "));
        let says = "volumes are there, the log directory is not";
        let found = suspicion(&causes::RESOURCE_CLAIM_NOT_PREPARED, track, facts, ("pod status", says, view.now));
        return Suspicion { confidence: Confidence::Suspected, ..found };
    };
    let facts = lack.facts(waits(track, view).with("claim", &*claim.name));
    let seen = ("API server, ResourceClaim", lack.evidence(), asked.map_or(view.now, |(at, _)| at));
    suspicion(&causes::RESOURCE_CLAIM_NOT_PREPARED, track, facts, seen)
}

fn of<'a>(claim: &'a ResourceClaim, storage: Option<&'a Storage>, view: View<'_>) -> Option<Lack<'a>> {
    let Some(name) = &claim.claim else { return Some(Lack::Made) };
    let (_, answer) = storage?.claims.iter().find(|(of, _)| *of == claim.name)?;
    match answer {
        Answer::Unknown => None,
        Answer::Missing => Some(Lack::Claim(name)),
        Answer::Is(Allocation { allocated: false, .. }) => Some(Lack::Allocation(name)),
        Answer::Is(Allocation { reserved: false, .. }) => Some(Lack::Reservation(name)),
        Answer::Is(Allocation { drivers, .. }) => {
            let lost = drivers.iter().find(|driver| no_socket(view, driver)).map(|driver| Lack::Socket(driver));
            lost.or_else(|| drivers.first().map(|driver| Lack::Preparation(driver)))
        }
    }
}

impl Lack<'_> {
    fn facts(&self, facts: Facts) -> Facts {
        match *self {
            Self::Made => facts.with("unmade", "its template"),
            Self::Claim(name) => facts.with("absent", name),
            Self::Allocation(name) => facts.with("unallocated", name),
            Self::Reservation(name) => facts.with("unreserved", name),
            Self::Socket(driver) => facts.with("socketless", driver),
            Self::Preparation(driver) => facts.with("driver", driver),
        }
    }

    fn evidence(&self) -> &'static str {
        match self {
            Self::Made => "not made from its template yet",
            Self::Claim(_) => "it does not exist",
            Self::Allocation(_) => "status.allocation is not set",
            Self::Reservation(_) => "status.reservedFor does not name the pod",
            Self::Socket(_) => "allocated and reserved; its driver has no socket in plugins_registry",
            Self::Preparation(_) => "allocated and reserved",
        }
    }
}
