//! The status of a pod from what runs and what failed (Kubernetes: pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses).
//! No I/O; what it cannot see it does not guess.

mod conditions;

use std::collections::HashMap;

use jiff::Timestamp;
use k8s_cri::v1 as cri;
use k8s_openapi::api::core::v1::{
    Container as Spec, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodIP, PodSpec, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::relist::{Container, PodRuntime};

/// Why the last start of a container failed, as `waiting` shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) message: String,
}

/// The failures of the last sync by container name; the kubelet's `reasonCache`.
pub(super) type Failures = HashMap<String, Failure>;

/// Everything a status is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) pod: &'a Pod,
    pub(super) runtime: &'a PodRuntime,
    pub(super) failures: &'a Failures,
    /// The status written last, for what must not move: start time and times of transition.
    pub(super) before: &'a PodStatus,
    pub(super) now: Timestamp,
}

/// The spec of a pod; one without a spec has nothing to run.
pub(super) fn spec(pod: &Pod) -> PodSpec {
    pod.spec.clone().unwrap_or_default()
}

/// A sidecar: an init container that is restarted as long as the pod lives.
pub(super) fn is_sidecar(container: &Spec) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// The restart policy that counts for one container: an init container that finished is done under every policy.
pub(super) fn restart_policy<'a>(pod: &'a PodSpec, container: &Spec, init: bool) -> &'a str {
    match pod.restart_policy.as_deref().unwrap_or("Always") {
        _ if is_sidecar(container) => "Always",
        "Always" if init => "OnFailure",
        policy => policy,
    }
}

/// Whether the container is to be started in its present state (Kubernetes: pkg/kubelet/container, ShouldContainerBeRestarted).
pub(super) fn to_be_started(newest: Option<&Container>, policy: &str) -> bool {
    match newest {
        None => true,
        Some(container) if container.runs() => false,
        Some(container) if container.exited() => match policy {
            "Never" => false,
            "OnFailure" => container.status.exit_code != 0,
            _ => true,
        },
        Some(_) => true,
    }
}

/// The whole status as it would be written now.
pub(super) fn generate(facts: Facts<'_>) -> PodStatus {
    let spec = spec(facts.pod);
    let inits = spec.init_containers.clone().unwrap_or_default();
    let init_statuses: Vec<_> = inits.iter().map(|each| container_status(facts, &spec, each, true)).collect();
    let statuses: Vec<_> = spec.containers.iter().map(|each| container_status(facts, &spec, each, false)).collect();
    let ips = facts.runtime.sandboxes.first().map(|sandbox| sandbox.ips.clone()).unwrap_or_default();
    let generation = facts.pod.metadata.generation;
    PodStatus {
        phase: Some(phase(&spec, &inits, &init_statuses, &statuses).to_owned()),
        conditions: Some(conditions::conditions(facts, &inits, &init_statuses, &statuses)),
        observed_generation: generation,
        qos_class: facts.pod.status.as_ref().and_then(|status| status.qos_class.clone()),
        host_ip: Some(HOST_IP.to_owned()),
        host_ips: Some(vec![HostIP { ip: HOST_IP.to_owned() }]),
        pod_ip: ips.first().cloned(),
        pod_ips: (!ips.is_empty()).then(|| ips.into_iter().map(|ip| PodIP { ip }).collect()),
        start_time: facts.before.start_time.clone().or(Some(Time(facts.now))),
        init_container_statuses: (!init_statuses.is_empty()).then_some(init_statuses),
        container_statuses: Some(statuses),
        ..PodStatus::default()
    }
}

/// The node's address; the stand-in never leaves its machine.
pub(super) const HOST_IP: &str = "127.0.0.1";

