//! What is on the Node object for us, and how `kubewhy clean` takes it back.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::CleanArgs;
use super::account::{Item, Kind, Outcome};
use crate::client::apiserver::{Access, Dates, Heeded, Requests};
use crate::client::renewal;
use crate::clock::Clock;
use crate::model::wording;
use crate::report::condition;
use crate::report::traces::{Trace, Traces};

/// Takes the condition and the labels off this Node, or with `--dry-run` only says which there are. Nothing with `--standalone`.
pub(super) async fn clean(args: &CleanArgs) -> Vec<Item> {
    if args.standalone {
        return Vec::new();
    }
    let Some(node) = args.node_name.clone().or_else(|| sysinfo::System::host_name().ok()) else {
        return vec![Item::failed(Kind::Node, "", "this host has no name; give --node-name")];
    };
    let access = args.kubeconfig.clone().map_or(Access::InCluster, Access::Kubeconfig);
    let (clock, (out, _unread)) = (Clock::start(), mpsc::channel(1));
    let heeded = Heeded { dates: Dates::new(out, clock), requests: Requests::default() };
    let client = match renewal::connect(&access, heeded, clock).await {
        Ok(client) => client,
        Err(error) => {
            let why =
                format!("{}; give --kubeconfig, or --standalone where there is no API server", wording::chain(&error));
            return vec![Item::failed(Kind::Node, node, why)];
        }
    };
    let traces = Traces::on(client, Arc::from(&*node));
    let found = match traces.found().await {
        Ok(found) => found,
        Err(error) => return vec![Item::failed(Kind::Node, node, error)],
    };
    let mut items = Vec::new();
    for trace in &found {
        let item = item(trace);
        items.push(if args.dry_run { item } else { item.of(traces.take_away(trace).await) });
    }
    items
}

fn item(trace: &Trace) -> Item {
    match trace {
        Trace::Condition => Item::new(Kind::Condition, condition::TYPE, Outcome::Found),
        Trace::Label(key) => Item::new(Kind::Label, key, Outcome::Found),
    }
}
