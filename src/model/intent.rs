//! The kubelet's side of image pulls: what it wants pulled, and how many at once it lets run.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Time;

/// The images that the kubelet has queued or has the runtime pull (Kubernetes: pkg/kubelet/images/pullmanager, from 1.35 on).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intents {
    /// Each with the moment of the look that saw it first. Of two that one look saw first nobody knows which came first.
    Told(BTreeMap<Arc<str>, Time>),
    /// They can't be seen, and why: an older kubelet keeps none.
    Unknown(String),
}

impl Intents {
    /// When the intent for an image, as a pod's spec names it, was seen first. The kubelet adds the default tag
    /// (Kubernetes: pkg/kubelet/images/image_manager.go applyDefaultImageTag).
    #[must_use]
    pub fn first_seen(&self, image: &str) -> Option<Time> {
        let Self::Told(images) = self else { return None };
        images.get(image).or_else(|| images.get(&*format!("{image}:latest"))).copied()
    }

    /// Whether `intent` is for the image that a pod's spec names so.
    #[must_use]
    pub fn is_for(intent: &str, image: &str) -> bool {
        intent.strip_prefix(image).is_some_and(|rest| rest.is_empty() || rest == ":latest")
    }
}

/// How the kubelet pulls, as far as its configuration can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRules {
    /// How many pulls run beside each other.
    pub at_once: AtOnce,
    /// How many it asks for; none where that is not known.
    pub budget: Option<Budget>,
}

/// How many pulls the kubelet lets run beside each other (Kubernetes: serializeImagePulls, maxParallelImagePulls).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtOnce {
    /// Its configuration can't be read.
    #[default]
    Unknown,
    /// No more than this; the kubelet's own default is one.
    AtMost(NonZeroU32),
    /// As many as it wants.
    All,
}

/// How many pulls the kubelet asks for before it postpones one (Kubernetes: registryPullQPS, registryBurst).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// A second, over time; 0 is no bound.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

impl fmt::Display for PullRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at_once.fmt(f)?;
        self.budget.map_or(Ok(()), |budget| write!(f, "; {budget}"))
    }
}

impl fmt::Display for AtOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("how many pulls run at a time is not known"),
            Self::AtMost(NonZeroU32::MIN) => f.write_str("one pull at a time"),
            Self::AtMost(most) => write!(f, "at most {most} pulls at a time"),
            Self::All => f.write_str("any number of pulls at a time"),
        }
    }
}

/// As the kubelet's configuration spells it.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registryPullQPS {}, registryBurst {}", self.per_second, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_the_kubelet_pulls_is_put_into_words() {
        let most = |n| AtOnce::AtMost(NonZeroU32::new(n).unwrap());
        let budget = Some(Budget { per_second: 5, burst: 10 });
        for (at_once, budget, said) in [
            (most(1), budget, "one pull at a time; registryPullQPS 5, registryBurst 10"),
            (most(3), None, "at most 3 pulls at a time"),
            (AtOnce::All, None, "any number of pulls at a time"),
            (AtOnce::Unknown, None, "how many pulls run at a time is not known"),
        ] {
            assert_eq!(PullRules { at_once, budget }.to_string(), said);
        }
    }
}
