//! Facts about images and registries.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("image", "pull and unpack image \"", "\"", Word),
    find("image", "resolve reference \"", "\"", Word),
    find("image", "resolve image \"", "\"", Word),
    find("image", "pull image \"", "\"", Word),
    find("image", "pulling image \"", "\"", Word),
    find("image", "pullimage \"", "\"", Word),
    find("image", "sandbox image \"", "\"", Word),
    find("image", "container image \"", "\"", Word),
    find("image", "inspect image \"", "\"", Word),
    find("image", "default image tag \"", "\"", Word),
    find("image", "parse image name \"", "\"", Word),
    find("image", "parse image reference \"", "\"", Word),
    find("image", "short-name \"", "\"", Word),
    find("image", "image pull failed for ", " ,", Word),
    find("image", "daemon: manifest for ", " ", Word),
    find("image", "pull access denied for ", " ,", Word),
    find("answered", "unexpected status code ", " :", Number),
    find("platform", "no matching manifest for ", " ", Word),
    find("platform", "list for architecture \"", "\"", Word),
    find("platform", "index for architecture \"", "\"", Word),
    find("platform", "list for architecture ", " ,\"", Word),
    find("media", "media type \"", "\"", Word),
    find("media", "encountered unknown type ", " ;,", Word),
    find("media", "unsupported media type ", " ;,\"", Word),
];
