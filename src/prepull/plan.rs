//! What this node is to have, by the settings and its own labels. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::settings::{PrepullSet, PrepullSettings};
use crate::model::verification::Verification;

/// The part of the settings that concerns this node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The sets whose selector matches.
    pub sets: Vec<PlannedSet>,
}

/// One set of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSet {
    /// As configured, each image once.
    pub set: PrepullSet,
    /// How long after the plan's start pulling begins on this node.
    pub delay: Duration,
    /// Why nothing of it will be pulled as it stands.
    pub refused: Option<String>,
}

/// Makes the plan of the node of that name with those labels, whose kubelet has that policy.
#[must_use]
pub fn plan(
    settings: &PrepullSettings,
    node: &str,
    labels: &[(Arc<str>, Arc<str>)],
    verification: &Verification,
) -> Plan {
    let spread = settings.spread.mul_f64(share("spread", node));
    let sets = settings.sets.iter().filter(|set| set.selects(labels));
    Plan { sets: sets.map(|set| planned(set, spread + lead(set, node), verification)).collect() }
}

/// Nothing for the nodes that go first, and for all where none do.
fn lead(set: &PrepullSet, node: &str) -> Duration {
    let waits = set.first.filter(|first| share("first", node) * 100.0 >= f64::from(first.share));
    waits.map_or(Duration::ZERO, |first| first.lead)
}

fn planned(set: &PrepullSet, delay: Duration, verification: &Verification) -> PlannedSet {
    let mut seen = BTreeSet::new();
    let images = set.images.iter().filter(|image| seen.insert(Arc::clone(image))).cloned().collect();
    PlannedSet { refused: refusal(set, verification), delay, set: PrepullSet { images, ..set.clone() } }
}

/// A private image that was pulled ahead can be used by every pod of the node: under its default policy the kubelet asks
/// for no credentials where the image is present (Kubernetes: imagePullCredentialsVerificationPolicy).
fn refusal(set: &PrepullSet, verification: &Verification) -> Option<String> {
    let closed = set.credentials.as_ref().is_some_and(|credentials| !credentials.any_pod_may_use);
    if let Some(open) = set.images.iter().find(|image| closed && !verification.verifies(image)) {
        return Some(format!(
            "it has credentials, and every pod of the node could use {}: {verification}. Say anyPodMayUse: true, or set the \
             kubelet's imagePullCredentialsVerificationPolicy to AlwaysVerify",
            open.escape_debug()
        ));
    }
    let bad = set
        .images
        .iter()
        .find(|image| image.is_empty() || image.contains(|c: char| c.is_whitespace() || c.is_control()))?;
    Some(format!("`{}` is no name of an image: correct it", bad.escape_debug()))
}

/// A number from 0 to 1 that belongs to this name and purpose: the same after every restart, another on every node.
fn share(purpose: &str, node: &str) -> f64 {
    let digest = Sha256::new().chain_update(purpose).chain_update(node).finalize();
    let number = digest.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    f64::from(number) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::{CredentialSettings, CredentialSource, First};

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
            let plan = plan(&settings(vec![set("all"), pool.clone()]), "n1", labels, &Verification::Unknown);
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
        let plan_of = settings(vec![closed, open, bad]);
        let listed = Verification::Allowlisted(vec!["docker.io/library/b".into()]);
        for (verification, closed) in [
            (Verification::Unknown, true),
            (Verification::Preloaded, true),
            (listed, true),
            (Verification::Allowlisted(vec!["r.io/*".into()]), false),
            (Verification::Always, false),
        ] {
            let plan = plan(&plan_of, "n1", &[], &verification);
            let refused: Vec<_> = plan.sets.iter().map(|planned| planned.refused.is_some()).collect();
            assert_eq!(refused, [closed, false, true], "{verification}");
        }
        let plan = plan(&plan_of, "n1", &[], &Verification::Unknown);
        assert_eq!(
            plan.sets[0].refused.as_deref(),
            Some(
                "it has credentials, and every pod of the node could use a:1: it is not certain that the kubelet verifies \
                 credentials of images that are present. Say anyPodMayUse: true, or set the kubelet's \
                 imagePullCredentialsVerificationPolicy to AlwaysVerify"
            )
        );
    }

    fn delay(set: PrepullSet, node: usize) -> Duration {
        plan(&settings(vec![set]), &format!("node-{node}"), &[], &Verification::Unknown).sets[0].delay
    }

    #[test]
    fn a_fleet_starts_evenly_over_the_spread_and_each_node_always_at_its_own_time() {
        let mut minutes = [0; 10];
        for node in 0..5_000 {
            assert_eq!(delay(set("all"), node), delay(set("all"), node));
            minutes[usize::try_from(delay(set("all"), node).as_secs() / 60).unwrap().min(9)] += 1;
        }
        assert!(minutes.iter().all(|nodes| (400..600).contains(nodes)), "{minutes:?}");
    }

    #[test]
    fn a_share_of_the_nodes_goes_first_and_the_others_follow_after_the_lead() {
        let lead = Duration::from_secs(1_800);
        let led = |node| delay(PrepullSet { first: Some(First { share: 5, lead }), ..set("led") }, node);
        let ahead: Vec<_> = (0..5_000).filter(|node| led(*node) < lead).collect();
        assert!((200..300).contains(&ahead.len()), "{} of 5000", ahead.len());
        let early = ahead.iter().filter(|node| delay(set("led"), **node) < Duration::from_secs(300)).count();
        assert!(
            (80..170).contains(&early),
            "who goes first starts at any time of the spread, {early} in its first half"
        );
        assert!((0..5_000).all(|node| [Duration::ZERO, lead].contains(&(led(node) - delay(set("led"), node)))));
    }
}
