//! KubeletPullThrottled as the state that it is: the kubelet's own budget, and how many pods it holds up.

use crate::model::stage::Stage;
use crate::track::pod::PodTrack;

use super::View;
use super::suspicion::Suspicion;

const ID: &str = "KubeletPullThrottled";
/// The kubelet's words (Kubernetes: pkg/kubelet/images/helpers.go).
const WORDS: &str = "pull QPS exceeded";

/// Adds what is known of the budget and of those that wait for it.
pub(super) fn with_state(mut suspicion: Suspicion, view: View<'_>) -> Suspicion {
    if suspicion.cause.id == ID {
        suspicion
            .facts
            .set("budget", view.world.pulls.rules.budget.map(|budget| budget.to_string()).unwrap_or_default());
        suspicion.facts.set("others", others(view.world.starting().filter(|pod| waits(pod)).count()));
    }
    suspicion
}

fn waits(pod: &PodTrack) -> bool {
    pod.troubles.values().any(|trouble| trouble.stage == Stage::ImagePull && trouble.said.text().contains(WORDS))
}

/// The pod itself is one of them.
fn others(waiting: usize) -> String {
    match waiting {
        0 | 1 => String::new(),
        2 => "1 other pod waits".to_owned(),
        n => format!("{} other pods wait", n - 1),
    }
}
