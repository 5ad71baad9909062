//! The catalogue: every cause kubewhy can name. Data, not code; the documentation of the causes is made from it.
//!
//! Order is meaning: where the signs of several causes are in one text, the first in the catalogue is the innermost or
//! the most telling one, and it wins. Templates (`says`, `advice`) are explained in `diagnose/phrase.rs`.

mod agent;
pub mod benign;
mod container;
mod image;
pub mod operations;
mod runtime;
mod sandbox;
mod start;

pub use agent::UNCLASSIFIED;
pub use container::{COMMAND_NOT_FOUND, CONFIG_REFERENCE_MISSING};
pub use image::{
    IMAGE_ACCESS_DENIED, IMAGE_NOT_FOUND, IMAGE_PULL_SLOW, IMAGE_PULL_STALLED, REGISTRY_NAME_UNRESOLVED,
    REGISTRY_UNREACHABLE,
};
pub use runtime::RUNTIME_DOWN;
pub use sandbox::{CNI_CONFIG_MISSING, CNI_PLUGIN_MISSING, SANDBOX_IMAGE_UNAVAILABLE};
pub use start::{
    HOOK_RUNNING, IMAGE_PULL_QUEUED, IMAGE_UNPACK_SLOW, INIT_CONTAINER_RUNNING, KUBELET_NOT_SYNCING, SANDBOX_STALLED,
    SIDECAR_NOT_STARTED,
};

use std::time::Duration;

use crate::model::cause::{Cause, Grows, Owner, Right, Scope};
use crate::model::stage::Stage;

/// What most entries have in common: the kubelet's words name it, nothing else is looked at, and it needs a person.
const USUAL: Cause = Cause {
    id: "",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "",
    says: "",
    rules_out: "",
    advice: "",
    steps: &[],
    mends: "",
    after: Duration::from_secs(2),
    kind: Grows::Warning,
    signs: &[],
    rest: false,
    examples: &[],
    probe: None,
    needs: &[Right::Pods],
};

/// Every cause, most decisive first.
pub const ALL: &[&Cause] = &[
    &RUNTIME_DOWN,
    &SANDBOX_IMAGE_UNAVAILABLE,
    &CNI_CONFIG_MISSING,
    &CNI_PLUGIN_MISSING,
    &REGISTRY_NAME_UNRESOLVED,
    &REGISTRY_UNREACHABLE,
    &IMAGE_ACCESS_DENIED,
    &IMAGE_NOT_FOUND,
    &IMAGE_PULL_STALLED,
    &IMAGE_PULL_SLOW,
    &CONFIG_REFERENCE_MISSING,
    &COMMAND_NOT_FOUND,
    // What only takes long is told where no words tell more.
    &IMAGE_UNPACK_SLOW,
    &IMAGE_PULL_QUEUED,
    &SANDBOX_STALLED,
    &HOOK_RUNNING,
    &SIDECAR_NOT_STARTED,
    &INIT_CONTAINER_RUNNING,
    &KUBELET_NOT_SYNCING,
    &UNCLASSIFIED,
];

/// The cause of that id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Cause> {
    ALL.iter().copied().find(|cause| cause.id == id)
}

/// Its place in the catalogue: the lower, the more decisive.
#[must_use]
pub fn rank(cause: &Cause) -> usize {
    ALL.iter().position(|known| known.id == cause.id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_event_reasons() {
        let ids: BTreeSet<_> = ALL.iter().map(|cause| cause.id).collect();
        assert_eq!(ids.len(), ALL.len());
        for id in ids {
            assert!(
                id.len() <= 64 && id.chars().all(char::is_alphanumeric) && id.starts_with(char::is_uppercase),
                "{id}"
            );
        }
    }

    #[test]
    fn signs_are_lower_case_and_say_something() {
        for cause in ALL {
            for sign in cause.signs {
                assert!(!sign.all.is_empty(), "{}", cause.id);
                for part in sign.all.iter().chain(sign.none) {
                    assert!(!part.is_empty() && *part == part.to_lowercase(), "{}: {part:?}", cause.id);
                }
            }
        }
    }

    #[test]
    fn every_cause_says_what_why_and_what_next() {
        for cause in ALL {
            for text in [cause.summary, cause.says, cause.rules_out, cause.advice] {
                assert!(!text.is_empty(), "{}", cause.id);
            }
        }
    }
}
