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

    /// What was said of other pods is of no use any more.
    pub fn keep(&mut self, waits: impl Fn(&PodUid) -> bool) {
        self.storage.retain(|pod, _| waits(pod));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::Seen;
    use crate::track::way::{Way, at, marks, pod, waiting, web};

    fn told(way: Way, second: i64, uid: &str) -> Way {
        way.see(second, Seen::Storage { pod: PodUid::new(uid), storage: Storage::default() })
    }

    /// It waits for volumes, and the API server was asked about them.
    fn asked() -> Way {
        let way = Way::new().pod(2, pod(Some(1), None, web(waiting("ContainerCreating"))));
        let way = told(way.marks(3, 0, marks(None, &[])), 9, "uid-cart");
        assert_eq!(way.0.volumes.storage(&PodUid::new("uid-cart")).unwrap().0, at(9));
        way
    }

    #[test]
    fn what_the_api_server_said_of_volumes_goes_when_they_are_there_or_with_the_pod() {
        let gone = asked().see(10, Seen::PodGone(PodUid::new("uid-cart")));
        let unlisted = asked().see(10, Seen::PodsListed(Vec::new()));
        let there = asked().marks(12, 0, marks(Some(11), &[]));
        for way in [gone, unlisted, there] {
            assert!(way.0.volumes.storage.is_empty());
        }
    }

    #[test]
    fn an_answer_about_a_pod_that_is_gone_by_then_is_not_kept() {
        let way = told(asked(), 11, "uid-gone");
        assert_eq!(way.0.volumes.storage.len(), 1);
    }
}
