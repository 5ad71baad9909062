//! What this node is to have, by the settings and its own labels. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::settings::{PrepullSet, PrepullSettings};

/// The part of the settings that concerns this node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// How long after the plan's start pulling begins here.
    pub delay: Duration,
    /// The sets whose selector matches.
    pub sets: Vec<PlannedSet>,
}

/// One set of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSet {
    /// As configured, each image once.
    pub set: PrepullSet,
    /// Why nothing of it will be pulled as it stands.
    pub refused: Option<String>,
}

/// Makes the plan of the node of that name with those labels.
#[must_use]
pub fn plan(settings: &PrepullSettings, node: &str, labels: &[(Arc<str>, Arc<str>)]) -> Plan {
    let sets = settings.sets.iter().filter(|set| set.selects(labels)).map(planned).collect();
    Plan { delay: settings.spread.mul_f64(share(node)), sets }
}

fn planned(set: &PrepullSet) -> PlannedSet {
    let mut seen = BTreeSet::new();
    let images = set.images.iter().filter(|image| seen.insert(Arc::clone(image))).cloned().collect();
    PlannedSet { refused: refusal(set), set: PrepullSet { images, ..set.clone() } }
}

/// A private image that was pulled ahead can be used by every pod of the node: under its default policy the kubelet asks
/// for no credentials where the image is present (Kubernetes: imagePullCredentialsVerificationPolicy).
fn refusal(set: &PrepullSet) -> Option<String> {
    if set.credentials.as_ref().is_some_and(|credentials| !credentials.any_pod_may_use) {
        return Some(
            "it has credentials, and every pod of the node could use its images: say anyPodMayUse: true".into(),
        );
    }
    let bad = set
        .images
        .iter()
        .find(|image| image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()))?;
    Some(format!("`{}` is no name of an image: correct it", bad.escape_debug()))
}

/// A number from 0 to 1 that belongs to this name: the same after every restart, another on every node.
fn share(node: &str) -> f64 {
    let digest = Sha256::digest(node.as_bytes());
    let number = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    f64::from(number) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::{CredentialSettings, CredentialSource};

    fn set(name: &str) -> PrepullSet {
        PrepullSet::new(name, vec!["a:1".into(), "b:1".into(), "a:1".into()])
    }

    fn settings(sets: Vec<PrepullSet>) -> PrepullSettings {
        PrepullSettings { spread: Duration::from_secs(600), sets, ..PrepullSettings::default() }
    }

    #[test]
    fn only_sets_whose_labels_all_match_are_planned_with_each_image_once() {
        let pool = PrepullSet { match_labels: [("pool".into(), "general".into())].into(), ..set("pool") };
        let labels = [("pool".into(), "general".into()), ("zone".into(), "a".into())];
        let names = |labels: &[(Arc<str>, Arc<str>)]| -> Vec<_> {
            let plan = plan(&settings(vec![set("all"), pool.clone()]), "n1", labels);
            assert!(plan.sets.iter().all(|planned| planned.set.images.len() == 2));
            plan.sets.into_iter().map(|planned| planned.set.name).collect()
        };
        assert_eq!(names(&labels), ["all".into(), "pool".into()] as [Arc<str>; 2]);
        assert_eq!(names(&labels[1..]), ["all".into()] as [Arc<str>; 1]);
    }

    #[test]
    fn credentials_without_consent_and_bad_names_are_refused() {
        let credentials = |any_pod_may_use| {
            Some(CredentialSettings { source: CredentialSource::File("/c.json".into()), any_pod_may_use })
        };
        let closed = PrepullSet { credentials: credentials(false), ..set("closed") };
        let open = PrepullSet { credentials: credentials(true), ..set("open") };
        let bad = PrepullSet { images: vec!["a b".into()], ..set("bad") };
        let plan = plan(&settings(vec![closed, open, bad]), "n1", &[]);
        let refused: Vec<_> = plan.sets.iter().map(|planned| planned.refused.is_some()).collect();
        assert_eq!(refused, [true, false, true]);
    }

    #[test]
    fn a_fleet_starts_evenly_over_the_spread_and_each_node_always_at_its_own_time() {
        let delay = |node: usize| plan(&settings(Vec::new()), &format!("node-{node}"), &[]).delay;
        let mut minutes = [0; 10];
        for node in 0..5_000 {
            assert_eq!(delay(node), delay(node));
            minutes[usize::try_from(delay(node).as_secs() / 60).unwrap().min(9)] += 1;
        }
        assert!(minutes.iter().all(|nodes| (400..600).contains(nodes)), "{minutes:?}");
    }
}
