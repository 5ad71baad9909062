//! RuntimeDown: a vital call fails. Never concluded from `Status` alone, which a hung CNI plugin hangs too.

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::node::NodeCondition;
use crate::model::runtime::{CallFailure, FailureKind, Method};
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::model::{Time, since};
use crate::track::runtime::Failing;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};
use super::text;

/// What the connection says of a runtime that answers in the old version and not in the new one.
const SPEAKS_V1ALPHA2: &str = " speaks only CRI v1alpha2";

/// The runtime does not answer, to this agent or, where this agent can't see, to the kubelet.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    seen(view).or_else(|| told_by_kubelet(view))
}

/// Since when the runtime answers; where this agent can't see, since when the kubelet says that the node is ready.
pub(super) fn well_since(view: View<'_>) -> Option<Time> {
    let runtime = &view.world.runtime;
    let by_kubelet = || ready(view).filter(|ready| runtime.blind().is_some() && ready.status == Some(true))?.since;
    runtime.well_since().or_else(by_kubelet)
}

fn seen(view: View<'_>) -> Option<Suspicion> {
    let runtime = &view.world.runtime;
    let (first, last) = (runtime.failing()?, runtime.failed_last()?);
    let told =
        Suspicion { since: first.since, ripe: runtime.keeps_failing(), ..down(view, last, &failure(last, view)) };
    if !too_old(&last.failure) {
        return Some(told);
    }
    let itself = last.failure.text.split(" at ").next().unwrap_or_default();
    Some(Suspicion { cause: &causes::RUNTIME_TOO_OLD, facts: Facts::default().with("runtime", itself), ..told })
}

/// It answers, and not in the CRI version that kubelets of today speak.
#[must_use]
pub fn too_old(failure: &CallFailure) -> bool {
    failure.kind == FailureKind::Unsupported && failure.text.contains(SPEAKS_V1ALPHA2)
}

/// A node whose runtime never was there and an agent that lacks a mount look alike from here; the kubelet knows.
fn told_by_kubelet(view: View<'_>) -> Option<Suspicion> {
    let (blind, ready) = (view.world.runtime.blind()?, ready(view)?);
    let down_by_words = text::classify(&ready.message).is_some_and(|cause| cause.id == causes::RUNTIME_DOWN.id);
    if ready.status != Some(false) || !down_by_words {
        return None;
    }
    let since = ready.since.unwrap_or(blind.since);
    let words = format!("the kubelet says \"{}\" ({})", ready.message, failure(blind, view));
    let mut told = Suspicion { since, confidence: Confidence::Inferred, ..down(view, blind, &words) };
    told.evidence.insert(0, evidence("Node condition Ready", &*ready.message, since));
    Some(told)
}

fn ready<'a>(view: View<'a>) -> Option<&'a NodeCondition> {
    view.world.node.node.as_ref()?.ready_condition()
}

fn down(view: View<'_>, failing: &Failing, words: &str) -> Suspicion {
    let affected: Vec<_> = view.world.starting().map(|pod| pod.id.clone()).collect();
    let units = units(view, &failing.failure);
    let facts = Facts::default()
        .with("runtime", runtime_name(view))
        .with("failure", words)
        .with("service", units.join(" "))
        .with("journal", units.iter().map(|unit| format!("-u {unit}")).collect::<Vec<_>>().join(" "))
        .with("hint", hint(failing.failure.kind))
        .with("pods", pods(affected.len()));
    Suspicion {
        cause: &causes::RUNTIME_DOWN,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Runtime.into(),
        confidence: Confidence::Observed,
        since: failing.since,
        ripe: true,
        soon: false,
        facts,
        evidence: vec![evidence(&format!("CRI {}", failing.method.name()), &failing.failure.text, failing.at)],
        affected,
        field_path: None,
    }
}

fn failure(failing: &Failing, view: View<'_>) -> String {
    let socket = failing.failure.socket.display();
    match failing.failure.kind {
        FailureKind::NoSocket => format!("its socket {socket} does not exist"),
        FailureKind::NoneFound => "this agent finds no runtime's socket".to_owned(),
        FailureKind::NotASocket => format!("{socket} is not a socket"),
        FailureKind::PermissionDenied => format!("this agent may not open {socket}"),
        FailureKind::NobodyListens => format!("nobody listens on {socket}"),
        FailureKind::TimedOut => {
            format!("{} has hung for {}", call(failing.method), span(since(failing.since, view.now)))
        }
        FailureKind::Broken | FailureKind::Unsupported | FailureKind::Answered => failing.failure.text.clone(),
    }
}

fn call(method: Method) -> &'static str {
    match method {
        Method::Connect => "opening its socket",
        method => method.name(),
    }
}

fn hint(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::PermissionDenied => "run this agent as root or in the socket's group",
        FailureKind::NoneFound => "mount the socket's directory into this agent, or give it --runtime-endpoint",
        FailureKind::TimedOut => "a process in state D (ps aux) points at a dead mount or disk",
        FailureKind::Unsupported => "upgrade the runtime to one that speaks CRI v1",
        _ => "",
    }
}

fn runtime_name(view: View<'_>) -> &str {
    view.world.runtime.info.as_ref().map_or("The container runtime", |info| &info.name)
}

/// The systemd units that may carry the runtime, by its socket: k3s and RKE2 share one, and a distribution's servers and
/// agents are different units (default paths and units of the distributions).
fn units(view: View<'_>, failure: &CallFailure) -> &'static [&'static str] {
    const BY_PATH: &[(&str, &[&str])] = &[
        ("/k3s/", &["k3s", "k3s-agent", "rke2-server", "rke2-agent"]),
        ("/k0s/", &["k0scontroller", "k0sworker"]),
        ("/microk8s/", &["snap.microk8s.daemon-containerd"]),
        ("/crio", &["crio"]),
        ("/cri-dockerd", &["cri-docker", "docker"]),
        ("/containerd", &["containerd"]),
    ];
    let path = failure.socket.to_string_lossy();
    let by_path = BY_PATH.iter().find(|(part, _)| failure.kind != FailureKind::NoneFound && path.contains(part));
    match (by_path, runtime_name(view)) {
        (Some((_, units)), _) => units,
        (None, "cri-o") => &["crio"],
        (None, "containerd") => &["containerd"],
        (None, _) => &["containerd", "crio"],
    }
}

#[cfg(test)]
mod tests;
