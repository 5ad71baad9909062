//! Starts that only take long → what is said of them, and when; and when nothing is.

use super::timeline::{Timeline, creating, node, of_pods, sandbox};
use crate::model::Time;
use crate::model::cause::EventType;
use crate::model::diagnosis::{Findings, Subject};
use crate::model::observation::{ApiState, Seen};
use crate::model::pod::{ContainerKind, ContainerSlot, ContainerState, Ended, Phase, Pod, PodEvent};
use crate::model::runtime::{Container, RunState};
use crate::model::volume::ResourceClaim;

/// What is said of the pod: cause, type, sentence.
fn said(findings: &Findings) -> Option<(&'static str, EventType, String)> {
    let of_pods = of_pods(findings);
    assert!(of_pods.len() < 2, "one story at a time: {of_pods:?}");
    of_pods.first().map(|found| (found.cause.id, found.kind, found.sentence.clone()))
}

/// The second at which something is said first of a node that goes on as it is, and the cause.
fn first_said(t: &mut Timeline, at_most: u64) -> Option<(u64, &'static str)> {
    (0..at_most).find_map(|second| {
        let found = said(&t.look()).map(|(cause, _, _)| (second, cause));
        t.wait(1);
        found
    })
}

fn changed(pod: Pod) -> Seen {
    Seen::PodChanged(Box::new(pod))
}

/// Taken up, and without a sandbox.
fn before_sandbox(t: &Timeline) -> Pod {
    creating("cart", t.now, false)
}

fn container(name: &str, state: RunState, created: Time) -> Seen {
    Seen::Containers(vec![Container {
        id: name.into(),
        sandbox: "s1".into(),
        pod: super::timeline::id("shop", "cart").uid,
        name: name.into(),
        state,
        created: Some(created),
        image: "".into(),
    }])
}

/// The pod's Events were asked for.
fn ask(t: &mut Timeline) {
    let now = t.now;
    t.world.asked(&super::timeline::id("shop", "cart"), now);
}

#[test]
fn a_sandbox_that_does_not_come_is_told_after_thirty_seconds_and_is_a_warning_after_ninety() {
    let mut t = Timeline::new();
    let pod = before_sandbox(&t);
    t.see(changed(pod)).wait(1).see(Seen::Sandboxes(Vec::new()));
    ask(t.wait(14));
    assert_eq!(first_said(&mut t, 60), Some((15, "SandboxStalled")));
    let (_, kind, sentence) = said(&t.look()).unwrap();
    assert_eq!(kind, EventType::Normal);
    assert!(
        sentence.starts_with(
            "This pod's sandbox is still being made: containerd lists none that is ready. 31 s so far. A CNI plugin that hangs looks like this; the network is cbr0 (flannel). Platform: look for it (pgrep -af cni/bin) and read"
        ),
        "{sentence}"
    );
    assert_eq!(t.wait(58).look().diagnoses[0].kind, EventType::Normal);
    assert_eq!(t.wait(1).look().diagnoses[0].kind, EventType::Warning);

    let sandbox = sandbox("cart", t.now);
    t.see(Seen::Sandboxes(vec![sandbox]));
    let findings = t.look();
    assert!(said(&findings).is_none());
    assert!(findings.cleared.iter().any(|c| matches!(c.subject, Subject::Pod(_)) && c.how == "Its sandbox is up"));
}

#[test]
fn a_sandbox_is_not_said_to_hang_where_something_else_may_hold_the_pod() {
    let event = |reason: &str| PodEvent {
        reason: reason.into(),
        message: "MountVolume.SetUp failed for volume \"data\"".into(),
        from: "kubelet".into(),
        at: Some(Timeline::new().now),
    };
    let not_ready = |t: &Timeline| {
        let mut node = node(t.now);
        node.conditions[0].status = Some(false);
        Seen::NodeChanged(Box::new(node))
    };
    let unlisted = |_: &mut Timeline| {};
    let listed = |t: &mut Timeline| _ = t.see(Seen::Sandboxes(Vec::new()));
    type Change = Box<dyn Fn(&mut Timeline, &mut Pod)>;
    let cases: Vec<(&str, Change)> = vec![
        ("Events were not asked for", Box::new(move |t, _| listed(t))),
        (
            "Events are not answered, and a ConfigMap may be missing",
            Box::new(move |t, pod| {
                pod.told_waits = true;
                listed(t);
            }),
        ),
        ("no list since", Box::new(move |t, _| unlisted(t))),
        (
            "volumes of a driver",
            Box::new(move |t, pod| {
                let claim = ResourceClaim { name: "data".into(), claim: None };
                pod.waits.claims.push(claim);
                listed(t);
            }),
        ),
        (
            "the node's own network",
            Box::new(move |t, pod| {
                pod.host_network = true;
                listed(t);
            }),
        ),
        (
            "on its way out",
            Box::new(move |t, pod| {
                pod.deleting = true;
                listed(t);
            }),
        ),
        (
            "the Node is not ready",
            Box::new(move |t, _| {
                listed(t);
                let seen = not_ready(t);
                t.see(seen);
            }),
        ),
        (
            "an Event says why",
            Box::new(move |t, pod| {
                listed(t);
                t.see(changed(pod.clone()))
                    .see(Seen::PodEvents { pod: pod.id.uid.clone(), events: vec![event("FailedMount")] });
            }),
        ),
    ];
    for (name, change) in cases {
        let mut t = Timeline::new();
        let mut pod = before_sandbox(&t);
        t.wait(1);
        change(&mut t, &mut pod);
        t.see(changed(pod));
        if name != "Events were not asked for" {
            ask(&mut t);
        }
        t.wait(120);
        assert_ne!(said(&t.look()).map(|(cause, _, _)| cause), Some("SandboxStalled"), "{name}");
    }
}

