//! What was diagnosed of whom, and whose Events were asked for: what a look must know of those before it, and an agent of
//! the one before.

use std::sync::Arc;

use crate::model::Time;
use crate::model::diagnosis::{Findings, Subject};
use crate::model::ids::{NodeId, PodId};
use crate::model::stage::Topic;

use super::World;

impl World {
    /// Remembers which topics of the node and of which pods have been diagnosed, so that their end is looked for.
    pub fn remember(&mut self, findings: &Findings, at: Time) {
        for diagnosis in findings.diagnoses.iter().filter(|d| !d.brief) {
            match &diagnosis.subject {
                Subject::Node(_) => {
                    self.node.recalled.remove(&diagnosis.topic);
                    self.node.told.insert(diagnosis.topic.clone(), at);
                }
                Subject::Pod(id) => {
                    let pod = self.pods.get_mut(&id.uid);
                    pod.into_iter().for_each(|pod| _ = pod.told.insert(diagnosis.topic.stage));
                }
            }
        }
    }

    /// Takes up what an agent before this one knew: the node by its UID, and the stories that it told and saw no end of.
    pub fn recall(&mut self, node: Option<NodeId>, stories: Vec<(Arc<str>, Topic)>) {
        if let Some(node) = node.filter(|node| node.name == self.node.id.name) {
            self.node.id = node;
        }
        for (uid, topic) in stories {
            self.told_before.entry(uid).or_default().push(topic);
        }
    }

    /// All pods of this node are known: what was told of others is of pods that went while nobody
    /// looked. Where the node's own UID is not known, some of it may be the node's.
    pub(super) fn drop_strangers(&mut self) {
        let node = &self.node.id.uid;
        let strangers = self.told_before.extract_if(.., |uid, _| !node.is_empty() && uid != node);
        self.gone.extend(strangers.map(|(uid, _)| uid));
    }

    /// Remembers that the Events of a pod were asked for.
    pub fn asked(&mut self, id: &PodId, at: Time) {
        if let Some(pod) = self.pods.get_mut(&id.uid) {
            pod.asked = Some(at);
        }
    }
}
