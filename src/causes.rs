//! The catalogue: every cause kubewhy can name. Data, not code; the documentation of the causes is made from it.
//!
//! Order is meaning: where the signs of several causes are in one text, the first in the catalogue is the innermost or
//! the most telling one, and it wins. Templates (`says`, `advice`) are explained in `diagnose/phrase.rs`.

mod address;
mod agent;
mod backend;
pub mod benign;
mod cloud;
mod cni;
mod container;
pub mod endings;
mod image;
mod kernel;
mod kubelet;
mod kubelet_start;
mod node;
mod oci;
pub mod operations;
mod pressure;
mod pull;
mod registry;
mod resources;
pub mod roots;
mod runtime;
mod sandbox;
mod start;
mod storage;
mod volume;

pub use agent::UNCLASSIFIED;
pub use cloud::{NETWORK_UNAVAILABLE, NODE_UNINITIALIZED};
pub use cni::{CNI_CONFIG_INVALID, CNI_CONFIG_MISSING, CNI_HUNG, CNI_PLUGIN_MISSING, CNI_POD_NOT_RUNNING};
pub use container::{COMMAND_NOT_FOUND, CONFIG_REFERENCE_MISSING};
pub use kubelet::KUBELET_DOWN;
pub use node::{KUBELET_CRASH_LOOPING, NODE_CANNOT_START_PODS, RUNTIME_CRASH_LOOPING};
pub use pull::{IMAGE_PULL_SLOW, IMAGE_PULL_STALLED, IMAGE_STORE_CORRUPT, IMAGE_UNPACK_FAILED};
pub use runtime::{RUNTIME_DOWN, RUNTIME_SLOW, RUNTIME_TOO_OLD};
pub use sandbox::{PAUSE_IMAGE_MISSING, SANDBOX_IMAGE_UNAVAILABLE, SANDBOX_NAME_CONFLICT};
pub use start::{
    HOOK_RUNNING, IMAGE_PULL_QUEUED, IMAGE_UNPACK_SLOW, INIT_CONTAINER_RUNNING, KUBELET_NOT_SYNCING, SANDBOX_STALLED,
    SIDECAR_NOT_STARTED,
};
pub use storage::{RESOURCE_CLAIM_NOT_PREPARED, VOLUME_NOT_READY, VOLUME_OWNERSHIP_SLOW};

use std::borrow::Cow;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::model::cause::{Cause, Grows, Owner, Probe, Right, Scope};
use crate::model::stage::Stage;