fn container_status(facts: Facts<'_>, spec: &PodSpec, container: &Spec, init: bool) -> ContainerStatus {
    let mut instances = facts.runtime.instances(&container.name);
    let newest = instances.next();
    let earlier = instances.next().filter(|earlier| earlier.exited()).map(state);
    let mut shown = newest.map_or_else(|| default_state(spec), state);
    let mut last = earlier.unwrap_or_default();
    let failure = facts.failures.get(&container.name);
    if let Some(failure) = failure.filter(|_| to_be_started(newest, restart_policy(spec, container, init))) {
        if shown.terminated.is_some() {
            last = shown;
        }
        shown = waiting(Some(&failure.reason), Some(&failure.message));
    }
    let runs = shown.running.is_some();
    let done = init && shown.terminated.as_ref().is_some_and(|end| end.exit_code == 0);
    let status = newest.map(|container| container.status.clone()).unwrap_or_default();
    ContainerStatus {
        name: container.name.clone(),
        ready: done || runs && (!init || is_sidecar(container)),
        started: Some(runs),
        restart_count: newest.map_or(0, |container| i32::try_from(container.attempt()).unwrap_or(i32::MAX)),
        image: status.image.map(|image| image.image).or_else(|| container.image.clone()).unwrap_or_default(),
        image_id: status.image_ref,
        container_id: newest.map(|container| container_id(&container.status)),
        state: Some(shown),
        last_state: Some(last),
        ..ContainerStatus::default()
    }
}

fn default_state(spec: &PodSpec) -> ContainerState {
    let has_inits = spec.init_containers.as_ref().is_some_and(|inits| !inits.is_empty());
    waiting(Some(if has_inits { "PodInitializing" } else { "ContainerCreating" }), None)
}

fn waiting(reason: Option<&str>, message: Option<&str>) -> ContainerState {
    let waiting = ContainerStateWaiting { reason: reason.map(str::to_owned), message: message.map(str::to_owned) };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn state(container: &Container) -> ContainerState {
    let status = &container.status;
    match status.state() {
        cri::ContainerState::ContainerRunning => ContainerState {
            running: Some(ContainerStateRunning { started_at: time(status.started_at) }),
            ..ContainerState::default()
        },
        cri::ContainerState::ContainerExited => {
            ContainerState { terminated: Some(terminated(status)), ..ContainerState::default() }
        }
        cri::ContainerState::ContainerCreated | cri::ContainerState::ContainerUnknown => waiting(None, None),
    }
}

fn terminated(status: &cri::ContainerStatus) -> ContainerStateTerminated {
    ContainerStateTerminated {
        container_id: Some(container_id(status)),
        exit_code: status.exit_code,
        started_at: time(status.started_at),
        finished_at: time(status.finished_at),
        reason: Some(status.reason.clone()).filter(|reason| !reason.is_empty()),
        message: Some(status.message.clone()).filter(|message| !message.is_empty()),
        signal: None,
    }
}

fn container_id(status: &cri::ContainerStatus) -> String {
    format!("containerd://{}", status.id)
}

/// A CRI time; zero is the epoch here too, which is what a container that never started shows.
fn time(nanoseconds: i64) -> Option<Time> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).ok().map(Time)
}

/// The phase (Kubernetes: pkg/kubelet/kubelet_pods.go, getPhase).
fn phase(
    spec: &PodSpec,
    inits: &[Spec],
    init_statuses: &[ContainerStatus],
    statuses: &[ContainerStatus],
) -> &'static str {
    let policy = spec.restart_policy.as_deref().unwrap_or("Always");
    let plain = inits.iter().zip(init_statuses).filter(|(init, _)| !is_sidecar(init));
    for status in plain.map(|(_, status)| status) {
        if policy == "Never" && ended(status).is_some_and(|code| code != 0) {
            return "Failed";
        }
        if !status.ready {
            return "Pending";
        }
    }
    let waits = |status: &&ContainerStatus| is_waiting(status) && ended_before(status).is_none();
    if statuses.iter().any(|status| waits(&status)) {
        return "Pending";
    }
    let codes: Vec<i32> = statuses.iter().filter_map(|status| ended(status).or_else(|| ended_before(status))).collect();
    let running = statuses.iter().any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()));
    let failed = codes.iter().any(|code| *code != 0);
    match policy {
        _ if running => "Running",
        "Always" => "Running",
        "OnFailure" if failed => "Running",
        _ if failed => "Failed",
        _ => "Succeeded",
    }
}

fn is_waiting(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.waiting.is_some())
}

fn ended(status: &ContainerStatus) -> Option<i32> {
    status.state.as_ref()?.terminated.as_ref().map(|end| end.exit_code)
}

fn ended_before(status: &ContainerStatus) -> Option<i32> {
    status.last_state.as_ref()?.terminated.as_ref().map(|end| end.exit_code)
}
