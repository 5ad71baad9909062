//! From containerd's records to sandboxes, and the filters that ask for those of certain pods. Wire types end here.

use containerd_client::services::v1::Container;
use containerd_client::types::Sandbox;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::Time;
use crate::model::ids::PodUid;
use crate::model::making::{SandboxRecord, Step};

/// The label of a container that tells sandboxes from containers, and their pod's (containerd: internal/cri/labels).
const KIND: &str = "io.cri-containerd.kind";
const POD_UID: &str = "io.kubernetes.pod.uid";
/// Where a stored sandbox keeps what CRI knows of it (containerd: internal/cri/server/podsandbox).
const METADATA: &str = "metadata";

/// Major and minor version of a text such as `1.6.20~ds1`; zeros where it says none.
pub(super) fn release(version: &str) -> (u32, u32) {
    let number = |part: Option<&str>| {
        let part = part.unwrap_or_default();
        part.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    let mut parts = version.trim_start_matches('v').split('.');
    (number(parts.next()), number(parts.next()))
}

/// Whether a UID can stand in a filter as it is. All that Kubernetes makes can.
pub(super) fn is_plain(pod: &PodUid) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !pod.as_str().is_empty() && pod.as_str().bytes().all(plain)
}

/// Asks the sandbox store for the sandboxes of that pod: a sandbox's name is `<pod>_<namespace>_<uid>_<attempt>`.
pub(super) fn named(pod: &PodUid) -> String {
    format!("labels.name~=\"_{pod}_\"")
}

/// Asks for the container records of that pod's sandboxes.
pub(super) fn labelled(pod: &PodUid) -> String {
    format!("labels.\"{KIND}\"==sandbox,labels.\"{POD_UID}\"==\"{pod}\"")
}

/// What CRI keeps with a sandbox in the store, versioned.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    config: Config,
    #[serde(default, rename = "NetNSPath")]
    netns: String,
    #[serde(default, rename = "CNIResult")]
    result: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Config {
    metadata: Named,
}

#[derive(Deserialize)]
struct Named {
    uid: String,
}

/// A sandbox of the store, if it is one of CRI's.
pub(super) fn stored(from: Sandbox) -> Option<SandboxRecord> {
    let kept: Kept = serde_json::from_slice(&from.extensions.get(METADATA)?.value).ok()?;
    let Metadata { config, netns, result } = kept.metadata;
    let step = match (netns.is_empty(), result.is_some()) {
        (_, true) => Step::Start,
        (false, false) => Step::Network,
        (true, false) => Step::Begun,
    };
    Some(SandboxRecord {
        id: from.sandbox_id.into(),
        pod: PodUid::new(&config.metadata.uid),
        created: time(from.created_at)?,
        step: Some(step),
    })
}

/// A container's record, if it is that of a sandbox.
pub(super) fn contained(from: Container) -> Option<SandboxRecord> {
    let pod = from.labels.get(POD_UID).filter(|_| from.labels.get(KIND).is_some_and(|kind| kind == "sandbox"))?;
    Some(SandboxRecord { pod: PodUid::new(pod), created: time(from.created_at)?, id: from.id.into(), step: None })
}

fn time(wire: Option<prost_types::Timestamp>) -> Option<Time> {
    let wire = wire?;
    Time::new(wire.seconds, wire.nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_spell_them() {
        for (version, read) in
            [("1.6.20~ds1", (1, 6)), ("v2.1.9", (2, 1)), ("2.1.9+unknown", (2, 1)), ("1.7", (1, 7)), ("dev", (0, 0))]
        {
            assert_eq!(release(version), read, "{version}");
        }
    }

    #[test]
    fn only_plain_uids_are_asked_for() {
        for (uid, plain) in
            [("0ef64e09-118e-421c", true), ("5f2a9c", true), ("", false), ("a\"b", false), ("a.b", false)]
        {
            assert_eq!(is_plain(&PodUid::new(uid)), plain, "{uid}");
        }
    }
}
