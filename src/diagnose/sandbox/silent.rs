//! What holds the pod network of the node without a word from anybody: a plugin that blocks the runtime's CRI Status, and a
//! network daemon that does not run.

use crate::causes;
use crate::model::Time;
use crate::model::cause::Cause;
use crate::model::diagnosis::{Confidence, Evidence, Subject};
use crate::model::runtime::Method;
use crate::model::stage::Stage;
use crate::model::wording::span;
use crate::track::pod::PodTrack;

use super::super::View;
use super::super::phrase::Facts;
use super::super::suspicion::{Suspicion, evidence, pods};
use super::gathered::Gathered;
use super::making::{described, name};
use super::{needs_network, stalled, stuck};

/// The node's network hangs, and nothing says so.
pub(in super::super) fn suspicion(gathered: &Gathered<'_>, view: View<'_>) -> Option<Suspicion> {
    hung(gathered, view).or_else(|| daemon_down(gathered, view))
}

/// CRI Status hangs while lists are answered: in containerd it waits for the lock that a plugin's ADD holds, or for the
/// plugin's own STATUS (containerd/go-cni: cni.go). Of another runtime that is claimed only where the plugin is seen.
fn hung(gathered: &Gathered<'_>, view: View<'_>) -> Option<Suspicion> {
    let failing = view.world.runtime.hangs(Method::Status)?;
    let runtime = view.world.runtime.info.as_ref()?;
    let plugin = gathered.plugins.first().copied();
    if plugin.is_none() && &*runtime.name != "containerd" {
        return None;
    }
    let mut facts = Facts::default().with("runtime", &runtime.name);
    let mut seen = vec![evidence("CRI Status", &failing.failure.text, failing.at)];
    if let Some(chain) = plugin {
        let age = span(crate::model::since(chain.last.began, view.now));
        facts = facts.with("plugin", name(chain)).with("age", &age).with("process", described(chain.last));
        facts = facts.with("pid", chain.last.pid.to_string());
        seen.push(evidence("process table", format!("{} has run for {age}", name(chain)), view.now));
    }
    let confidence = if plugin.is_some() { Confidence::Observed } else { Confidence::Inferred };
    Some(of_node((gathered, view), &causes::CNI_HUNG, (failing.since, confidence), facts, seen))
}

/// Pods wait for a network, or the runtime says that there is none, while the daemon that sets it up is not ready: since
/// both are so. Where the runtime has a network a pod may wait for another reason, and keeps its own story.
fn daemon_down(gathered: &Gathered<'_>, view: View<'_>) -> Option<Suspicion> {
    let daemon = gathered.daemon.as_ref()?;
    let not_ready = view.world.network.ready.as_ref().filter(|(_, ready)| !ready.status).map(|(since, _)| *since);
    let waiting = stuck(view.world).filter(waits_for_network).map(PodTrack::since).min();
    let since = not_ready.or(waiting)?.max(daemon.since);
    let facts = Facts::default().with("daemon", daemon.id.to_string()).with("stands", daemon.stands());
    let facts = facts.with("namespace", &daemon.id.namespace).with("name", &daemon.id.name);
    let says = format!("{} {}", daemon.id, daemon.stands());
    let seen = vec![evidence("pods of this node", says, view.now)];
    let cause = &causes::CNI_POD_NOT_RUNNING;
    let told = of_node((gathered, view), cause, (since, Confidence::Inferred), facts, seen);
    let affected = if not_ready.is_some() { told.affected } else { Vec::new() };
    Some(Suspicion { affected, ..told })
}

fn waits_for_network(track: &&PodTrack) -> bool {
    track.place.stage == Stage::Sandbox && needs_network(track)
}

/// A pod whose own sandbox is seen to hang is told so itself.
fn of_node(
    (gathered, view): (&Gathered<'_>, View<'_>),
    cause: &'static Cause,
    (since, confidence): (Time, Confidence),
    facts: Facts,
    seen: Vec<Evidence>,
) -> Suspicion {
    let waiting: Vec<_> = stuck(view.world).filter(waits_for_network).collect();
    let facts = facts.with("pods", pods(waiting.len()));
    Suspicion {
        cause,
        subject: Subject::Node(view.world.node.id.clone()),
        topic: Stage::Network.into(),
        confidence,
        since,
        ripe: true,
        soon: false,
        facts,
        evidence: seen,
        affected: waiting
            .iter()
            .filter(|track| !stalled::is_seen(track, gathered, view))
            .map(|track| track.id.clone())
            .collect(),
        field_path: None,
    }
}
