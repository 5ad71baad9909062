//! What pre-pulling writes on the own Node for others to act on: a label per set that is complete, and the end of the
//! startup taint. Each is off unless asked for, and needs `patch` on `nodes`, which the base does not give. Never touches
//! a label below another prefix or a taint of another key, and never has two writes under way.

mod labels;
mod taint;
pub(super) mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::Time;
use crate::model::observation::Observation;
use crate::model::prepull::SetProgress;
use crate::model::settings::{PrepullSet, PrepullSettings};

use labels::Labels;
use taint::Taint;
use writer::Writer;

pub use labels::PREFIX;

/// What of the Node this is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worn {
    /// When it was made.
    pub created: Option<Time>,
    /// Its labels.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The keys of its taints.
    pub taints: Vec<Arc<str>>,
}

/// The sets of this node that were told of, by name.
pub type Sets = BTreeMap<Arc<str>, SetProgress>;

/// Keeps the marks.
pub struct NodeMarks {
    /// The way to the API server.
    pub client: kube::Client,
    /// The node's name.
    pub node: Arc<str>,
    /// The Node as it was last seen; none before that.
    pub worn: watch::Receiver<Option<Worn>>,
    /// How far the sets are.
    pub sets: watch::Receiver<Sets>,
    /// What is wanted.
    pub settings: watch::Receiver<PrepullSettings>,
    /// The agent's clock.
    pub clock: Clock,
}

impl NodeMarks {
    /// Runs until stopped. While nothing is asked for it asks nothing and writes nothing. Sends what became of the taint.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let watched = Watched { worn: self.worn, sets: self.sets, settings: self.settings };
        let writer = Arc::new(Writer::new(self.client, &self.node));
        let labels = Labels { watched: watched.clone(), writer: writer.clone() };
        let taint = Taint { watched, writer, clock: self.clock, out };
        let both = Box::pin(async { tokio::join!(labels.keep(), taint.take_off()) });
        stop.run_until_cancelled(both).await;
    }
}

/// All that the marks follow from.
#[derive(Clone)]
struct Watched {
    worn: watch::Receiver<Option<Worn>>,
    sets: watch::Receiver<Sets>,
    settings: watch::Receiver<PrepullSettings>,
}

impl Watched {
    /// Waits until one of them changed; never ends where nobody is left to change them.
    async fn changed(&mut self) {
        tokio::select! {
            Ok(()) = self.worn.changed() => {}
            Ok(()) = self.sets.changed() => {}
            Ok(()) = self.settings.changed() => {}
            else => std::future::pending().await,
        }
    }
}

/// How a set stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Complete,
    Incomplete,
    /// Not all of its images were looked for yet.
    Unknown,
}

/// By the images that are asked for now: what is known may be of the settings before.
fn standing(set: &PrepullSet, known: &Sets) -> Standing {
    let Some(progress) = known.get(&set.name) else { return Standing::Unknown };
    if progress.refused.is_some() || set.images.iter().any(|image| progress.missing.contains(image)) {
        return Standing::Incomplete;
    }
    let here = set.images.iter().all(|image| progress.here.contains(image));
    if here { Standing::Complete } else { Standing::Unknown }
}
