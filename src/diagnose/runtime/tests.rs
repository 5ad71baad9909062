//! What is said of a runtime that does not answer, and when nothing is: timelines of failed calls.

use std::time::Duration;

use super::*;
use crate::diagnose::look;
use crate::model::ids::NodeId;
use crate::model::node::Node;
use crate::model::observation::{Observation, Seen};
use crate::model::runtime::{CallOutcome, RuntimeInfo};
use crate::model::settings::Settings;
use crate::track::World;

const CONTAINERD: &str = "/run/containerd/containerd.sock";

struct Scene {
    world: World,
    now: Time,
}

impl Scene {
    fn new() -> Self {
        Self { world: World::new("node-7"), now: "2026-11-21T03:00:00Z".parse().unwrap() }
    }

    fn see(&mut self, seen: Seen) {
        self.world.apply(Observation { at: self.now, seen });
    }

    /// Calls that failed one after another, a second apart.
    fn fails(mut self, method: Method, socket: &str, kinds: &[FailureKind]) -> Self {
        for kind in kinds {
            self.now += Duration::from_secs(1);
            let failure = CallFailure { kind: *kind, socket: socket.into(), text: format!("{kind:?} at {socket}") };
            self.see(Seen::RuntimeCall(CallOutcome { method, took: Duration::ZERO, failure: Some(failure) }));
        }
        self
    }

    /// A runtime that was well.
    fn well() -> Self {
        let mut scene = Self::new();
        let [name, version, api] = ["containerd", "2.1.4", "v1"].map(Into::into);
        scene.see(Seen::RuntimeFound(RuntimeInfo { name, version, api, socket: CONTAINERD.into() }));
        let took = Duration::ZERO;
        scene.see(Seen::RuntimeCall(CallOutcome { method: Method::ListPodSandbox, took, failure: None }));
        scene
    }

    fn node_ready(mut self, status: bool, message: &str) -> Self {
        let id = NodeId { name: "node-7".into(), uid: "n".into() };
        let [kind, reason, message] = ["Ready", "", message].map(Into::into);
        let ready = NodeCondition { kind, status: Some(status), reason, message, since: Some(self.now) };
        let node = Node {
            id,
            created: None,
            conditions: vec![ready],
            unschedulable: false,
            taints: Vec::new(),
            labels: Vec::new(),
            attached: Vec::new(),
            in_use: Vec::new(),
        };
        self.see(Seen::NodeChanged(Box::new(node)));
        self
    }

    /// What is said of the runtime ten seconds later, and whether it is known to be well.
    fn later(&self) -> (Option<String>, bool) {
        let settings = Settings::default();
        let now = crate::model::after(self.now, Duration::from_secs(10));
        let view = View { world: &self.world, settings: &settings, standalone: false, now };
        let findings = look(view);
        let down = findings.diagnoses.iter().find(|diagnosis| diagnosis.cause.id == "RuntimeDown");
        let well = findings.cleared.iter().any(|cleared| cleared.topic == Stage::Runtime.into());
        (down.map(|down| down.sentence.clone()), well)
    }

    fn says(&self) -> String {
        self.later().0.unwrap()
    }
}

#[test]
fn what_only_this_agent_cannot_see_is_neither_down_nor_well() {
    for kind in [FailureKind::PermissionDenied, FailureKind::NoneFound] {
        assert_eq!(Scene::new().fails(Method::Connect, CONTAINERD, &[kind; 9]).later(), (None, false), "{kind:?}");
        assert_eq!(Scene::well().fails(Method::Connect, CONTAINERD, &[kind; 9]).later(), (None, false), "{kind:?}");
    }
    assert_eq!(Scene::well().later(), (None, true));
}

