//! What was diagnosed of whom, and whose Events were asked for: what a look must know of those before it.

use crate::model::Time;
use crate::model::diagnosis::{Findings, Subject};
use crate::model::ids::PodId;

use super::World;

impl World {
    /// Remembers which topics of the node and of which pods have been diagnosed, so that their end is looked for.
    pub fn remember(&mut self, findings: &Findings, at: Time) {
        for diagnosis in findings.diagnoses.iter().filter(|d| !d.brief) {
            match &diagnosis.subject {
                Subject::Node(_) => _ = self.node.told.insert(diagnosis.topic.clone(), at),
                Subject::Pod(id) => {
                    let pod = self.pods.get_mut(&id.uid);
                    pod.into_iter().for_each(|pod| _ = pod.told.insert(diagnosis.topic.stage));
                }
            }
        }
    }

    /// Remembers that the Events of a pod were asked for.
    pub fn asked(&mut self, id: &PodId, at: Time) {
        if let Some(pod) = self.pods.get_mut(&id.uid) {
            pod.asked = Some(at);
        }
    }
}
