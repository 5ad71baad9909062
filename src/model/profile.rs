//! The profiles in which the agent is deployed: sets of rights (`deploy/socket`, `deploy/base`, `deploy/deep`), and what of the
//! catalogue each of them can tell. What a right is for, and what it lacks, is nobody's opinion here: `tests/e2e/profiles.rs` runs
//! each profile against the faults of a node.

use super::cause::{Cause, Right};

/// A set of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// The runtime's socket and the CNI directories.
    Socket,
    /// Besides, what root may read of its host without capabilities.
    Standard,
    /// Besides, what a privileged container may read.
    Deep,
}

/// How far a profile can tell a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// As the catalogue says.
    Whole,
    /// It is told, and lacks what only a look at other processes or the kernel's log shows.
    InPart,
    /// The agent can't look for itself; it is told where kubelet, runtime or kernel say so in words that reach it.
    ByWords,
    /// Not told: neither as broken nor as well.
    Not,
}

impl Profile {
    /// The least first.
    pub const ALL: [Self; 3] = [Self::Socket, Self::Standard, Self::Deep];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Standard => "standard",
            Self::Deep => "deep",
        }
    }

    /// Its folder below `deploy`.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Standard => "base",
            Self::Deep => "deep",
        }
    }

    /// How far it can tell a cause. The rights to ask the API server are those of every profile.
    #[must_use]
    pub fn tells(self, cause: &Cause) -> Telling {
        let lacking = |right: &&Right| first_with(**right) > self;
        let (details, looks): (Vec<Right>, Vec<Right>) =
            cause.needs.iter().filter(lacking).partition(|right| first_with(**right) == Self::Deep);
        match (looks.is_empty(), details.is_empty(), cause.signs.is_empty()) {
            (true, true, _) => Telling::Whole,
            (true, false, _) => Telling::InPart,
            (false, _, false) => Telling::ByWords,
            (false, _, true) => Telling::Not,
        }
    }
}

/// The least profile that has a right.
fn first_with(right: Right) -> Profile {
    match right {
        Right::Pods | Right::PodEvents | Right::Containerd | Right::CniDirs | Right::Storage => Profile::Socket,
        Right::Proc | Right::KubeletDirs | Right::NodeState => Profile::Standard,
        Right::KernelLog | Right::Traces => Profile::Deep,
    }
}
