//! What an edge saw, and when. A look that failed is an observation too: "could not look" is data, never an error that
//! travels up the stack.

use std::sync::Arc;

use serde::Serialize;

use super::Time;
use super::cni::CniHost;
use super::ids::PodUid;
use super::intent::{Intents, PullRules};
use super::making::{PluginProcess, SandboxRecord};
use super::marks::Marks;
use super::node::Node;
use super::pod::{Pod, PodEvent};
use super::prepull::{SetProgress, StartupTaint};
use super::pull::Pull;
use super::reading::Reading;
use super::runtime::{CallOutcome, Container, RuntimeInfo, RuntimeStatus, Sandbox};
use super::skew::Skew;
use super::verification::Verification;
use super::volume::{HostVolumes, Storage};

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// When, by the agent's clock.
    pub at: Time,
    /// What.
    pub seen: Seen,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Seen {
    /// A runtime answered `Version` on a new connection.
    RuntimeFound(RuntimeInfo),
    /// A CRI call ended, well or not. Sent for every call.
    RuntimeCall(CallOutcome),
    /// CRI `Status`.
    RuntimeStatus(RuntimeStatus),
    /// All sandboxes.
    Sandboxes(Vec<Sandbox>),
    /// All containers.
    Containers(Vec<Container>),
    /// Whether the node has the image of that name.
    Image {
        /// As it was asked for: as a pod's spec or the runtime names it.
        name: Arc<str>,
        /// It is there.
        here: bool,
    },
    /// All pulls under way (containerd).
    Pulls(Vec<Pull>),
    /// Pulls can't be seen, and why (another runtime, or its own API does not answer).
    PullsUnseen(String),
    /// The runtime's own records of sandboxes of pods whose sandbox is awaited; or why they can't be seen.
    SandboxRecords(Result<Vec<SandboxRecord>, String>),
    /// The CNI plugins that run; or why the process table can't be seen.
    Plugins(Result<Vec<PluginProcess>, String>),
    /// What the kubelet wants pulled.
    Intents(Intents),
    /// In so many percent of the last ten seconds all work stood still on this node's disks; none where they keep up.
    DiskSaturated(Option<u8>),
    /// How the kubelet pulls.
    PullRules(PullRules),
    /// Whether it verifies credentials of images that are present.
    Verification(Verification),
    /// All pods of this node: the start of a watch, or a fresh list after a gap.
    PodsListed(Vec<Pod>),
    /// A pod was added or changed.
    PodChanged(Box<Pod>),
    /// A pod is gone from the API server. The API object's UID.
    PodGone(PodUid),
    /// This Node.
    NodeChanged(Box<Node>),
    /// This Node's object was deleted.
    NodeGone,
    /// The answer to a question for a pod's Events.
    PodEvents {
        /// The pod.
        pod: PodUid,
        /// What the kubelet said of it; empty where the question was refused by a budget or failed.
        events: Vec<PodEvent>,
    },
    /// What the kubelet's directories show of the volumes of pods that wait for them.
    Volumes(HostVolumes),
    /// The objects behind the volumes and claims of a pod that waits for them.
    Storage {
        /// The pod.
        pod: PodUid,
        /// What the API server says of them.
        storage: Storage,
    },
    /// The pause image is here, or our own pull of it failed.
    PauseImage {
        /// Its name.
        image: Arc<str>,
        /// How the pull failed; none where it is here.
        failure: Option<String>,
    },
    /// CNI directories of the host.
    Cni(CniHost),
    /// Directories of the pods that start.
    Marks(Marks),
    /// One look of one probe, and all that it found.
    Readings {
        /// The probe, by its id.
        probe: &'static str,
        /// What it found.
        readings: Vec<Reading>,
    },
    /// The API server answered again, or refused.
    ApiServer(ApiState),
    /// The clock of this node beside the API server's, by an answer that this agent got.
    Clocks(Skew),
    /// A pre-pull set moved.
    Prepull(SetProgress),
    /// A pre-pull set is no longer asked of this node.
    PrepullDropped(Arc<str>),
    /// The startup taint was taken off this Node, or can't be.
    StartupTaint(StartupTaint),
    /// The configuration file was accepted or refused.
    Config(ConfigState),
}

/// How the API server stands to this agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ApiState {
    /// It answers.
    Answers,
    /// It can't be reached.
    Unreachable(String),
    /// It refused: the credentials (401), or a verb on a resource (403), e.g. `watch pods`.
    Refused {
        /// The verb, e.g. `watch`.
        verb: Arc<str>,
        /// The resource, e.g. `pods`.
        resource: Arc<str>,
        /// Its words.
        text: String,
    },
}

/// How the configuration file was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ConfigState {
    /// It is in force.
    Accepted,
    /// It was refused as a whole; every fault, one a line, and what is in force instead.
    Refused {
        /// `file:line:column: what`, in order.
        faults: Vec<String>,
        /// e.g. `the last accepted file`, `defaults, no pre-pull`.
        in_force: &'static str,
    },
}