/// What most entries have in common: the kubelet's words name it, nothing else is looked at, and it needs a person.
const USUAL: Cause = Cause {
    id: "",
    stage: Stage::Start,
    scope: Scope::Pod,
    owner: Owner::Platform,
    summary: "",
    says: "",
    gist: "",
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
const OF_THE_NODE: Cause = Cause {
    stage: Stage::Node,
    scope: Scope::Node,
    after: Duration::from_secs(5),
    probe: Some(Probe::Node),
    needs: &[Right::Pods, Right::Proc],
    ..USUAL
};

/// Every cause, most decisive first.
pub const ALL: &[&Cause] = &[
    &SANDBOX_IMAGE_UNAVAILABLE,
    &PAUSE_IMAGE_MISSING,
    &kubelet::CLOCK_SKEWED,
    &kubelet::SWAP_UNSUPPORTED,
    &kubelet_start::CGROUP_V1_REFUSED,
    &kubelet_start::KUBELET_CONFIG_INVALID,
    &kubelet_start::KUBELET_PORT_TAKEN,
    &resources::INOTIFY_EXHAUSTED,
    &container::MOUNT_SOURCE_INVALID,
    &resources::FILESYSTEM_READ_ONLY,
    &resources::DISK_FULL,
    &resources::INODES_EXHAUSTED,
    &resources::FILE_DESCRIPTORS_EXHAUSTED,
    &resources::PIDS_EXHAUSTED,
    &oci::MEMORY_LIMIT_TOO_LOW,
    &resources::MEMORY_PRESSURE,
    &resources::CONNTRACK_FULL,
    &kernel::KERNEL_FAULT,
    &volume::MOUNT_HUNG,
    &pressure::NODE_IO_SATURATED,
    &pressure::NODE_CPU_STARVED,
    &kubelet::API_SERVER_UNREACHABLE,
    &kubelet::SERVICE_VIP_UNREACHABLE,
    &backend::CNI_BACKEND_DOWN,
    &RUNTIME_CRASH_LOOPING,
    &RUNTIME_TOO_OLD,
    &RUNTIME_DOWN,
    &kubelet::KUBELET_CREDENTIAL_INVALID,
    &RUNTIME_SLOW,
    &volume::CSI_DRIVER_MISSING,
    &volume::VOLUME_SOURCE_MISSING,
    &volume::VOLUME_ATTACH_FAILED,
    &SANDBOX_NAME_CONFLICT,
    &sandbox::RUNTIME_HANDLER_MISSING,
    &sandbox::NODE_RESOLV_CONF_MISSING,
    &address::HOST_PORT_CONFLICT,
    &address::POD_IP_LEAKED,
    &address::POD_IP_EXHAUSTED,
    &CNI_PLUGIN_MISSING,
    &CNI_CONFIG_INVALID,
    &CNI_CONFIG_MISSING,
    &CNI_HUNG,
    &CNI_POD_NOT_RUNNING,
    &oci::DEVICE_UNAVAILABLE,
    &oci::HOOK_FAILED,
    &pull::KUBELET_PULL_THROTTLED,
    &image::IMAGE_NEVER_PULL,
    &image::IMAGE_NAME_INVALID,
    &image::IMAGE_SIGNATURE_REJECTED,
    &registry::REGISTRY_TLS_FAILURE,
    &registry::REGISTRY_NAME_UNRESOLVED,
    &registry::REGISTRY_UNREACHABLE,
    &registry::IMAGE_RATE_LIMITED,
    &registry::IMAGE_ACCESS_DENIED,
    &image::IMAGE_PLATFORM_MISMATCH,
    &image::IMAGE_FORMAT_UNSUPPORTED,
    &registry::REGISTRY_SERVER_ERROR,
    &image::IMAGE_CORRUPT,
    &IMAGE_STORE_CORRUPT,
    &IMAGE_UNPACK_FAILED,
    &image::IMAGE_NOT_FOUND,
    &IMAGE_PULL_STALLED,
    &IMAGE_PULL_SLOW,
    &container::CONTAINER_NAME_CONFLICT,
    &container::RUN_AS_ROOT_FORBIDDEN,
    &CONFIG_REFERENCE_MISSING,
    &oci::SECURITY_PROFILE_MISSING,
    &container::EXEC_FORMAT_MISMATCH,
    &COMMAND_NOT_FOUND,
    &container::COMMAND_NOT_EXECUTABLE,
    &oci::CGROUP_FAILURE,
    &agent::APPLICATION_EXITED,
    &kubelet::NODE_NOT_REGISTERED,
    &NODE_UNINITIALIZED,
    &NETWORK_UNAVAILABLE,
    &KUBELET_CRASH_LOOPING,
    &KUBELET_DOWN,
    &NODE_CANNOT_START_PODS,
    &volume::VOLUME_TIMEOUT,
    &volume::VOLUME_MOUNT_FAILED,
    &pull::IMAGE_PULL_TIMEOUT,
    &cni::CNI_FAILED,
    &sandbox::SANDBOX_TIMEOUT,
    &container::CONTAINER_CREATE_TIMEOUT,
    &oci::RUNTIME_FAILED,
    // What only takes long is told where no words tell more.
    &VOLUME_OWNERSHIP_SLOW,
    &VOLUME_NOT_READY,
    &RESOURCE_CLAIM_NOT_PREPARED,
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

/// By its id. One that this version does not know is an error: what was kept of it is of another version.
impl<'de> Deserialize<'de> for &'static Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = <Cow<'_, str>>::deserialize(deserializer)?;
        by_id(&id).ok_or_else(|| D::Error::custom(format_args!("no cause {id} in this version")))
    }
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
