//! Facts about containers: commands, users, paths, devices.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[find("command", "exec: \"", "\"", Any)];
