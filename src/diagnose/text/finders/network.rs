//! Facts about sandboxes, CNI plugins and addresses.

use super::Shape::*;
use super::{Finder, find};

/// In order of trust.
pub(super) const FINDERS: &[Finder] = &[
    find("plugin", "failed to find plugin \"", "\"", Word),
    find("dirs", " in path [", "]", Path),
    find("plugin", "error invoking delegateadd - \"", "\"", Word),
    find("plugin", "plugin type=\"", "\"", Word),
    find("plugin", "plugin type='", "'", Word),
    find("network", "to network \"", "\"", Word),
    find("network", "to cni network \"", "\"", Word),
    find("network", "\" name=\"", "\"", Word),
    find("dir", "networks found in ", " :;,\"", Path),
    find("dir", "network config found in ", " :;,\"", Path),
    find("file", "config list file ", " :;,\"", Path),
    find("file", "cni config file ", " :;,\"", Path),
    find("file", "'subnet.env' file: open ", ":", Path),
    find("file", "loadflannelsubnetenv failed: open ", ":", Path),
    find("file", "failed (add): stat ", ":", Path),
    find("file", "network: stat ", ":", Path),
    find("file", "readinessindicatorfile @ ", " ", Path),
    find("file", "sandbox: open ", ":", Path),
    find("file", "failed: open ", ":", Path),
    find("asked", "cni versions; config is \"", "\"", Word),
    find("range", "in range set: ", " \"',;]", Word),
    find("range", "available in pools: [", "]", Any),
    find("port", "open hostport ", " ", Number),
    find("port", "dial tcp 127.0.0.1:", ": ", Number),
    find("port", "listen tcp4 0.0.0.0:", ": ", Number),
    find("port", "listen tcp 0.0.0.0:", ": ", Number),
    find("port", "listen tcp4 :", ": ", Number),
    find("port", "listen tcp :", ": ", Number),
    find("port", "bind for 0.0.0.0:", ": ", Number),
    find("port", "bind for :::", ": ", Number),
    find("handler", "no runtime for \"", "\"", Word),
    find("handler", "runtime handler \"", "\"", Word),
    find("handler", "find runtime handler ", " ", Word),
    find("handler", "runtimehandler \"", "\"", Word),
];
