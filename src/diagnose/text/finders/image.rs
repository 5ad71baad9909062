//! Facts about images and registries.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("image", "pull and unpack image \"", "\"", Word),
    find("image", "resolve reference \"", "\"", Word),
    find("image", "pull image \"", "\"", Word),
    find("image", "pulling image \"", "\"", Word),
    find("image", "sandbox image \"", "\"", Word),
    find("answered", "unexpected status code ", " :", Number),
    find("server", "registry ", " ,\"", Host),
];
