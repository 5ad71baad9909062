//! Facts about sandboxes, CNI plugins and addresses.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("plugin", "failed to find plugin \"", "\"", Word),
    find("dirs", " in path [", "]", Path),
    find("plugin", "plugin type=\"", "\"", Word),
    find("network", "name=\"", "\"", Word),
];
