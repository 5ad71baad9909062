//! A recording of a broken node, read as observations: what a real kubelet and runtime said, replayed through the same
//! conversions as the live edges. Reads text that it is given; opens nothing but a scratch directory for CNI files.
//!
//! A recording is JSON lines. The first says what was broken and what is to be found; each other has `at` and one of
//! `pod`, `event`, `node` (as the API server spells them, cut down), `status` (CRI Status), `calls` (all CRI calls failed
//! so), `sandboxes` (CRI ListPodSandbox, from then on), `cni` (files of the configuration directory and the plugins there),
//! `seen` (what an observer of ours saw on the node, from then on until it says otherwise), `end`.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::apiserver::recorded as api;
use super::host::{CniDirs, NamedBy};
use super::{cri, host};
use crate::model::ids::PodUid;
use crate::model::intent::{Intents, PullRules};
use crate::model::making::{PluginProcess, SandboxRecord};
use crate::model::marks::Marks;
use crate::model::observation::{Observation, Seen};
use crate::model::pod::PodEvent;
use crate::model::pull::Pull;
use crate::model::runtime::{CallFailure, CallOutcome, Container, FailureKind, Method, RuntimeInfo, Sandbox};
use crate::model::verification::Verification;
use crate::model::{Time, after};

/// The socket that the recorded nodes used.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// Calls that failed are asked again so often, and so far apart.
const CALLS_AGAIN: u32 = 4;
const CALLS_EVERY: Duration = Duration::from_secs(5);

/// What was listed, and did not change, is listed again after this time.
const LISTED_EVERY: Duration = Duration::from_secs(1);

/// One recording.
#[derive(Debug)]
pub struct Recording {
    /// What was done to the node or the pod.
    pub broken: String,
    /// Which runtime it was.
    pub runtime: String,
    /// The cause that is to be found; none where there is nothing to say.
    pub expect: Option<String>,
    /// When it ends.
    pub end: Time,
    /// What was seen, in order.
    pub observations: Vec<Observation>,
    /// The kubelet's Events, for whoever asks for a pod's.
    pub events: Vec<(PodUid, PodEvent)>,
}

/// A recording that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A line is not what a recording holds.
    #[error("line {0} of the recording is not understood")]
    Line(usize, #[source] serde_json::Error),
    /// It has no line but the first.
    #[error("the recording is empty")]
    Empty,
    /// The scratch directory for CNI files can't be written.
    #[error("cannot lay out the recorded CNI directories under {0}")]
    Scratch(String, #[source] std::io::Error),
}

#[derive(Deserialize)]
struct Head {
    broken: String,
    runtime: String,
    expect: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    at: Time,
    pod: Option<Value>,
    event: Option<Value>,
    node: Option<Value>,
    status: Option<RecordedStatus>,
    calls: Option<String>,
    sandboxes: Option<Vec<RecordedSandbox>>,
    cni: Option<RecordedCni>,
    seen: Option<Listed>,
}

/// What an observer saw.
#[derive(Deserialize)]
enum Listed {
    Sandboxes(Vec<Sandbox>),
    Containers(Vec<Container>),
    Pulls(Vec<Pull>),
    SandboxRecords(Result<Vec<SandboxRecord>, String>),
    Plugins(Result<Vec<PluginProcess>, String>),
    Marks(Marks),
    Intents(Intents),
    PullRules(PullRules),
    Verification(Verification),
}

/// As `crictl pods -o json` prints one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedSandbox {
    id: String,
    metadata: RecordedMetadata,
    state: String,
    created_at: String,
}

#[derive(Deserialize)]
struct RecordedMetadata {
    name: String,
    namespace: String,
    uid: String,
    attempt: u32,
}

