//! Facts about volumes and their drivers.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] =
    &[find("volume", "for volume \"", "\"", Word), find("driver", "driver name ", " ", Word)];
