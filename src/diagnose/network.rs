//! CniConfigMissing, CniConfigInvalid and CniPluginMissing: what the host's disk shows, before the first pod fails on it.

use std::sync::Arc;

use crate::causes;
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::cni::{CniConfig, CniHost};
use crate::model::diagnosis::{Confidence, Evidence, Subject};
use crate::model::ids::PodId;
use crate::model::stage::Stage;

use super::View;
use super::phrase::Facts;
use super::suspicion::{Suspicion, evidence, pods};

/// The text with which a runtime says that it has loaded no configuration (containerd/go-cni: errors.go, `ErrCNINotInitialized`).
const NOT_INITIALIZED: &str = "cni plugin not initialized";

/// The pod network can't work.
pub(super) fn suspicion(view: View<'_>) -> Option<Suspicion> {
    config_missing(view).or_else(|| config_invalid(view)).or_else(|| plugin_missing(view))
}

/// The runtime says so, and the directory is empty where it can be seen. The directory alone does not prove it: a runtime
/// that has loaded the file keeps working for a while after it is gone.
fn config_missing(view: View<'_>) -> Option<Suspicion> {
    let (ready_since, ready) = view.world.network.ready.as_ref()?;
    if ready.status {
        return None;
    }
    let host = view.world.network.host.as_ref();
    // Both must have held for a while: a runtime that was not ready for another reason dates nothing of the directory.
    let (since, confidence) = match host {
        Some((emptied, CniHost { config: CniConfig::Missing, .. })) => {
            (*ready_since.max(emptied), Confidence::Observed)
        }
        Some((_, CniHost { config: CniConfig::Unknown, .. })) | None if ready.message.contains(NOT_INITIALIZED) => {
            (*ready_since, Confidence::Inferred)
        }
        _ => return None,
    };
    let dir = host.map_or_else(|| "its CNI directory".to_owned(), |(_, h)| h.conf_dir.display().to_string());
    let runtime = view.runtime();
    let facts = Facts::default().with("dir", dir).with("runtime", runtime);
    let said = evidence("CRI Status", format!("NetworkReady=false: {}", ready.message), *ready_since);
    Some(of_node(view, &causes::CNI_CONFIG_MISSING, since, confidence, facts, vec![said]))
}

/// The file that the runtime would load. One that works from what it had loaded before fails at its next start.
fn config_invalid(view: View<'_>) -> Option<Suspicion> {
    let (since, host) = view.world.network.host.as_ref()?;
    let CniConfig::Invalid { file, problem } = &host.config else { return None };
    let file = file.display().to_string();
    let facts = Facts::default().with("file", &file).with("problem", problem);
    let said = vec![evidence(&file, &**problem, *since)];
    Some(of_node(view, &causes::CNI_CONFIG_INVALID, *since, Confidence::Observed, facts, said))
}

fn plugin_missing(view: View<'_>) -> Option<Suspicion> {
    let (since, host) = view.world.network.host.as_ref()?;
    let CniConfig::Loaded { file, network, .. } = &host.config else { return None };
    let plugin = host.missing_plugins.first().filter(|_| host.unreadable.is_none())?;
    let dirs = host.bin_dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(" or ");
    let facts = Facts::default()
        .with("plugin", plugin)
        .with("dirs", &dirs)
        .with("network", network)
        .with("file", file.display().to_string())
        .with("ready", view.world.node.says_ready().unwrap_or_default());
    let said =
        evidence(&file.display().to_string(), format!("names {}; not in {dirs}", list(&host.missing_plugins)), *since);
    Some(of_node(view, &causes::CNI_PLUGIN_MISSING, *since, Confidence::Observed, facts, vec![said]))
}

fn list(plugins: &[Arc<str>]) -> String {
    plugins.join(", ")
}

fn of_node(
    view: View<'_>,
    cause: &'static Cause,
    since: Time,
    confidence: Confidence,
    facts: Facts,
    said: Vec<Evidence>,
) -> Suspicion {
    let affected = waiting_for_network(view);
    Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Network.into(),
        confidence,
        since,
        ripe: true,
        soon: false,
        facts: facts.with("pods", pods(affected.len())),
        evidence: said,
        affected,
        field_path: None,
    }
}

/// Pods that need a network of their own and have no sandbox yet. Pods on the node's network do not count for CNI, and one
/// whose volumes are not ready is held by them.
fn waiting_for_network(view: View<'_>) -> Vec<PodId> {
    view.world
        .starting()
        .filter(|track| matches!(track.place.stage, Stage::Admission | Stage::Sandbox))
        .filter(|track| track.pod.as_ref().is_some_and(|pod| !pod.host_network))
        .map(|track| track.id.clone())
        .collect()
}
