//! What is known of one error message that somebody has in front of them. Plain data: `kubewhy explain` prints it, and the
//! node-local API hands it out.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::stage::Stage;

/// The facts that programs are given, by name, and what each of them is. What templates need besides is no finding.
pub const FINDINGS: &[(&str, &str)] = &[
    ("account", "name of a ServiceAccount"),
    ("active", "how long ago the runtime last answered in time"),
    ("address", "address that was dialled"),
    ("answer", "how a host on the way to the image answered, in few words"),
    ("available", "what is left of a resource of the node"),
    ("claim", "name of a PersistentVolumeClaim"),
    ("class", "name of a SecretProviderClass"),
    ("cniversion", "CNI version that the configuration asks for"),
    ("code", "exit code"),
    ("command", "program that should run"),
    ("configmap", "name of a ConfigMap"),
    ("container", "name of a container"),
    ("device", "device or extended resource"),
    ("dir", "directory that lacks a CNI configuration"),
    ("dirs", "directories in which CNI plugins were looked for"),
    ("driver", "name of a CSI driver"),
    ("field", "field of a configuration that is not known"),
    ("file", "file or socket that the text is about"),
    ("fileserver", "host of a network file system"),
    ("filesystem", "type of a file system"),
    ("flaw", "what is wrong with the kubelet's flags"),
    ("handler", "runtime handler of a RuntimeClass"),
    ("host", "registry of the image, as people call it"),
    ("image", "image as it was asked for"),
    ("key", "key of a ConfigMap or Secret"),
    ("layers", "host that keeps the registry's layers"),
    ("limit", "limit that was asked for"),
    ("media", "media type of a manifest"),
    ("mirror", "host that was asked in place of the registry"),
    ("network", "name of a CNI network"),
    ("node", "name of a Node"),
    ("path", "repository of the image, without the registry"),
    ("persistent", "name of a PersistentVolume"),
    ("platform", "platform that the image lacks"),
    ("plugin", "name of a CNI plugin"),
    ("port", "port of this node"),
    ("profile", "name of a security profile"),
    ("proxy", "proxy that was asked in place of the registry"),
    ("pullsecret", "names of pull secrets"),
    ("range", "range of addresses that is used up"),
    ("resolved", "address that a host's name resolved to"),
    ("secret", "name of a Secret"),
    ("server", "name server that was asked"),
    ("socket", "socket that was dialled"),
    ("source", "path on the node that should be mounted"),
    ("target", "path in the container to be mounted at"),
    ("task", "process that the kernel speaks of"),
    ("threshold", "what the kubelet wants to have left of a resource"),
    ("tokens", "host that issues the registry's tokens"),
    ("user", "user that the container would run as"),
    ("version", "tag or digest of the image"),
    ("volume", "name of a volume"),
];

/// The answer to one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The cause's id; `Unclassified` for none.
    pub cause: &'static str,
    /// `observed`: it has words of its own; `inferred`: no other cause fits; `none`.
    pub confidence: &'static str,
    /// What the cause is, in general.
    pub summary: &'static str,
    /// What it is here, by name.
    pub sentence: String,
    /// What its owner does next.
    pub advice: String,
    /// Step by step: what to look at, what to change.
    pub steps: &'static [&'static str],
    /// What it rules out.
    pub rules_out: &'static str,
    /// Whether it mends itself.
    pub mends: &'static str,
    /// The stage of the pod's start, or the part of the node; none, printed as `Unknown`, if no cause is named.
    #[serde(serialize_with = "known")]
    pub stage: Option<Stage>,
    /// Who must act.
    pub owner: &'static str,
    /// What was found in the text, by name: of [`FINDINGS`] only.
    pub facts: BTreeMap<&'static str, String>,
    /// Causes that the text names too: symptoms of this one, or what another attempt failed on.
    pub also: Vec<&'static str>,
    /// The parts of the text that decided.
    pub evidence: Vec<&'static str>,
    /// The text says that something went well, or nothing that is amiss.
    pub good_news: bool,
    /// The message, without secrets, shortened in its middle.
    pub message: String,
}

fn known<S: Serializer>(stage: &Option<Stage>, to: S) -> Result<S::Ok, S::Error> {
    match stage {
        Some(stage) => to.collect_str(stage),
        None => to.serialize_str("Unknown"),
    }
}
