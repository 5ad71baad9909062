//! What one probe of the node found at one look. It knows no other reading and no time but its own.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The fact that says whom a fault takes along, in the words of the table of roots, each ended by a comma. Where a reading
/// does not say, it may be anybody.
pub const REACH: &str = "reach";
/// It may be any of them.
pub const ANYBODY: &str = "anybody";
/// It hurts, and is no reason for what else does.
pub const NOBODY: &str = "nobody";

/// One answer of a probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The probe, by its id in the table of `probe.rs`.
    pub probe: &'static str,
    /// Which of several it is about: a file system, a certificate, a range of addresses. Empty where there is one.
    pub of: Arc<str>,
    /// How it stands.
    pub verdict: Verdict,
    /// Id of the cause that it points at; empty where it is fine or unknown.
    pub cause: &'static str,
    /// One line for a person: what was seen, or why nothing was.
    pub says: String,
    /// What the cause's template asks for.
    pub facts: Vec<(&'static str, String)>,
    /// How much is used of what can run out, for programs that follow its course.
    pub amount: Option<Amount>,
}

/// How something stands, as far as one look tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// It is seen to be well.
    Fine,
    /// It will be wrong soon, or may be wrong.
    Suspect,
    /// It is seen to be wrong.
    Broken,
    /// It can't be told: a missing right or mount, or no answer. Neither well nor wrong.
    Unknown(Missing),
}

impl Verdict {
    /// It was looked at, and is not broken.
    #[must_use]
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Fine | Self::Suspect)
    }

    /// There is nothing of the kind on this node.
    #[must_use]
    pub fn is_vacant(self) -> bool {
        self == Self::Unknown(Missing::Subject)
    }
}

/// What a probe lacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Missing {
    /// A mount or a right of this process.
    Access,
    /// The thing itself: this node has none, so there is nothing to ask.
    Subject,
    /// An answer in time, or one that makes sense.
    Answer,
}

/// A share of something that can run out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Amount {
    /// What is used, in `unit`.
    pub used: f64,
    /// What there is.
    pub limit: f64,
    /// Of what.
    pub unit: Unit,
}

/// A base unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things that are counted: inodes, processes, addresses.
    Count,
    /// Seconds.
    Seconds,
}

impl Reading {
    /// It was seen to be well.
    #[must_use]
    pub fn fine(probe: &'static str, of: &str, says: impl Into<String>) -> Self {
        Self {
            probe,
            of: of.into(),
            verdict: Verdict::Fine,
            cause: "",
            says: says.into(),
            facts: Vec::new(),
            amount: None,
        }
    }

    /// It was seen to be wrong.
    #[must_use]
    pub fn broken(probe: &'static str, of: &str, cause: &'static str, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Broken, cause, ..Self::fine(probe, of, says) }
    }

    /// It will be wrong soon, or may be.
    #[must_use]
    pub fn suspect(probe: &'static str, of: &str, cause: &'static str, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Suspect, cause, ..Self::fine(probe, of, says) }
    }

    /// It can't be told.
    #[must_use]
    pub fn unknown(probe: &'static str, of: &str, missing: Missing, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown(missing), ..Self::fine(probe, of, why) }
    }

    /// With what the cause's template asks for.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, value.into()));
        self
    }

    /// What it says of that name.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// With how much of it is used.
    #[must_use]
    pub fn of_amount(mut self, used: f64, limit: f64, unit: Unit) -> Self {
        self.amount = Some(Amount { used, limit, unit });
        self
    }
}

/// What a probe is about, as `kubewhy check` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Group {
    /// The container runtime.
    Runtime,
    /// The kubelet, its certificate and its way to the API server.
    Kubelet,
    /// The pod network.
    Network,
    /// File systems.
    Disk,
    /// What the kernel gives out: memory, processes, file handles, connections.
    Kernel,
    /// The clock and the names of hosts.
    System,
}

impl Group {
    /// As a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Runtime => "Runtime",
            Self::Kubelet => "Kubelet",
            Self::Network => "Network",
            Self::Disk => "Disk",
            Self::Kernel => "Kernel",
            Self::System => "System",
        }
    }
}
