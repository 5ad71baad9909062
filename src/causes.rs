//! The catalogue: every cause kubewhy can name. Data, not code; the documentation of the causes is made from it.
//!
//! Order is meaning: where the signs of several causes are in one text, the first in the catalogue is the innermost or
//! the most telling one, and it wins. Templates (`says`, `advice`) are explained in `diagnose/phrase.rs`.

mod agent;
pub mod benign;
mod container;
mod image;
mod kernel;
mod kubelet;
pub mod operations;
mod resources;
mod runtime;
mod sandbox;
mod volume;

pub use agent::UNCLASSIFIED;
pub use container::{COMMAND_NOT_FOUND, CONFIG_REFERENCE_MISSING};
pub use image::{
    IMAGE_ACCESS_DENIED, IMAGE_NOT_FOUND, IMAGE_PULL_SLOW, IMAGE_PULL_STALLED, REGISTRY_NAME_UNRESOLVED,
    REGISTRY_UNREACHABLE,
};
pub use runtime::RUNTIME_DOWN;
pub use sandbox::{CNI_CONFIG_MISSING, CNI_PLUGIN_MISSING, SANDBOX_IMAGE_UNAVAILABLE};

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

/// What the causes have in common that lie in the node itself.
const OF_THE_NODE: Cause = Cause { stage: Stage::Node, scope: Scope::Node, after: Duration::from_secs(5), ..USUAL };

/// Every cause, most decisive first.
pub const ALL: &[&Cause] = &[
    &kubelet::CLOCK_SKEWED,
    &kubelet::SWAP_UNSUPPORTED,
    &resources::INOTIFY_EXHAUSTED,
    &resources::FILESYSTEM_READ_ONLY,
    &resources::DISK_FULL,
    &resources::INODES_EXHAUSTED,
    &resources::FILE_DESCRIPTORS_EXHAUSTED,
    &resources::PIDS_EXHAUSTED,
    &resources::MEMORY_PRESSURE,
    &resources::CONNTRACK_FULL,
    &kernel::KERNEL_FAULT,
    &RUNTIME_DOWN,
    &kubelet::KUBELET_CREDENTIAL_INVALID,
    &kubelet::API_SERVER_UNREACHABLE,
    &runtime::RUNTIME_SLOW,
    &volume::CSI_DRIVER_MISSING,
    &volume::VOLUME_SOURCE_MISSING,
    &volume::VOLUME_ATTACH_FAILED,
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
    &kubelet::NODE_NOT_REGISTERED,
    &kubelet::KUBELET_DOWN,
    &volume::VOLUME_TIMEOUT,
    &volume::VOLUME_MOUNT_FAILED,
    &UNCLASSIFIED,
];

/// The cause of that id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Cause> {
    ALL.iter().copied().find(|cause| cause.id == id)
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
