//! Facts about the node: its resources, its kubelet, its runtime.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("socket", "dial unix ", ": ", Path),
    find("file", "kubelet config file, path: ", ",", Path),
    find("file", "write ", ": ,", Path),
    find("file", "open ", ": ,", Path),
    find("file", "mkdir ", ": ,", Path),
    find("file", "unix ", ": ,", Path),
    find("threshold", "threshold quantity: ", ", ", Number),
    find("available", ", available: ", "., ", Number),
    find("task", "info: task ", " :", Word),
    find("for", "blocked for more than ", ".", Number),
    find("for", "stuck for ", "! ", Number),
    find("device", "(device ", "):", Word),
    find("device", "error, dev ", ", ", Word),
    find("device", "i/o error on dev ", ", ", Word),
    find("device", "on device ", ",.: ", Word),
    find("device", "ext4-fs (", ")", Word),
    find("device", "xfs (", ")", Word),
    find("field", "strict decoding error: unknown field \"", "\"", Word),
    find("flaw", "failed to parse kubelet flag: ", "\"", Any),
    find("active", "pleg was last seen active ", " ", Number),
    find("now", "current time ", " ", Number),
    find("begins", " is before ", " ,;\"", Number),
    find("expired", " is expired: ", "+\"", Number),
    find("expired", " is after ", " ,;\"", Number),
    find("api", "get \"https://", "/\"", Host),
    find("api", "post \"https://", "/\"", Host),
    find("api", "put \"https://", "/\"", Host),
    find("api", "patch \"https://", "/\"", Host),
    find("node", "node \"", "\"", Word),
    find("node", "nodes \"", "\"", Word),
];
