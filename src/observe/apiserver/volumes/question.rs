//! One question: the objects behind one pod's volumes and claims, each by its name. Lists nothing.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use kube::{Api, Client};
use serde::de::DeserializeOwned;

use super::convert;
use super::wire::{ApiAttachment, ApiClaim, ApiCsiDriver, ApiCsiNode, ApiResourceClaim, ApiVolume, Csi};
use crate::client::apiserver::words;
use crate::model::volume::{Answer, Backing, Mounting, Source, Storage, VolumeClaim, Waits};

/// Of a pod with more volumes or claims than this, the first ones are asked for.
const AT_MOST: usize = 4;

/// Asks, and remembers what is refused.
pub(super) struct Question {
    client: Client,
    node: Arc<str>,
    refused: BTreeSet<&'static str>,
}

impl Question {
    /// A question from the node of that name.
    pub(super) fn new(client: Client, node: Arc<str>) -> Self {
        Self { client, node, refused: BTreeSet::new() }
    }

    /// The answers for one pod: at most four objects for each of at most four volumes, one for each of at most four
    /// resource claims, and one for the node.
    pub(super) async fn ask(&mut self, about: &Mounting) -> Storage {
        let Waits { volumes, claims, .. } = &about.waits;
        let mut storage = Storage::default();
        for volume in volumes.iter().take(AT_MOST) {
            if let Source::Claim(name) = &volume.source {
                let claim = self.claim(&about.pod.namespace, name).await;
                storage.volumes.push((volume.name.clone(), claim));
            }
        }
        if volumes.iter().any(|volume| matches!(volume.source, Source::Driver(_))) || storage.volumes.iter().any(of_csi)
        {
            let api: Api<ApiCsiNode> = Api::all(self.client.clone());
            storage.drivers = self.get(api, "csinodes", &self.node.clone()).await.map(convert::drivers);
        }
        for claim in claims.iter().take(AT_MOST) {
            let Some(name) = &claim.claim else { continue };
            let api: Api<ApiResourceClaim> = Api::namespaced(self.client.clone(), &about.pod.namespace);
            let answer = self.get(api, "resourceclaims", name).await;
            let allocation = answer.map(|found| convert::allocation(found, &about.pod.uid));
            storage.claims.push((claim.name.clone(), allocation));
        }
        storage
    }

    async fn claim(&mut self, namespace: &str, name: &str) -> Answer<VolumeClaim> {
        let api: Api<ApiClaim> = Api::namespaced(self.client.clone(), namespace);
        let mut answer = self.get(api, "persistentvolumeclaims", name).await.map(convert::claim);
        if let Answer::Is(claim) = &mut answer
            && let Some(volume) = claim.volume.clone().filter(|_| claim.bound)
        {
            claim.backing = self.backing(&volume).await;
        }
        answer
    }

    async fn backing(&mut self, name: &str) -> Answer<Backing> {
        let api: Api<ApiVolume> = Api::all(self.client.clone());
        let (mut backing, csi) = match self.get(api, "persistentvolumes", name).await {
            Answer::Is(volume) => convert::backing(volume),
            Answer::Missing => return Answer::Missing,
            Answer::Unknown => return Answer::Unknown,
        };
        if let (Backing::Csi(volume), Some(csi)) = (&mut backing, csi) {
            volume.attaches = self.attaches(&csi).await;
            if volume.attaches != Some(false) {
                let api: Api<ApiAttachment> = Api::all(self.client.clone());
                let name = convert::attachment_name(&csi, &self.node);
                volume.attachment =
                    self.get(api, "volumeattachments", &name).await.map(|found| convert::attachment(&found));
            }
        }
        Answer::Is(backing)
    }

    async fn attaches(&mut self, csi: &Csi) -> Option<bool> {
        let api: Api<ApiCsiDriver> = Api::all(self.client.clone());
        convert::attaches(&self.get(api, "csidrivers", &csi.driver).await)
    }

    async fn get<K>(&mut self, api: Api<K>, resource: &'static str, name: &str) -> Answer<K>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        let answer = api.get(name).await;
        self.note(resource, answer.as_ref().err());
        match answer {
            Ok(found) => Answer::Is(found),
            Err(error) if is_missing(&error, name) => Answer::Missing,
            Err(_) => Answer::Unknown,
        }
    }

    /// Says once of each resource that it is refused, and that it no longer is.
    fn note(&mut self, resource: &'static str, error: Option<&kube::Error>) {
        let refusal =
            error.filter(|error| matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403)));
        match refusal {
            Some(error) if self.refused.insert(resource) => tracing::info!(
                verb = "get", %resource, error = %words(error), "what volumes wait for is told less fully without this right"
            ),
            None if error.is_none() && self.refused.remove(resource) => {
                tracing::info!(%resource, "this right is there now")
            }
            _ => {}
        }
    }
}

fn of_csi((_, claim): &(Arc<str>, Answer<VolumeClaim>)) -> bool {
    claim.known().is_some_and(|claim| matches!(claim.backing, Answer::Is(Backing::Csi(_))))
}

/// There is no such object: the answer names it. An API that is not served is answered with 404 as well, and no name.
fn is_missing(error: &kube::Error, name: &str) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 && status.message.contains(name))
}
