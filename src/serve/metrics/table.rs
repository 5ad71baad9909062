//! Every metric, described once: the registry is filled from here and the documentation is generated from it.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Counts by size.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus shows it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels. Each takes values of a bounded set: never a pod, an image, a registry.
    pub labels: &'static [&'static str],
    /// What it counts, one sentence without its full stop.
    pub help: &'static str,
}

pub(super) const DIAGNOSES: Metric = Metric {
    name: "kubewhy_diagnoses",
    kind: Kind::Gauge,
    labels: &["cause", "subject", "type"],
    help: "Diagnoses that hold now, by cause; subject: node, pod, prepull (a set of images); type: Warning, Normal",
};
pub(super) const REPORTS: Metric = Metric {
    name: "kubewhy_reports_total",
    kind: Kind::Counter,
    labels: &["cause", "outcome"],
    help: "Notices that came up, by cause and what became of them: first, refresh, changed, ended, announced, folded",
};
pub(super) const EVENTS: Metric = Metric {
    name: "kubewhy_events_written_total",
    kind: Kind::Counter,
    labels: &["outcome"],
    help: "Tries to write an Event, by outcome: written, failed (tried again), dropped",
};
pub(super) const PENDING: Metric =
    Metric { name: "kubewhy_events_pending", kind: Kind::Gauge, labels: &[], help: "Events that wait to be written" };
