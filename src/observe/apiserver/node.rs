//! This node's own Node object, by one list and one watch. Never asks for another.

use std::sync::Arc;

use kube::runtime::watcher::Event;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::standing::Standing;
use super::watch::{Feed, follow};
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
    /// The agent's clock.
    pub clock: Clock,
}

impl NodeObserver {
    /// Runs until stopped. Sends [`Seen::NodeChanged`] for the first look and each change, [`Seen::NodeGone`] when there
    /// is no such Node, and [`Seen::ApiServer`] when the way there changes.
    pub async fn run(self, out: mpsc::Sender<Observation>, stop: CancellationToken) {
        let feed = Feed { resource: "nodes", standing: self.standing, out: Outlet::new(out, self.clock) };
        let mut found = false;
        let fields = format!("metadata.name={}", self.node);
        let api: Api<ApiNode> = Api::all(self.client);
        follow(api, &fields, feed, stop, move |event| tell(event, &mut found)).await;
    }
}

fn tell(event: Event<ApiNode>, found: &mut bool) -> Option<Seen> {
    match event {
        Event::Init => {
            *found = false;
            None
        }
        Event::InitApply(node) | Event::Apply(node) => {
            *found = true;
            Some(Seen::NodeChanged(Box::new(convert::node(node))))
        }
        Event::InitDone => (!*found).then_some(Seen::NodeGone),
        Event::Delete(_) => Some(Seen::NodeGone),
    }
}