#[test]
fn a_pod_that_is_bound_and_not_taken_up_is_told_with_what_else_the_kubelet_did() {
    let mut t = Timeline::new();
    let bound = Pod { started: None, sandbox_ready: None, ..before_sandbox(&t) };
    t.see(changed(bound.clone()));
    assert_eq!(first_said(&mut t, 90), Some((60, "KubeletNotSyncing")));
    let (_, _, sentence) = said(&t.look()).unwrap();
    assert!(
        sentence.contains("though the Node says Ready and containerd answers. Since then it took up no other pod."),
        "{sentence}"
    );

    let other = Pod { id: super::timeline::id("shop", "log"), ..creating("log", t.now, true) };
    t.see(changed(Pod { api_uid: other.id.uid.clone(), ..other }));
    assert!(said(&t.look()).unwrap().2.contains("took up 1 pod."));

    t.see(Seen::ApiServer(ApiState::Unreachable("refused".to_owned())));
    assert!(said(&t.look()).is_none(), "what is out of date proves nothing");
    let taken_up = changed(Pod { started: Some(t.now), ..bound });
    t.see(Seen::ApiServer(ApiState::Answers)).see(taken_up);
    let findings = t.look();
    assert!(findings.cleared.iter().any(|c| c.how == "The kubelet has taken it up"), "{:?}", findings.cleared);
}

/// The pod with an init container and a sidecar before its own container.
fn with_init(t: &Timeline, init: ContainerState, sidecar: ContainerState) -> Pod {
    let pod = creating("cart", t.now, true);
    let slot = |name: &str, kind, state| ContainerSlot { name: name.into(), kind, state, ..pod.containers[0].clone() };
    let first = [slot("migrate", ContainerKind::Init, init), slot("proxy", ContainerKind::Sidecar, sidecar)];
    Pod { containers: first.into_iter().chain(pod.containers.clone()).collect(), ..pod.clone() }
}

fn idle() -> ContainerState {
    ContainerState::Waiting { reason: "PodInitializing".into(), message: "".into() }
}

fn runs(since: Time) -> ContainerState {
    ContainerState::Running { since: Some(since) }
}

#[test]
fn an_init_container_and_then_a_sidecar_are_named_with_their_place_and_their_length() {
    let mut t = Timeline::new();
    let pod = with_init(&t, runs(t.now), idle());
    t.see(changed(pod));
    assert_eq!(first_said(&mut t, 60), Some((45, "InitContainerRunning")));
    let findings = t.look();
    let found = of_pods(&findings)[0];
    assert_eq!((found.kind, found.field_path.as_deref()), (EventType::Normal, Some("spec.initContainers{migrate}")));
    assert!(found.sentence.starts_with("Init container migrate (1 of 2) has run for 46 s, and the pod waits for it"));
    assert!(found.sentence.contains("App: kubectl -n shop logs cart -c migrate says what it waits for."));

    let end = Ended { exit_code: 0, reason: "Completed".into(), message: "".into(), at: Some(t.now) };
    let pod = with_init(&t, ContainerState::Terminated(end), runs(t.now));
    t.see(changed(pod));
    assert_eq!(first_said(&mut t, 60), Some((45, "SidecarNotStarted")));
    assert!(
        said(&t.look()).unwrap().2.starts_with("Sidecar proxy (2 of 2) has run for 46 s and does not count as started")
    );
}

#[test]
fn a_hook_is_named_only_where_there_is_one_and_no_later_container_holds_the_kubelet() {
    let mut t = Timeline::new();
    let begin = t.now;
    let mut pod = creating("cart", t.now, true);
    t.see(changed(pod.clone())).see(container("web", RunState::Running, begin));
    assert_eq!(first_said(&mut t, 60), None, "no hook: the kubelet is late with its status");

    pod.containers[0].post_start = true;
    t.see(changed(pod.clone()));
    let (cause, kind, sentence) = said(&t.look()).unwrap();
    assert_eq!((cause, kind), ("HookRunning", EventType::Normal));
    assert!(sentence.starts_with("Container web was made 1 min ago and runs in containerd"), "{sentence}");

    let log = ContainerSlot { name: "log".into(), post_start: false, ..pod.containers[0].clone() };
    pod.containers.push(log);
    t.see(changed(pod));
    assert!(said(&t.look()).is_none(), "the kubelet may be busy with the next container");
}

#[test]
fn a_pod_that_runs_quickly_is_no_report_at_any_second_of_its_start() {
    let mut t = Timeline::new();
    let begin = t.now;
    let bound = Pod { started: None, sandbox_ready: None, ..before_sandbox(&t) };
    let mut up = creating("cart", begin, true);
    up.containers[0].state = runs(begin);
    up.phase = Phase::Running;
    let course = [
        changed(bound),
        changed(creating("cart", begin, false)),
        Seen::Sandboxes(Vec::new()),
        Seen::Sandboxes(vec![sandbox("cart", begin)]),
        container("web", RunState::Created, begin),
        container("web", RunState::Running, begin),
        changed(up),
    ];
    for seen in course {
        t.see(seen);
        assert_eq!(first_said(&mut t, 4), None);
    }
    assert_eq!(first_said(&mut t, 300), None);
}