#[test]
fn where_this_agent_cannot_see_the_kubelet_is_asked() {
    let blind = || Scene::new().fails(Method::Connect, CONTAINERD, &[FailureKind::NoneFound; 9]);
    let down = blind().node_ready(false, "container runtime is down").says();
    assert!(
        down.starts_with(
            "The container runtime does not answer on this node: the kubelet says \"container runtime is down\" \
             (this agent finds no runtime's socket). No pod"
        ),
        "{down}"
    );
    assert!(down.contains("systemctl status containerd crio; journalctl -u containerd -u crio -n 50;"), "{down}");
    let network = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady";
    assert_eq!(blind().node_ready(false, network).later(), (None, false));
    assert_eq!(blind().node_ready(true, "kubelet is posting ready status").later(), (None, true));
}

#[test]
fn time_without_sight_does_not_count_as_time_down() {
    let blind = Scene::new().fails(Method::Connect, CONTAINERD, &[FailureKind::PermissionDenied; 90]);
    let mut scene = blind.fails(Method::Connect, CONTAINERD, &[FailureKind::TimedOut; 2]);
    scene.now += Duration::from_secs(2);
    assert!(scene.says().contains("opening its socket has hung for 13 s"), "{}", scene.says());
}

#[test]
fn a_connection_that_broke_is_told_by_what_came_of_the_next() {
    let broke = Scene::well().fails(Method::ListPodSandbox, CONTAINERD, &[FailureKind::Broken]);
    let refused = broke.fails(Method::Connect, CONTAINERD, &[FailureKind::NobodyListens; 2]);
    assert!(refused.says().contains("nobody listens on /run/containerd/containerd.sock. "), "{}", refused.says());
    let strange = Scene::new().fails(Method::Version, CONTAINERD, &[FailureKind::Broken; 2]);
    assert!(strange.says().contains("this node: Broken at /run/containerd/containerd.sock. "), "{}", strange.says());
}

#[test]
fn advice_names_every_unit_that_the_socket_can_belong_to() {
    for (socket, units) in [
        (CONTAINERD, "containerd"),
        ("/run/crio/crio.sock", "crio"),
        ("/run/k3s/containerd/containerd.sock", "k3s k3s-agent rke2-server rke2-agent"),
        ("/run/k0s/containerd.sock", "k0scontroller k0sworker"),
        ("/var/snap/microk8s/common/run/containerd.sock", "snap.microk8s.daemon-containerd"),
        ("/run/cri-dockerd.sock", "cri-docker docker"),
        ("/srv/runtime.sock", "containerd crio"),
    ] {
        let said = Scene::new().fails(Method::Connect, socket, &[FailureKind::NoSocket; 2]).says();
        let journal = units.replace(' ', " -u ");
        let advice = format!("systemctl status {units}; journalctl -u {journal} -n 50.");
        assert!(said.contains(&advice) && said.len() <= 400, "{said}");
    }
}

#[test]
fn a_runtime_that_speaks_only_the_old_version_is_too_old_and_one_without_its_plugin_is_not() {
    let old = "containerd 1.5.9 at /run/containerd/containerd.sock speaks only CRI v1alpha2, this agent and kubelets from 1.26 \
               on need v1: upgrade the runtime";
    let off = "/run/containerd/containerd.sock answers, but not as a container runtime for Kubernetes";
    for (text, cause, says) in
        [(old, "RuntimeTooOld", "too old: containerd 1.5.9 speaks only CRI v1alpha2,"), (off, "RuntimeDown", off)]
    {
        let mut scene = Scene::new();
        for _ in 0..9 {
            scene.now += Duration::from_secs(1);
            let kind = FailureKind::Unsupported;
            let failure = CallFailure { kind, socket: CONTAINERD.into(), text: text.to_owned() };
            let took = Duration::ZERO;
            scene.see(Seen::RuntimeCall(CallOutcome { method: Method::Connect, took, failure: Some(failure) }));
        }
        let settings = Settings::default();
        let view = View { world: &scene.world, settings: &settings, standalone: false, now: scene.now };
        let said = look(view).diagnoses;
        assert_eq!((said.len(), said[0].cause.id), (1, cause), "{said:?}");
        assert!(said[0].sentence.contains(says), "{}", said[0].sentence);
    }
}