#[derive(Deserialize)]
struct RecordedStatus {
    conditions: Vec<RecordedCondition>,
    info: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RecordedCondition {
    #[serde(rename = "type")]
    kind: String,
    status: bool,
    reason: String,
    message: String,
}

#[derive(Deserialize)]
struct RecordedCni {
    files: BTreeMap<String, String>,
    plugins: Vec<String>,
}

impl Recording {
    /// Reads a recording. CNI files are laid out under `scratch`, where the real look at a host's directories finds them.
    ///
    /// # Errors
    /// A line that is not understood, or a scratch directory that can't be written.
    pub fn read(text: &str, scratch: &Path) -> Result<Self, RecordingError> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
        let (_, head) = lines.next().ok_or(RecordingError::Empty)?;
        let head: Head = serde_json::from_str(head).map_err(|e| RecordingError::Line(1, e))?;
        let mut recording = Self {
            broken: head.broken,
            runtime: head.runtime,
            expect: head.expect,
            end: Time::UNIX_EPOCH,
            observations: Vec::new(),
            events: Vec::new(),
        };
        for (n, line) in lines {
            let line: Line = serde_json::from_str(line).map_err(|e| RecordingError::Line(n + 1, e))?;
            recording.add(line, n + 1, scratch)?;
        }
        recording.list_again();
        if recording.observations.is_empty() {
            return Err(RecordingError::Empty);
        }
        recording.begin();
        Ok(recording)
    }

    fn add(&mut self, line: Line, n: usize, scratch: &Path) -> Result<(), RecordingError> {
        let at = line.at;
        self.end = self.end.max(at);
        let mut see_at = |at, seen| self.observations.push(Observation { at, seen });
        if let Some(text) = &line.calls {
            // It failed so all the time, and the agent would have asked again and again.
            for again in 0..CALLS_AGAIN {
                failed_calls(text).for_each(|seen| see_at(after(at, CALLS_EVERY * again), seen));
            }
        }
        let mut see = |seen| see_at(at, seen);
        let understood = |e| RecordingError::Line(n, e);
        if let Some(pod) = line.pod {
            see(Seen::PodChanged(Box::new(api::pod(pod).map_err(understood)?)));
        }
        if let Some(node) = line.node {
            see(Seen::NodeChanged(Box::new(api::node(node).map_err(understood)?)));
        }
        if let Some(status) = line.status {
            see(Seen::RuntimeStatus(status.convert()));
        }
        if let Some(sandboxes) = line.sandboxes {
            let wire: Vec<_> = sandboxes.into_iter().map(RecordedSandbox::wire).collect();
            see(Seen::Sandboxes(cri::sandboxes_of(&wire)));
        }
        if let Some(listed) = line.seen {
            see(listed.into());
        }
        if let Some(cni) = line.cni {
            see(Seen::Cni(cni.look(scratch).map_err(|e| RecordingError::Scratch(scratch.display().to_string(), e))?));
        }
        if let Some(event) = line.event {
            let pod = event.get("pod").and_then(Value::as_str).unwrap_or_default();
            self.events.push((PodUid::new(pod), api::event(event.clone()).map_err(understood)?));
        }
        Ok(())
    }

    /// The runtime is asked again and again, and a recording has its answer where it changed.
    fn list_again(&mut self) {
        let asked = |seen: &Seen| {
            matches!(seen, Seen::Sandboxes(_) | Seen::Containers(_) | Seen::Pulls(_))
                || matches!(seen, Seen::SandboxRecords(_) | Seen::Plugins(_))
        };
        let lists = |o: &&Observation| asked(&o.seen);
        let listed: Vec<Observation> = self.observations.iter().filter(lists).cloned().collect();
        for (n, list) in listed.iter().enumerate() {
            let same = |later: &&Observation| discriminant(&later.seen) == discriminant(&list.seen);
            let next = listed.iter().skip(n + 1).find(same).map_or(self.end, |later| later.at);
            let mut at = after(list.at, LISTED_EVERY);
            while at < next {
                self.observations.push(Observation { at, seen: list.seen.clone() });
                at = after(at, LISTED_EVERY);
            }
        }
    }

    /// A recording that holds the API server's side alone was made on a node whose runtime answered.
    fn begin(&mut self) {
        let failing = self.observations.iter().any(|o| matches!(o.seen, Seen::RuntimeCall(_)));
        let first = self.observations.iter().map(|o| o.at).min().unwrap_or(self.end);
        let (name, version) = self.runtime.split_once(' ').unwrap_or((&self.runtime, ""));
        let info = RuntimeInfo {
            name: name.to_lowercase().into(),
            version: version.into(),
            api: "v1".into(),
            socket: SOCKET.into(),
        };
        let worked = [Method::ListPodSandbox, Method::ListContainers]
            .map(|method| Seen::RuntimeCall(CallOutcome { method, took: Duration::ZERO, failure: None }));
        let seen = std::iter::once(Seen::RuntimeFound(info)).chain(worked.into_iter().filter(|_| !failing));
        self.observations.sort_by_key(|observation| observation.at);
        self.observations.splice(0..0, seen.map(|seen| Observation { at: first, seen }));
    }
}

