//! The host's cgroups, by which kubelet and runtime hold pods to their limits: whether both manage them by the same driver,
//! and whether they are of a version that the kubelet takes.

mod driver;
mod version;

use super::Node;
use crate::model::reading::Reading;

/// Its id.
pub const ID: &str = "cgroups";

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    vec![driver::look(node), version::look(node)]
}
