//! Facts about the node: its resources, its kubelet, its runtime.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[find("socket", "dial unix ", ": ", Path)];
