//! Facts that a text tells in other words than a sentence would: which words of it say what. Where no words of a fact are
//! in a text, nothing is said of it.

/// Words, and the fact they stand for.
#[derive(Debug)]
pub(in crate::diagnose::text) struct Phrase {
    /// The fact's name, as templates use it.
    pub(in crate::diagnose::text) fact: &'static str,
    /// All of these are in the text, in lower case.
    pub(in crate::diagnose::text) words: &'static [&'static str],
    /// What is said for them.
    pub(in crate::diagnose::text) said: &'static str,
}

const fn say(fact: &'static str, words: &'static [&'static str], said: &'static str) -> Phrase {
    Phrase { fact, words, said }
}

/// For one fact, the more telling words come first.
pub(in crate::diagnose::text) const PHRASES: &[Phrase] = &[
    // A file that is not there is another thing than a socket at which nobody listens.
    say("absence", &["no such file"], "is missing"),
    say("absence", &["cannot find the file"], "is missing"),
    say("absence", &["is missing"], "is missing"),
    say("absence", &["still waiting for readinessindicatorfile"], "is missing"),
    say("absence", &["pollimmediate error waiting for readinessindicatorfile"], "is missing"),
    // Which hook: one runs after the start, one before the end, one is the runtime's.
    say("ending", &["prestop"], "preStop hook"),
    say("starting", &["poststart"], "postStart hook"),
    // Under a tag that the registry knows.
    say("part", &["/blobs/"], "a layer or its configuration"),
    say("part", &["blob unknown"], "a layer or its configuration"),
    say("part", &["unknown blob"], "a layer or its configuration"),
    say("part", &["failed to copy", "/manifests/sha256:"], "a manifest"),
    say("secretless", &["unable to retrieve some image pull secrets"], "The kubelet could not get a pull secret"),
    // The node's own range, by a plugin that keeps one file a node.
    say("owned", &["in range set"], "on this node"),
    say("owned", &["per host block limit"], "on this node"),
    say("asker", &["endpoint slice"], "A controller of the cluster"),
    say("asker", &["endpointslice"], "A controller of the cluster"),
    say("asker", &["node-controller"], "A controller of the cluster"),
    say("asker", &["node_lifecycle_controller"], "A controller of the cluster"),
    say("full", &["no space left on device"], "is full"),
    say("full", &["not enough space on the disk"], "is full"),
    say("full", &["database or disk is full"], "is full"),
    say("full", &["disk quota exceeded"], "is at its quota"),
    say("hanging", &["mountdevice", "deadlineexceeded"], "its CSI driver did not answer in time"),
    say("hanging", &["setupat", "deadlineexceeded"], "its CSI driver did not answer in time"),
    say("hanging", &["nodestagevolume", "deadlineexceeded"], "its CSI driver did not answer in time"),
    say("hanging", &["nodepublishvolume", "deadlineexceeded"], "its CSI driver did not answer in time"),
    say("pending", &["an operation with the given volume"], "an earlier operation on it is still under way"),
    say("pending", &["operation already in progress"], "an earlier operation on it is still under way"),
    // How a mount failed, by the words of mount(8), its helpers, the kernel and the drivers.
    say("how", &["access denied by server"], "the server denies access"),
    say("how", &["failed to resolve server"], "the server's name does not resolve"),
    say("how", &["name or service not known"], "the server's name does not resolve"),
    say("how", &["could not resolve"], "the server's name does not resolve"),
    say("how", &["no such host"], "the server's name does not resolve"),
    say("how", &["stale nfs file handle"], "its file handle is stale"),
    say("how", &["stale file handle"], "its file handle is stale"),
    say("how", &["protocol not supported"], "the server does not speak this protocol version"),
    say("how", &["wrong fs type"], "wrong file system type, bad option or damaged superblock"),
    say("how", &["unknown filesystem type"], "this node does not know the file system type"),
    say("how", &["helper program"], "bad option, or no mount helper on this node"),
    say("how", &["structure needs cleaning"], "its file system is damaged"),
    say("how", &["fsck", "found errors"], "its file system is damaged"),
    say("how", &["bad superblock"], "its superblock is damaged"),
    say("how", &["no route to host"], "no route to the server"),
    say("how", &["network is unreachable"], "no route to the server"),
    say("how", &["connection refused"], "the connection was refused"),
    say("how", &["connection timed out"], "the server did not answer in time"),
    say("how", &["host is down"], "the server does not answer"),
    say("how", &["not responding"], "the server does not answer"),
    say("how", &["transport endpoint is not connected"], "its FUSE daemon is gone"),
    say("how", &["no volume plugin matched"], "no volume plugin on this node fits it"),
    say("how", &["applyfsgroup failed"], "the group of its files could not be set"),
    say("how", &["mount point busy"], "device or directory is busy"),
    say("how", &["device or resource busy"], "device or directory is busy"),
    say("how", &["read-only file system"], "a file system is read-only"),
    say("how", &["input/output error"], "input/output error"),
    say("how", &["permission denied"], "permission denied"),
    say("how", &["permissiondenied"], "permission denied"),
    say("how", &["operation not permitted"], "not permitted"),
    say("how", &["not a directory"], "a path of it is no directory"),
    say("how", &["no such device"], "no such device"),
    say("how", &["no such file or directory"], "no such file or directory"),
    say("how", &["does not exist"], "something it needs does not exist"),
    say("how", &["invalid argument"], "invalid argument"),
    say("how", &["timed out"], "it did not end in time"),
];
