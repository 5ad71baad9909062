//! What a cause is: one entry of the catalogue. The entries themselves are data in `causes/`.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::sign::Sign;
use super::stage::Stage;

/// One cause of a pod that does not start or a node that is not ready.
#[derive(Debug, Serialize)]
pub struct Cause {
    /// Its name for ever: an Event reason, CamelCase, at most 64 characters.
    pub id: &'static str,
    /// The stage at which it bites.
    pub stage: Stage,
    /// Whose fault it is by nature: the node's or the single pod's.
    pub scope: Scope,
    /// Who must act.
    pub owner: Owner,
    /// One sentence: what it is.
    pub summary: &'static str,
    /// The Event's first sentences, as a template (see `diagnose/phrase.rs`): what is wrong, and how that is known.
    pub says: &'static str,
    /// The same in the few words that a line of a table has room for, as a template. Empty: `says` begins with them.
    pub gist: &'static str,
    /// What it rules out, as a person would say it. The template says it too, in the flow of its sentence.
    pub rules_out: &'static str,
    /// What its owner does next, as a template; part of the Event. It asks for no fact: what it names is in `[…]`.
    pub advice: &'static str,
    /// The longer advice, one step a line: what to look at and the command that shows it, what to change. Not in the Event.
    pub steps: &'static [&'static str],
    /// Whether it mends itself, and when; part of the Event. Empty where there is nothing true to say.
    pub mends: &'static str,
    /// How long it must hold before it is said.
    pub after: Duration,
    /// Normal, Warning, or Normal that grows into a Warning.
    pub kind: Grows,
    /// The wordings that name it in text; any one suffices. Empty: text alone cannot name it.
    pub signs: &'static [Sign],
    /// Where a cause stands for the rest of its kind: it is the answer only if no other cause fits, and evidence for none.
    pub rest: bool,
    /// Messages as people meet them, each named by its signs; with made-up names.
    pub examples: &'static [&'static str],
    /// What the agent itself looks at, beside the words of others.
    pub probe: Option<Probe>,
    /// Rights its evidence needs beyond the runtime's socket; without them the answer is Unknown. Those to ask the API server are
    /// for the words of others, the rest for what the agent looks at itself; where there are both, either suffices.
    pub needs: &'static [Right],
}

impl Cause {
    /// Whether it is told on the Node, and briefly on the pods: only where the agent sees by itself when it is over. What
    /// else is wrong with a node is told on each pod whose words name it, and ends with that pod's start.
    #[must_use]
    pub fn told_on_node(&self) -> bool {
        self.scope == Scope::Node && matches!(self.stage, Stage::Runtime | Stage::Network | Stage::Sandbox)
    }
}

/// A cause by its id alone, for serde.
///
/// # Errors
/// The serializer's.
pub fn as_id<S: Serializer>(cause: &&'static Cause, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cause.id)
}

/// Whose fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Scope {
    /// The node's: told on the Node, and briefly on each affected pod.
    Node,
    /// The pod's.
    Pod,
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Owner {
    /// Whoever deploys the pod.
    App,
    /// Whoever runs the nodes.
    Platform,
    /// Whoever runs the registry.
    Registry,
}

impl Owner {
    /// As an Event addresses them.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "App",
            Self::Platform => "Platform",
            Self::Registry => "Registry",
        }
    }
}

/// The type of a cause's Event over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Grows {
    /// Never told as an Event: the kubelet's own says it as well. Named when somebody asks.
    Silent,
    /// Needs nobody.
    Normal,
    /// Needs a person.
    Warning,
    /// Normal at first, a Warning once it has lasted this long.
    WarningAfter(Duration),
}

/// The type of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// For the record.
    Normal,
    /// Needs a person.
    Warning,
}

impl EventType {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What the agent looks at to confirm a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Probe {
    /// Calls on the CRI socket.
    RuntimeCalls,
    /// The CNI directories of the host.
    CniDirs,
    /// containerd's list of layers under way.
    Layers,
    /// The runtime's answer on its pause image, and the sandboxes that were made since.
    Sandboxes,
    /// The pod's status beside the runtime's lists, and how long neither has moved.
    Starts,
    /// The runtime's own records of sandboxes in the making, and the CNI plugins in the host's process table.
    Making,
    /// The pods of this node that write to the host's CNI directories.
    NetworkPods,
    /// The kubelet's directories, the host's mounts, and the objects behind volumes and claims.
    Volumes,
    /// The node's own files and local ports, again and again.
    Node,
    /// How many pods of the node fail alike, and whether any has started since.
    Crowd,
    /// Our own pull of the image.
    OwnPull,
}

/// A right that evidence may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Right {
    /// Pods of this node from the API server.
    Pods,
    /// Events of one pod, on demand.
    PodEvents,
    /// containerd's own API beside CRI.
    Containerd,
    /// The CNI directories of the host.
    CniDirs,
    /// The host's /proc.
    Proc,
    /// The kubelet's directories and the logs of the host.
    KubeletDirs,
    /// Files of network daemons, addresses that are taken, errors of file systems.
    NodeState,
    /// What the kernel says.
    KernelLog,
    /// Environment and descriptors of other processes.
    Traces,
    /// The objects behind a pod's volumes and claims, on demand.
    Storage,
}
