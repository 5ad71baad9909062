//! The pod of this node that sets up its network: the one of a DaemonSet, or a static one, that writes to the directories of
//! CNI. It is named to another tenant only where it is the cluster's own.

use std::path::Path;

use crate::model::Time;
use crate::model::ids::PodId;
use crate::model::pod::{ContainerState, Phase, Pod};

use super::super::View;

/// Whose pods are bound to their node.
const OF_THE_NODE: &[&str] = &["DaemonSet", "Node"];

/// A network's daemon that does not run as it should.
#[derive(Debug)]
pub(super) struct Daemon<'a> {
    pub(super) id: &'a PodId,
    /// Since when it is not ready, or is there at all.
    pub(super) since: Time,
    pod: &'a Pod,
}

impl Daemon<'_> {
    /// Which pod, and how it stands, as a pod of that namespace may be told.
    pub(super) fn says(&self, namespace: &str) -> String {
        let stands = self.stands();
        match self.of_the_cluster() || &*self.id.namespace == namespace {
            true => format!("{}, the network's daemon here, {stands}", self.id),
            false => format!("The network's daemon here (another namespace's, name withheld) {stands}"),
        }
    }

    /// Whoever runs the nodes put it there: no tenant's pods are in that namespace, or have that priority by default
    /// (Kubernetes: plugin/pkg/admission/priority).
    fn of_the_cluster(&self) -> bool {
        &*self.id.namespace == "kube-system" || self.pod.node_critical
    }

    /// How it stands.
    pub(super) fn stands(&self) -> String {
        let waiting = self.pod.containers.iter().find_map(|slot| match &slot.state {
            ContainerState::Waiting { reason, .. } if !matches!(&**reason, "" | "PodInitializing") => Some(reason),
            _ => None,
        });
        match (waiting, self.pod.phase) {
            _ if self.pod.deleting => "is being deleted".to_owned(),
            (_, Phase::Failed | Phase::Succeeded) => "has ended".to_owned(),
            (Some(reason), _) => format!("is in {reason}"),
            (None, Phase::Pending) => "does not run yet".to_owned(),
            (None, _) => "is not ready".to_owned(),
        }
    }
}

/// A daemon of the network that is not ready, while no other pod of the same owner is.
pub(super) fn not_running(view: View<'_>) -> Option<Daemon<'_>> {
    let tracks = view.world.pods.values().filter_map(|track| Some((track.pod.as_ref()?, track.seen_first)));
    let daemons: Vec<_> = tracks.filter(|(pod, _)| is_daemon(pod, view)).collect();
    let runs = |owner: &Option<_>| daemons.iter().any(|(pod, _)| pod.owner == *owner && pod.ready && !pod.deleting);
    let (pod, seen) = daemons.iter().find(|(pod, _)| !pod.ready && !runs(&pod.owner))?;
    Some(Daemon { id: &pod.id, since: pod.ready_since.or(pod.created).unwrap_or(*seen), pod })
}

fn is_daemon(pod: &Pod, view: View<'_>) -> bool {
    let Some((_, host)) = view.world.network.host.as_ref() else { return false };
    let kind = pod.owner.as_deref().and_then(|owner| owner.split_once('/')).map(|(kind, _)| kind);
    let is_dir = |path: &Path| host.bin_dirs.iter().chain([&host.conf_dir]).any(|dir| leads_to(path, dir));
    kind.is_some_and(|kind| OF_THE_NODE.contains(&kind)) && pod.host_dirs.iter().any(|path| is_dir(Path::new(&**path)))
}

/// The directory itself or the one above it. The whole of `/` or `/opt` is mounted for other reasons.
fn leads_to(path: &Path, dir: &Path) -> bool {
    path == dir || (dir.parent() == Some(path) && path.components().count() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directories_of_cni_make_a_daemon() {
        for (path, is) in [
            ("/etc/cni/net.d", true),
            ("/etc/cni/net.d/", true),
            ("/etc/cni", true),
            ("/etc", false),
            ("/", false),
            ("/etc/cni/net.d/calico", false),
            ("/etc/cnix", false),
        ] {
            assert_eq!(leads_to(Path::new(path), Path::new("/etc/cni/net.d")), is, "{path}");
        }
    }
}
