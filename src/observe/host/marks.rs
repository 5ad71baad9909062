//! Looks at the directories that the kubelet makes for each pod that starts: as often as anything is looked at while one
//! moves, seldom while all are stuck, and never otherwise. It makes nothing of what it sees: which of them count is for `track` to say.

mod boot;
mod look;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::KubeletPlaces;
use super::asking::Asking;
use super::told::Told;
use crate::clock::Clock;
use crate::model::ids::PodId;
use crate::model::marks::Marks;
use crate::model::observation::{Observation, Seen};
use crate::observe::{Outlet, Pace};

use look::Looker;

/// Looks at the directories of the pods that start.
pub struct MarksObserver {
    /// Where the host's root is visible; `/` outside a container.
    pub root: PathBuf,
    /// Where the kubelet keeps what it knows of pods.
    pub places: KubeletPlaces,
    /// The pods on their way.
    pub starting: watch::Receiver<Arc<[PodId]>>,
    /// How often it looks.
    pub pace: Pace,
    /// The agent's clock.
    pub clock: Clock,
}

impl MarksObserver {
    /// Runs until stopped. Sends [`Seen::Marks`] for the first look, on a change, and every 10 s, all while a pod starts.
    pub async fn run(mut self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let out = Outlet::new(out, self.clock);
        let looking = async {
            let mut asking = Asking::default();
            let mut looker = Looker::new(self.root.clone(), self.places.clone());
            let mut told = Told::default();
            while let Some(pods) = self.pods().await {
                let marks;
                (marks, looker) = look(&mut asking, looker, pods).await;
                if let Some(news) = told.news(marks, self.clock.now()) {
                    out.tell(Seen::Marks(news)).await;
                }
                self.pace.rest().await;
            }
            std::future::pending::<()>().await;
        };
        stop.run_until_cancelled(looking).await;
    }

    /// The pods that start, once there are any; none when nobody will tell of any more.
    async fn pods(&mut self) -> Option<Arc<[PodId]>> {
        self.starting.wait_for(|pods| !pods.is_empty()).await.ok().map(|pods| pods.clone())
    }
}

/// Where the files are silent, nothing is known of any pod.
async fn look(asking: &mut Asking<(Marks, Looker)>, looker: Looker, pods: Arc<[PodId]>) -> (Marks, Looker) {
    let mut asked = looker.clone();
    let question = move || (asked.look(&pods), asked);
    asking.ask(question).await.unwrap_or_else(|_| (Marks::default(), looker))
}

#[cfg(test)]
mod tests;
