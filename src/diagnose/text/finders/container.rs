//! Facts about containers: commands, users, paths, devices.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("command", "exec: \"", "\"", Any),
    find("command", "executable file `", "`", Any),
    find("command", "exec container process `", "`", Any),
    find("command", "container command '", "'", Any),
    find("command", "container init: exec ", ":", Path),
    find("user", "non-numeric user (", ")", Any),
    find("user", "unable to find user ", ":", Word),
    find("container", "of container \"", "\"", Word),
    find("container", "container: ", ")", Word),
    find("container", "restarting failed container=", " ", Word),
    find("container", "restarting failed container ", " ", Word),
    find("code", "exit code: ", " ,;:)", Number),
    find("code", "exit code ", " ,;:)", Number),
    find("code", "exited with code ", " ,;:)", Number),
    find("source", "mounting \"", "\"", Path),
    find("source", "mount source path '", "'", Path),
    find("source", "failed to stat \"", "\"", Path),
    find("source", "failed to mkdir \"", "\"", Path),
    find("source", "failed to mkdir ", ":", Path),
    find("source", "resolve symlink \"", "\"", Path),
    find("source", "type check failed: ", " ", Path),
    find("source", "mount `", "`", Path),
    find("source", "error: stat ", ":", Path),
    find("target", "to rootfs at \"", "\"", Path),
    find("volume", "for volumemount \"", "\"", Word),
    find("profile", "profile not found ", " :", Word),
    find("profile", "profile \"", "\"", Word),
    find("device", "unhealthy devices ", " ,", Word),
    find("device", "unregistered device ", " ,", Word),
    find("device", "unresolvable cdi devices ", " :,", Word),
    find("device", "device driver \"", "\"", Word),
    find("device", "lstat ", ":", Path),
    find("limit", "set memory limit ", " ", Number),
    find("limit", "set memory limit to ", " ", Number),
];
