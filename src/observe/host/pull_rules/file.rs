//! The few words on pulls in a kubelet's configuration file, and what they come to.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::host::Root;
use crate::model::intent::{AtOnce, Budget, PullRules};
use crate::model::verification::Verification;

/// A configuration file is a few kilobytes.
const SIZE_AT_MOST: u64 = 1 << 20;

/// What a file or a command line chooses (Kubernetes: kubelet.config.k8s.io/v1beta1 KubeletConfiguration).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choices {
    pub(super) serialize_image_pulls: Option<bool>,
    pub(super) max_parallel_image_pulls: Option<u32>,
    #[serde(rename = "registryPullQPS")]
    pub(super) registry_pull_qps: Option<u32>,
    pub(super) registry_burst: Option<u32>,
    /// A drop-in file takes back what it calls `null`.
    #[serde(default, deserialize_with = "said")]
    image_pull_credentials_verification_policy: Option<Option<String>>,
    #[serde(default, deserialize_with = "said")]
    preloaded_images_verification_allowlist: Option<Option<Vec<Arc<str>>>>,
}

fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// What that file chooses; nothing where it can't be read or is none.
pub(super) fn read(root: Root<'_>, path: &Path) -> Option<Choices> {
    let bytes = root.read(path, SIZE_AT_MOST).ok()?;
    serde_saphyr::from_str(&String::from_utf8(bytes).ok()?).ok()
}

impl Choices {
    /// These, unless `stronger` chooses otherwise.
    pub(super) fn under(self, stronger: Self) -> Self {
        Self {
            serialize_image_pulls: stronger.serialize_image_pulls.or(self.serialize_image_pulls),
            max_parallel_image_pulls: stronger.max_parallel_image_pulls.or(self.max_parallel_image_pulls),
            registry_pull_qps: stronger.registry_pull_qps.or(self.registry_pull_qps),
            registry_burst: stronger.registry_burst.or(self.registry_burst),
            image_pull_credentials_verification_policy: stronger
                .image_pull_credentials_verification_policy
                .or(self.image_pull_credentials_verification_policy),
            preloaded_images_verification_allowlist: stronger
                .preloaded_images_verification_allowlist
                .or(self.preloaded_images_verification_allowlist),
        }
    }

    /// With the kubelet's own defaults for the rest (Kubernetes: pkg/kubelet/apis/config/v1beta1/defaults.go).
    pub(super) fn rules(&self) -> PullRules {
        let most = self.max_parallel_image_pulls.and_then(NonZeroU32::new);
        let serial = self.serialize_image_pulls.unwrap_or(most.is_none_or(|most| most == NonZeroU32::MIN));
        let at_once = match most {
            _ if serial => AtOnce::AtMost(NonZeroU32::MIN),
            Some(most) => AtOnce::AtMost(most),
            None => AtOnce::All,
        };
        let per_second = self.registry_pull_qps.unwrap_or(5);
        PullRules { at_once, budget: Some(Budget { per_second, burst: self.registry_burst.unwrap_or(10) }) }
    }

    /// There is no flag for it. Where nothing is said, a kubelet verifies nothing that it did not pull, and an older one
    /// nothing at all.
    pub(super) fn verification(&self) -> Verification {
        match self.image_pull_credentials_verification_policy.iter().flatten().next().map(String::as_str) {
            None | Some("NeverVerifyPreloadedImages" | "") => Verification::Preloaded,
            Some("NeverVerify") => Verification::Never,
            Some("NeverVerifyAllowlistedImages") => {
                let listed = self.preloaded_images_verification_allowlist.iter().flatten().flatten();
                Verification::Allowlisted(listed.cloned().collect())
            }
            Some("AlwaysVerify") => Verification::Always,
            Some(_) => Verification::Unknown,
        }
    }
}