impl From<Listed> for Seen {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Sandboxes(list) => Self::Sandboxes(list),
            Listed::Containers(list) => Self::Containers(list),
            Listed::Pulls(list) => Self::Pulls(list),
            Listed::SandboxRecords(records) => Self::SandboxRecords(records),
            Listed::Plugins(plugins) => Self::Plugins(plugins),
            Listed::Marks(marks) => Self::Marks(marks),
            Listed::Intents(intents) => Self::Intents(intents),
            Listed::PullRules(rules) => Self::PullRules(rules),
            Listed::Verification(policy) => Self::Verification(policy),
        }
    }
}

impl RecordedSandbox {
    fn wire(self) -> k8s_cri::v1::PodSandbox {
        use k8s_cri::v1::{PodSandbox, PodSandboxMetadata, PodSandboxState};
        let RecordedMetadata { name, namespace, uid, attempt } = self.metadata;
        PodSandbox {
            id: self.id,
            metadata: Some(PodSandboxMetadata { name, namespace, uid, attempt }),
            state: PodSandboxState::from_str_name(&self.state).unwrap_or(PodSandboxState::SandboxNotready).into(),
            created_at: self.created_at.parse().unwrap_or_default(),
            ..PodSandbox::default()
        }
    }
}

impl RecordedStatus {
    fn convert(self) -> crate::model::runtime::RuntimeStatus {
        let conditions = self.conditions.into_iter().map(|c| k8s_cri::v1::RuntimeCondition {
            r#type: c.kind,
            status: c.status,
            reason: c.reason,
            message: c.message,
        });
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        cri::status_of(&k8s_cri::v1::StatusResponse {
            status: Some(k8s_cri::v1::RuntimeStatus { conditions: conditions.collect() }),
            info: self.info.into_iter().map(|(key, value)| (key, text(value))).collect(),
            ..k8s_cri::v1::StatusResponse::default()
        })
    }
}

impl RecordedCni {
    fn look(&self, scratch: &Path) -> std::io::Result<crate::model::cni::CniHost> {
        let (conf, bin) = (Path::new("/etc/cni/net.d"), Path::new("/opt/cni/bin"));
        let inside = |path: &Path| scratch.join(path.strip_prefix("/").unwrap_or(path));
        std::fs::create_dir_all(inside(conf))?;
        std::fs::create_dir_all(inside(bin))?;
        for (name, content) in &self.files {
            std::fs::write(inside(conf).join(name), content)?;
        }
        for plugin in &self.plugins {
            executable(&inside(bin).join(plugin))?;
        }
        let dirs = CniDirs { conf_dir: conf.into(), bin_dirs: vec![bin.into()], named_by: NamedBy::Containerd };
        Ok(host::cni::look(scratch, &dirs))
    }
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, "")?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// What a client's one error says about every vital call.
fn failed_calls(text: &str) -> impl Iterator<Item = Seen> {
    let kind = if text.contains("DeadlineExceeded") {
        FailureKind::TimedOut
    } else if text.contains("connection refused") {
        FailureKind::NobodyListens
    } else {
        FailureKind::NoSocket
    };
    let methods = if kind == FailureKind::TimedOut {
        [Method::ListPodSandbox, Method::ListContainers].as_slice()
    } else {
        [Method::Connect].as_slice()
    };
    let failure = CallFailure { kind, socket: SOCKET.into(), text: format!("rpc error: {text}") };
    methods.iter().map(move |method| {
        Seen::RuntimeCall(CallOutcome { method: *method, took: Duration::ZERO, failure: Some(failure.clone()) })
    })
}

/// The recorded Events of one pod up to a moment.
#[must_use]
pub fn events_until(recording: &Recording, pod: &PodUid, until: Time) -> Vec<PodEvent> {
    let told = recording.events.iter().filter(|(of, event)| of == pod && event.at.is_none_or(|at| at <= until));
    told.map(|(_, event)| event.clone()).collect()
}

/// The name under which a recording's node is known until its Node object was seen.
#[must_use]
pub fn node_name() -> Arc<str> {
    "lab-node".into()
}
