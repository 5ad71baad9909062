//! This node's own Node object, by one list and one watch. Never asks for another.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::standing::Standing;
use super::watch::{Change, Feed, follow};
use super::{convert, wire::ApiNode};
use crate::clock::Clock;
use crate::model::observation::{Observation, Seen};
use crate::observe::Outlet;

/// Watches one Node. Needs `list` and `watch` on nodes.
pub struct NodeObserver {
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

impl NodeObserver {
    /// Runs until stopped. Sends [`Seen::NodeChanged`] for the first look and each change, [`Seen::NodeGone`] when there
    /// is no such Node, and [`Seen::ApiServer`] when the way there changes.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let (standing, clock, spread) = (self.standing, self.clock, self.spread);
        let feed = Feed { resource: "nodes", standing, out: Outlet::new(out, clock), clock, spread };
        let fields = format!("metadata.name={}", self.node);
        let api: Api<ApiNode> = Api::all(self.client);
        follow(api, &fields, feed, stop, |change| Some(seen(change))).await;
    }
}

fn seen(change: Change<ApiNode>) -> Seen {
    let node = match change {
        Change::Listed(nodes) => nodes.into_iter().next(),
        Change::Is(node) => Some(node),
        Change::Gone(_) => None,
    };
    node.map_or(Seen::NodeGone, |node| Seen::NodeChanged(Box::new(convert::node(node))))
}
