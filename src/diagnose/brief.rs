//! The short word on a pod that suffers from the node's fault: not your fault, the cause, what you can do. It names
//! nothing else, and is told once.

use crate::causes;
use crate::model::after;
use crate::model::diagnosis::{Diagnosis, Subject};

use super::suspicion::Suspicion;
use super::{View, elsewhere};

/// One short diagnosis for each pod that a diagnosis of the node affects.
pub(super) fn for_pods(node: &[(&Suspicion, Diagnosis)], view: View<'_>) -> Vec<Diagnosis> {
    let of = |(suspicion, fault): &(&Suspicion, Diagnosis)| {
        // What only says that many pods fail names the cause that they fail for.
        let shared = suspicion.facts.get("cause");
        fault.affected.iter().filter_map(|pod| for_pod(fault, shared, pod, view)).collect::<Vec<_>>()
    };
    node.iter().flat_map(of).collect()
}

fn for_pod(
    fault: &Diagnosis,
    shared: Option<&str>,
    id: &crate::model::ids::PodId,
    view: View<'_>,
) -> Option<Diagnosis> {
    let track = view.world.pods.get(&id.uid)?;
    // A pod that has only just begun may yet get by: it must have waited as long as the node's cause had to.
    let waits_since = track.place.since.max(fault.since);
    if view.now < after(waits_since, fault.cause.after) {
        return None;
    }
    // What a pod itself failed on before may be its own fault still, unless others failed on that too.
    let known = shared.and_then(causes::by_id).map(|cause| cause.stage);
    let blameless = track.troubles.is_empty() && track.told.iter().all(|stage| Some(*stage) == known);
    let mut sentence = format!(
        "This node cannot start pods ({}){}. Platform: see the Events of this node.",
        shared.unwrap_or(fault.cause.id),
        if blameless { "; nothing is wrong with this pod" } else { "" }
    );
    if let Some(pod) = &track.pod {
        sentence.push_str(" App: ");
        sentence.push_str(&elsewhere::advice(pod));
    }
    Some(Diagnosis {
        subject: Subject::Pod(id.clone()),
        sentence,
        in_full: None,
        gist: String::new(),
        brief: true,
        since: waits_since,
        affected: Vec::new(),
        evidence: Vec::new(),
        ..fault.clone()
    })
}
