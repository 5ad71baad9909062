//! The Events of one stuck pod, asked for where nothing else can tell, within a budget. Events have no watch cache: each
//! list reads a whole namespace from etcd, so they are never watched and hardly ever listed.

mod budget;

use std::time::Duration;

pub use budget::{Budget, Limits};
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{convert, wire::ApiEvent};
use crate::client::apiserver::words;
use crate::clock::Clock;
use crate::model::ids::PodId;
use crate::model::observation::{Observation, Seen};
use crate::model::pod::PodEvent;
use crate::observe::Outlet;

/// A pod has a handful of Events: the kubelet counts repetitions. More than this is not worth the reading.
const AT_MOST: u32 = 100;

/// Answers questions for a pod's Events. Needs `list` on events.
pub struct EventObserver {
    /// The API server.
    pub client: Client,
    /// What may be asked.
    pub budget: Budget,
    /// Each question waits a random part of this, so that many nodes do not ask in the same second.
    pub spread: Duration,
    /// The agent's clock.
    pub clock: Clock,
}

impl EventObserver {
    /// Runs until stopped, or until nobody asks any more. Sends one [`Seen::PodEvents`] for each question.
    pub async fn run(
        mut self,
        mut questions: mpsc::Receiver<PodId>,
        out: mpsc::Sender<Observation>,
        stop: CancellationToken,
    ) {
        let out = Outlet::new(out, self.clock);
        let answering = async {
            let mut failing = false;
            while let Some(pod) = questions.recv().await {
                let events = self.answer(&pod, &mut failing).await;
                out.tell(Seen::PodEvents { pod: pod.uid, events }).await;
            }
        };
        stop.run_until_cancelled(answering).await;
    }

    async fn answer(&mut self, pod: &PodId, failing: &mut bool) -> Vec<PodEvent> {
        if let Err(refusal) = self.budget.take(&pod.uid, self.clock.now()) {
            tracing::debug!(%pod, %refusal, "events are not asked for");
            return Vec::new();
        }
        tokio::time::sleep(self.spread.mul_f64(fastrand::f64())).await;
        let answer = self.list(pod).await;
        let failed_before = std::mem::replace(failing, answer.is_err());
        answer.unwrap_or_else(|error| {
            if !failed_before {
                tracing::warn!(verb = "list", resource = "events", error = %words(&error), "events cannot be listed");
            }
            Vec::new()
        })
    }

    async fn list(&self, pod: &PodId) -> kube::Result<Vec<PodEvent>> {
        let fields = format!(
            "involvedObject.name={},involvedObject.namespace={},involvedObject.uid={}",
            pod.name, pod.namespace, pod.uid
        );
        let api: Api<ApiEvent> = Api::namespaced(self.client.clone(), &pod.namespace);
        let found = api.list(&ListParams::default().fields(&fields).limit(AT_MOST)).await?;
        let mut events: Vec<_> = found.items.into_iter().map(convert::event).collect();
        events.sort_by_key(|event| event.at);
        Ok(events)
    }
}
