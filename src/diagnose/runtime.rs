//! RuntimeDown: a vital call fails. Never concluded from `Status` alone, which a hung CNI plugin hangs too.

use std::path::Path;

use crate::causes;
use crate::model::diagnosis::{Confidence, Subject};
use crate::model::runtime::{FailureKind, Method};
use crate::model::since;
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::track::runtime::Failing;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};

/// The runtime does not answer.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    let failing = view.world.runtime.failing()?;
    let affected: Vec<_> = view.world.starting().map(|pod| pod.id.clone()).collect();
    let facts = Facts::default()
        .with("runtime", runtime_name(view))
        .with("failure", failure(failing, view))
        .with("service", service(view, &failing.failure.socket))
        .with("hint", hint(failing.failure.kind))
        .with("pods", pods(affected.len()));
    Some(Suspicion {
        cause: &causes::RUNTIME_DOWN,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Runtime.into(),
        confidence: Confidence::Observed,
        since: failing.since,
        ripe: failing.tries > 1,
        facts,
        evidence: vec![evidence(&format!("CRI {}", failing.method.name()), &failing.failure.text, failing.at)],
        affected,
        field_path: None,
    })
}

fn failure(failing: &Failing, view: View<'_>) -> String {
    let socket = failing.failure.socket.display();
    match failing.failure.kind {
        FailureKind::NoSocket => format!("its socket {socket} does not exist"),
        FailureKind::NotASocket => format!("{socket} is not a socket"),
        FailureKind::PermissionDenied => format!("this agent may not open {socket}"),
        FailureKind::NobodyListens => format!("nobody listens on {socket}"),
        FailureKind::TimedOut => {
            format!("{} hangs for {}", call(failing.method), span(since(failing.since, view.now)))
        }
        FailureKind::Unsupported | FailureKind::Answered => failing.failure.text.clone(),
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
        FailureKind::TimedOut => "a process in state D (ps aux) points at a dead mount or disk",
        FailureKind::Unsupported => "upgrade the runtime to one that speaks CRI v1",
        _ => "",
    }
}

fn runtime_name(view: View<'_>) -> &str {
    view.world.runtime.info.as_ref().map_or("The container runtime", |info| &info.name)
}

/// The systemd unit that carries the runtime, by its socket (default paths of the distributions).
fn service(view: View<'_>, socket: &Path) -> &'static str {
    const BY_PATH: &[(&str, &str)] = &[
        ("k3s", "k3s"),
        ("rke2", "rke2-server"),
        ("k0s", "k0scontroller"),
        ("microk8s", "snap.microk8s.daemon-containerd"),
        ("crio", "crio"),
        ("cri-dockerd", "cri-docker"),
    ];
    let path = socket.to_string_lossy();
    if let Some((_, unit)) = BY_PATH.iter().find(|(part, _)| path.contains(part)) {
        return unit;
    }
    match runtime_name(view) {
        "cri-o" => "crio",
        _ => "containerd",
    }
}
