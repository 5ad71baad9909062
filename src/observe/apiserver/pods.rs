//! The pods of this node, by one list and one watch. Never asks for another node's pods.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::standing::Standing;
use super::watch::{Change, Feed, follow};
use super::{convert, wire::ApiPod};
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::observe::Outlet;

/// Watches the pods that are bound to one node. Needs `list` and `watch` on pods.
pub struct PodObserver {
    /// The API server.
    pub client: Client,
    /// The node's name.
    pub node: Arc<str>,
    /// How the API server stands, shared with the other observers of it.
    pub standing: Standing,
    /// Nodes that begin at once are spread over a few times this.
    pub spread: Duration,
    /// The agent's clock.
    pub clock: Clock,
}

impl PodObserver {
    /// Runs until stopped. Sends [`Seen::PodsListed`] after each list, [`Seen::PodChanged`] and [`Seen::PodGone`] in
    /// between, and [`Seen::ApiServer`] when the way there changes.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let (standing, clock, spread) = (self.standing, self.clock, self.spread);
        let feed = Feed { resource: "pods", standing, out: Outlet::new(out, clock), clock, spread };
        let fields = format!("spec.nodeName={}", self.node);
        let api: Api<ApiPod> = Api::all(self.client);
        follow(api, &fields, feed, stop, |change| Some(seen(change))).await;
    }
}

fn seen(change: Change<ApiPod>) -> Seen {
    match change {
        Change::Listed(pods) => Seen::PodsListed(pods.into_iter().map(convert::pod).collect()),
        Change::Is(pod) => Seen::PodChanged(Box::new(convert::pod(pod))),
        Change::Gone(pod) => Seen::PodGone(convert::api_uid(&pod)),
    }
}
