//! A node in virtual time, and the observations from which its tests are made.

use std::sync::Arc;
use std::time::Duration;

use super::super::{View, look};
use crate::model::cni::{CniConfig, CniHost};
use crate::model::diagnosis::{Diagnosis, Findings, Subject};
use crate::model::ids::{NodeId, PodId, PodUid};
use crate::model::node::{Node, NodeCondition};
use crate::model::observation::{Observation, Seen};
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Phase, Pod, PodEvent};
use crate::model::pull::{Layer, Pull};
use crate::model::runtime::{
    CallFailure, CallOutcome, FailureKind, Method, RuntimeCondition, RuntimeInfo, RuntimeStatus, Sandbox,
};
use crate::model::settings::Settings;
use crate::model::volume::Waits;
use crate::model::{Time, after};
use crate::track::World;

/// A node in virtual time.
pub(super) struct Timeline {
    pub(super) world: World,
    pub(super) settings: Settings,
    pub(super) now: Time,
    pub(super) standalone: bool,
}

impl Timeline {
    pub(super) fn new() -> Self {
        let now: Time = "2026-11-21T03:00:00Z".parse().unwrap();
        let mut timeline = Self { world: World::new("node-7"), settings: Settings::default(), now, standalone: false };
        timeline.see(Seen::RuntimeFound(RuntimeInfo {
            name: "containerd".into(),
            version: "1.6.20".into(),
            api: "v1".into(),
            socket: "/run/containerd/containerd.sock".into(),
        }));
        timeline.see(call(Method::ListPodSandbox, None));
        timeline.see(call(Method::ListContainers, None));
        timeline.see(Seen::NodeChanged(Box::new(node(now))));
        timeline.see(network(true, ""));
        timeline.see(Seen::Cni(cni(&[])));
        timeline
    }

    pub(super) fn see(&mut self, seen: Seen) -> &mut Self {
        self.world.apply(Observation { at: self.now, seen });
        self
    }

    pub(super) fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now = after(self.now, Duration::from_secs(seconds));
        self
    }

    pub(super) fn view(&self) -> View<'_> {
        View { world: &self.world, settings: &self.settings, standalone: self.standalone, now: self.now }
    }

    pub(super) fn look(&mut self) -> Findings {
        let findings = look(self.view());
        self.world.remember(&findings, self.now);
        findings
    }

    pub(super) fn ids(&mut self) -> Vec<&'static str> {
        self.look().diagnoses.iter().map(|d| d.cause.id).collect()
    }
}

pub(super) fn call(method: Method, failure: Option<FailureKind>) -> Seen {
    let socket = "/run/containerd/containerd.sock".into();
    let failure = failure.map(|kind| CallFailure { kind, socket, text: "it failed".to_owned() });
    Seen::RuntimeCall(CallOutcome { method, took: Duration::ZERO, failure })
}

pub(super) fn network(status: bool, message: &str) -> Seen {
    let condition =
        RuntimeCondition { kind: "NetworkReady".into(), status, reason: "".into(), message: message.into() };
    Seen::RuntimeStatus(RuntimeStatus { conditions: vec![condition], ..RuntimeStatus::default() })
}

pub(super) fn cni(missing: &[&str]) -> CniHost {
    CniHost {
        conf_dir: "/etc/cni/net.d".into(),
        bin_dirs: vec!["/opt/cni/bin".into()],
        config: CniConfig::Loaded {
            file: "/etc/cni/net.d/10-flannel.conflist".into(),
            network: "cbr0".into(),
            plugins: vec!["flannel".into()],
        },
        missing_plugins: missing.iter().map(|plugin| Arc::from(*plugin)).collect(),
        unreadable: None,
    }
}

pub(super) fn node(now: Time) -> Node {
    let ready = NodeCondition {
        kind: "Ready".into(),
        status: Some(true),
        reason: "KubeletReady".into(),
        message: "".into(),
        since: Some(now),
    };
    Node {
        id: NodeId { name: "node-7".into(), uid: "node-uid".into() },
        created: Some(now),
        conditions: vec![ready],
        unschedulable: false,
        taints: Vec::new(),
        labels: Vec::new(),
        attached: Vec::new(),
        in_use: Vec::new(),
    }
}

pub(super) fn id(namespace: &str, name: &str) -> PodId {
    PodId { uid: PodUid::new(&format!("uid-{name}")), namespace: namespace.into(), name: name.into() }
}

pub(super) fn slot(image: &str, reason: &str, message: &str) -> ContainerSlot {
    ContainerSlot {
        name: "web".into(),
        kind: ContainerKind::Main,
        image: image.into(),
        pull_always: false,
        state: ContainerState::Waiting { reason: reason.into(), message: message.into() },
        last: None,
        started: false,
        post_start: false,
        restarts: 0,
        refs: Vec::new(),
    }
}

pub(super) fn pod(name: &str, now: Time, container: ContainerSlot) -> Pod {
    let id = id("shop", name);
    Pod {
        api_uid: id.uid.clone(),
        id,
        owner: None,
        host_network: false,
        created: Some(now),
        scheduled: Some(now),
        started: Some(now),
        deleting: false,
        phase: Phase::Pending,
        reason: String::new(),
        message: String::new(),
        sandbox_ready: Some((true, Some(now))),
        ready: false,
        ready_since: None,
        waits: Waits::default(),
        told_waits: false,
        host_dirs: Vec::new(),
        node_critical: false,
        pull_secrets: Vec::new(),
        containers: vec![container],
    }
}

/// What is said of a pod whose pull of `image` failed so.
pub(super) fn said_of_pull(image: &str, error: &str) -> (&'static str, String) {
    let mut t = Timeline::new();
    t.see(Seen::PodChanged(Box::new(pod("cart", t.now, slot(image, "ErrImagePull", error))))).wait(31);
    let findings = t.look();
    let said = of_pods(&findings)[0];
    (said.cause.id, said.sentence.clone())
}

/// The kubelet's Event of a sandbox that could not be made.
pub(super) fn sandbox_failed(message: &str, at: Time) -> Seen {
    let event = PodEvent {
        reason: "FailedCreatePodSandBox".into(),
        message: message.into(),
        from: "kubelet".into(),
        at: Some(at),
    };
    Seen::PodEvents { pod: id("shop", "cart").uid, events: vec![event] }
}

pub(super) fn creating(name: &str, now: Time, sandbox_ready: bool) -> Pod {
    let slot = slot("r.example.com/shop/cart:2.14.1", "ContainerCreating", "");
    Pod { sandbox_ready: Some((sandbox_ready, Some(now))), ..pod(name, now, slot) }
}

pub(super) fn sandbox(name: &str, created: Time) -> Sandbox {
    let id = id("shop", name);
    Sandbox {
        id: "s1".into(),
        pod: id.uid,
        namespace: id.namespace,
        name: id.name,
        attempt: 0,
        ready: true,
        created: Some(created),
    }
}

pub(super) fn of_pods(findings: &Findings) -> Vec<&Diagnosis> {
    findings.diagnoses.iter().filter(|d| matches!(d.subject, Subject::Pod(_))).collect()
}

pub(super) fn pull(done: u64) -> Seen {
    let layer = Layer {
        digest: "sha256:0123456789abcdef0123".into(),
        offset: done,
        total: 100_000_000,
        active: true,
        elsewhere: false,
        updated: None,
    };
    Seen::Pulls(vec![Pull {
        lease: "lease-1".into(),
        own: None,
        began: None,
        repositories: vec!["r.example.com/shop/cart".into()],
        manifests: Vec::new(),
        document: None,
        layers: vec![layer],
        complete_list: true,
    }])
}
