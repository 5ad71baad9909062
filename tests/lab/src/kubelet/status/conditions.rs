//! The five conditions the kubelet writes on a pod (Kubernetes: pkg/kubelet/status/generate.go). No probes, no readiness gates.

use k8s_openapi::api::core::v1::{Container as Spec, ContainerStatus, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Facts, is_sidecar, spec};

/// A condition that is false because containers are not where they should be.
#[derive(Debug)]
struct Lack {
    reason: &'static str,
    message: String,
}

/// The conditions in the kubelet's order, followed by those of other writers.
pub(super) fn conditions(
    facts: Facts<'_>,
    inits: &[Spec],
    init_statuses: &[ContainerStatus],
    statuses: &[ContainerStatus],
) -> Vec<PodCondition> {
    let host_network = spec(facts.pod).host_network.unwrap_or_default();
    let sandbox = facts.runtime.usable(host_network).is_some();
    let incomplete = inits
        .iter()
        .zip(init_statuses)
        .filter(|(init, status)| !if is_sidecar(init) { status.started == Some(true) } else { status.ready });
    let initialized = lack("ContainersNotInitialized", "incomplete status", incomplete.map(|(_, status)| status));
    let sidecars = inits.iter().zip(init_statuses).filter(|(init, _)| is_sidecar(init)).map(|(_, status)| status);
    let unready = sidecars.chain(statuses).filter(|status| !status.ready);
    let ready = lack("ContainersNotReady", "unready status", unready);
    let without_sandbox = (!sandbox).then_some(Lack { reason: "", message: String::new() });
    let mut all = vec![
        condition(facts, "PodReadyToStartContainers", without_sandbox.as_ref()),
        condition(facts, "Initialized", initialized.as_ref()),
        condition(facts, "Ready", ready.as_ref()),
        condition(facts, "ContainersReady", ready.as_ref()),
        condition(facts, "PodScheduled", None),
    ];
    let foreign = facts.pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let foreign: Vec<_> = foreign.filter(|other| all.iter().all(|own| own.type_ != other.type_)).cloned().collect();
    all.extend(foreign);
    all
}

fn lack<'a>(reason: &'static str, what: &str, names: impl Iterator<Item = &'a ContainerStatus>) -> Option<Lack> {
    let names: Vec<&str> = names.map(|status| status.name.as_str()).collect();
    (!names.is_empty()).then(|| Lack { reason, message: format!("containers with {what}: [{}]", names.join(" ")) })
}

fn condition(facts: Facts<'_>, type_: &str, lack: Option<&Lack>) -> PodCondition {
    let status = if lack.is_none() { "True" } else { "False" };
    let before = facts.before.conditions.iter().flatten().find(|before| before.type_ == type_);
    let unmoved =
        before.filter(|before| before.status == status).and_then(|before| before.last_transition_time.clone());
    PodCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: lack.map(|lack| lack.reason.to_owned()).filter(|reason| !reason.is_empty()),
        message: lack.map(|lack| lack.message.clone()).filter(|message| !message.is_empty()),
        last_transition_time: unmoved.or(Some(Time(facts.now))),
        observed_generation: facts.pod.metadata.generation,
        ..PodCondition::default()
    }
}
