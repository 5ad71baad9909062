//! What a wording is: how a cause of the catalogue is recognised in the text of an error.

use serde::Serialize;

/// One wording: every part of `all` is in the text, none of `none`, and the text speaks of one of the operations.
///
/// Parts are written in lower case and found in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// What the text must speak of for the parts to mean what they say; empty for parts that need no such company.
    pub within: &'static [Operation],
    /// All of these.
    pub all: &'static [&'static str],
    /// None of these.
    pub none: &'static [&'static str],
}

impl Sign {
    /// All of these parts.
    #[must_use]
    pub const fn of(all: &'static [&'static str]) -> Self {
        Self { within: &[], all, none: &[] }
    }

    /// In a text that speaks of one of these operations.
    #[must_use]
    pub const fn within(self, within: &'static [Operation]) -> Self {
        Self { within, ..self }
    }

    /// And none of these parts.
    #[must_use]
    pub const fn but(self, none: &'static [&'static str]) -> Self {
        Self { none, ..self }
    }
}

/// What an error text speaks of: the operation that failed, or the part of the node that speaks. A text may speak of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Operation {
    /// An image is fetched or unpacked.
    Pull,
    /// A sandbox is made or removed.
    Sandbox,
    /// A CNI plugin runs, or is to run.
    Network,
    /// A container is created or started.
    Container,
    /// A volume is attached, mounted or prepared.
    Volume,
    /// The kubelet, or a client, calls the runtime.
    RuntimeCall,
    /// The kubelet, or a plugin, calls the API server.
    ApiCall,
    /// The kubelet speaks of itself or of its Node.
    Node,
    /// The kernel speaks.
    Kernel,
}

impl Operation {
    /// One bit for each, so that those of a text fit one number.
    #[must_use]
    pub const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}
