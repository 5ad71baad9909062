//! What was last seen of the volumes that pods wait for: by the host's files, and by the API server.

use std::collections::BTreeMap;

use crate::model::Time;
use crate::model::ids::PodUid;
use crate::model::volume::{HostVolume, HostVolumes, Storage};

/// The volumes of pods that wait for them.
#[derive(Debug, Default)]
pub struct VolumeTrack {
    look: Option<(Time, HostVolumes)>,
    storage: BTreeMap<PodUid, (Time, Storage)>,
}

impl VolumeTrack {
    /// The host's files were looked at.
    pub fn host_said(&mut self, look: HostVolumes, at: Time) {
        self.look = Some((at, look));
    }

    /// The API server was asked for the objects of a pod.
    pub fn api_said(&mut self, pod: PodUid, storage: Storage, at: Time) {
        self.storage.insert(pod, (at, storage));
    }

    /// The pod is gone.
    pub fn forget(&mut self, pod: &PodUid) {
        self.storage.remove(pod);
    }

    /// What the kubelet's directories show, where they can be read.
    #[must_use]
    pub fn host(&self) -> Option<(Time, &HostVolumes)> {
        self.look.as_ref().filter(|(_, look)| look.unreadable.is_none()).map(|(at, look)| (*at, look))
    }

    /// The pod's volumes in the kubelet's directories; none where nobody looked.
    #[must_use]
    pub fn of(&self, pod: &PodUid) -> Option<&[HostVolume]> {
        let (_, look) = self.host()?;
        look.pods.iter().find(|(uid, _)| uid == pod).map(|(_, found)| found.as_slice())
    }

    /// The objects behind them, and when they were asked for.
    #[must_use]
    pub fn storage(&self, pod: &PodUid) -> Option<(Time, &Storage)> {
        self.storage.get(pod).map(|(at, storage)| (*at, storage))
    }
}
