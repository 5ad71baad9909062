//! When sandboxes came up on this node: what proves that they can.

use super::World;
use super::pod::PodTrack;
use crate::model::Time;

/// When a sandbox was last made on this node, and when making one last failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SandboxTimes {
    /// Creation of the newest READY sandbox.
    pub made: Option<Time>,
    /// The last kubelet Event that said one could not be made.
    pub failed: Option<Time>,
    /// When all of them were last listed.
    pub listed: Option<Time>,
    /// Of pods that are gone: when a sandbox last came up …
    left: Option<Time>,
    /// … and one with a network of its own.
    left_networked: Option<Time>,
}

impl SandboxTimes {
    /// A pod is gone: what its sandbox showed is kept.
    pub(super) fn leaves(&mut self, track: &PodTrack) {
        self.left = self.left.max(track.came_up());
        if track.has_network() {
            self.left_networked = self.left_networked.max(track.came_up());
        }
    }
}

impl World {
    /// When the newest sandbox with a network of its own was made, of those that stand.
    #[must_use]
    pub fn network_made(&self) -> Option<Time> {
        let networked = self.pods.values().filter(|track| track.pod.as_ref().is_some_and(|pod| !pod.host_network));
        networked
            .filter_map(|track| track.sandbox.as_ref())
            .filter(|sandbox| sandbox.ready)
            .filter_map(|s| s.created)
            .max()
    }

    /// When a sandbox last came up on this node, with a network of its own where only those count.
    #[must_use]
    pub fn came_up(&self, networked: bool) -> Option<Time> {
        let counts = |track: &&PodTrack| !networked || track.has_network();
        let here = self.pods.values().filter(counts).filter_map(PodTrack::came_up).max();
        here.max(if networked { self.sandboxes.left_networked } else { self.sandboxes.left })
    }
}