pub(super) const HELD: Metric = Metric {
    name: "kubewhy_events_held",
    kind: Kind::Gauge,
    labels: &[],
    help: "Events that the brake holds back: report.events, report.namespaces. With those that wait to be written, the whole spool; it has room for 2000",
};
pub(super) const JOURNAL_BYTES: Metric = Metric {
    name: "kubewhy_journal_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "How far the journal's current file is written, of 524288; then the other file is begun with what still holds",
};
pub(super) const JOURNAL_FAILING: Metric = Metric {
    name: "kubewhy_journal_failing",
    kind: Kind::Gauge,
    labels: &[],
    help: "1 while stories can't be kept on disk, so that a restart may repeat or lose some; also without a state directory",
};
pub(super) const JOURNAL_DAMAGED: Metric = Metric {
    name: "kubewhy_journal_damaged_lines",
    kind: Kind::Gauge,
    labels: &[],
    help: "Lines of the journal that could not be read when this agent started",
};
pub(super) const QUEUES: Metric = Metric {
    name: "kubewhy_queue_length",
    kind: Kind::Gauge,
    labels: &["queue"],
    help: "What waits between the parts of the agent: observations (of 256), relayed (of 256), findings (of 8), questions (of 32)",
};
pub(super) const API_REQUESTS: Metric = Metric {
    name: "kubewhy_apiserver_requests_total",
    kind: Kind::Counter,
    labels: &["verb", "resource", "code"],
    help: "Requests to the API server, by verb and resource as RBAC names them, other for what the agent has no name for, and the status of the answer; none where there was none. A watch counts once it is accepted",
};
pub(super) const RUNTIME_CALLS: Metric = Metric {
    name: "kubewhy_runtime_call_seconds",
    kind: Kind::Histogram,
    labels: &["method"],
    help: "How long calls to the container runtime took, by CRI method",
};
pub(super) const RUNTIME_FAILURES: Metric = Metric {
    name: "kubewhy_runtime_call_failures_total",
    kind: Kind::Counter,
    labels: &["method"],
    help: "Those calls that failed, by CRI method; Connect where the socket could not be opened",
};
pub(super) const CONTAINERD_CALLS: Metric = Metric {
    name: "kubewhy_containerd_calls_total",
    kind: Kind::Counter,
    labels: &["method"],
    help: "Calls of containerd's own API, beside CRI, by method",
};
pub(super) const STARTS: Metric = Metric {
    name: "kubewhy_pod_start_seconds",
    kind: Kind::Histogram,
    labels: &[],
    help: "How long pods took from being bound to this node until they ran; only starts that were watched",
};
pub(super) const STAGES: Metric = Metric {
    name: "kubewhy_pod_start_stage_seconds",
    kind: Kind::Histogram,
    labels: &["stage"],
    help: "How long those pods were at each stage of their start: Admission, Volumes, Sandbox, ImageQueue, ImagePull, Create, Start, Hook",
};
pub(super) const PULLS: Metric = Metric {
    name: "kubewhy_pulls",
    kind: Kind::Gauge,
    labels: &["phase"],
    help: "Image pulls under way, by what they do: resolving, downloading, unpacking; unseen where only the kubelet's records tell of them",
};
pub(super) const PULL_QUEUE: Metric = Metric {
    name: "kubewhy_pull_queue_pods",
    kind: Kind::Gauge,
    labels: &[],
    help: "Pods whose image waits for its turn to be pulled, as far as that can be told",
};
pub(super) const PULL_BYTES: Metric = Metric {
    name: "kubewhy_pull_received_bytes_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Bytes of image layers that were seen arriving; a layer that several pulls share counts once; containerd only",
};
pub(super) const PREPULL_IMAGES: Metric = Metric {
    name: "kubewhy_prepull_images",
    kind: Kind::Gauge,
    labels: &["set", "state"],
    help: "Images of each pre-pull set of this node: wanted (all of it), present, failed (at the last try)",
};
pub(super) const PREPULL_COMPLETE: Metric = Metric {
    name: "kubewhy_prepull_complete",
    kind: Kind::Gauge,
    labels: &["set"],
    help: "1 while every image of the pre-pull set is on this node",
};
pub(super) const PREPULL_BYTES: Metric = Metric {
    name: "kubewhy_prepull_bytes_total",
    kind: Kind::Counter,
    labels: &["set"],
    help: "Bytes of the images that were pulled for the pre-pull set, as the runtime counts them",
};
pub(super) const PREPULL_PULLS: Metric = Metric {
    name: "kubewhy_prepull_pulls_total",
    kind: Kind::Counter,
    labels: &["set", "result"],
    help: "Pulls for the pre-pull set, by result: ok, or the id of the cause that they failed for",
};
pub(super) const PREPULL_SECONDS: Metric = Metric {
    name: "kubewhy_prepull_pull_seconds",
    kind: Kind::Histogram,
    labels: &[],
    help: "How long the agent's own pulls took that succeeded, of all sets, and of the pause image where it was gone",
};
pub(super) const READY: Metric = Metric {
    name: "kubewhy_ready",
    kind: Kind::Gauge,
    labels: &[],
    help: "1 once the runtime's socket, the CNI directories and the API server have answered once, well or not; 0 is an agent that lacks a right or a mount, as /readyz says",
};
pub(super) const CONFIG_REFUSED: Metric = Metric {
    name: "kubewhy_config_refused",
    kind: Kind::Gauge,
    labels: &[],
    help: "1 while the configuration file has faults and what was accepted before, or else the defaults, is in force",
};
pub(super) const BUILD: Metric = Metric {
    name: "kubewhy_build_info",
    kind: Kind::Gauge,
    labels: &["version"],
    help: "Always 1; the version of this agent",
};
pub(super) const MEMORY: Metric = Metric {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    help: "Resident memory of the agent",
};
pub(super) const CPU: Metric = Metric {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Processor time the agent has used, user and system",
};

pub(super) const START: Metric = Metric {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    labels: &[],
    help: "When the agent started, in seconds since 1970",
};

/// All of them, in the order in which they are documented.
pub const METRICS: &[Metric] = &[
    DIAGNOSES,
    REPORTS,
    EVENTS,
    PENDING,
    HELD,
    JOURNAL_BYTES,
    JOURNAL_FAILING,
    JOURNAL_DAMAGED,
    QUEUES,
    API_REQUESTS,
    STARTS,
    STAGES,
    PULLS,
    PULL_QUEUE,
    PULL_BYTES,
    PREPULL_IMAGES,
    PREPULL_COMPLETE,
    PREPULL_BYTES,
    PREPULL_PULLS,
    PREPULL_SECONDS,
    RUNTIME_CALLS,
    RUNTIME_FAILURES,
    CONTAINERD_CALLS,
    READY,
    CONFIG_REFUSED,
    BUILD,
    MEMORY,
    CPU,
    START,
];
