//! Addresses for pods: how many of the ranges that host-local gives out on this node are taken, and which are taken for
//! sandboxes that are gone. Other allocators keep their state elsewhere: those of AWS and of Cilium are asked, each by what it
//! offers on this host; Calico's blocks are in its datastore alone, and what the node has of them is no bound.

mod aws;
mod cilium;
mod ranges;
mod store;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Node;
use super::cni::config::loaded;
use super::cni::network::Network;
use crate::host::Lost;
use crate::model::reading::{Missing, Reading, Unit};

use ranges::RangeSet;
use store::{Store, Taken};

/// Its id.
pub const ID: &str = "pod-addresses";

const EXHAUSTED: &str = "PodIpExhausted";
const LEAKED: &str = "PodIpLeaked";
/// From this share on it will be exhausted soon.
const SOON: f64 = 0.9;
/// From this share on it is those left behind that pods lack.
const MANY: f64 = 0.1;
/// Where host-local keeps what it gave out (containernetworking/plugins: plugins/ipam/host-local/backend/disk/backend.go).
const STORES: &str = "/var/lib/cni/networks";
/// What flannel tells its plugin of this node (flannel-io/cni-plugin: flannel.go).
const FLANNEL: &str = "/run/flannel/subnet.env";
const FLANNEL_AT_MOST: u64 = 4 << 10;

/// Looks once.
#[must_use]
pub fn look(node: &Node) -> Vec<Reading> {
    let network = match loaded(node, ID) {
        Ok(network) => network,
        Err(told) => return told,
    };
    let none = |why| vec![Reading::unknown(ID, "", Missing::Subject, why)];
    let mut readings: Vec<Reading> = pools(node, &network).iter().flat_map(|pool| of_pool(node, pool)).collect();
    if network.plugins.iter().any(|plugin| &**plugin == "aws-cni") {
        readings.push(aws::ask());
    }
    // Chained behind another plugin it gives out none.
    if network.plugins.first().is_some_and(|plugin| &**plugin == "cilium-cni") {
        readings.push(cilium::ask(node));
    }
    let told = !readings.is_empty();
    if told { readings } else { none("its addresses are not given out by a plugin on this node") }
}

/// What one plugin gives out from, and where it keeps what it gave.
struct Pool {
    sets: Result<Vec<RangeSet>, Lost>,
    dir: PathBuf,
}

fn pools(node: &Node, network: &Network) -> Vec<Pool> {
    let of = |plugin: &Value| {
        let ipam = plugin.get("ipam").unwrap_or(&Value::Null);
        let flannel = plugin.get("type").and_then(Value::as_str) == Some("flannel");
        let kind = ipam.get("type").and_then(Value::as_str).or(flannel.then_some("host-local"));
        let stores = ipam.get("dataDir").and_then(Value::as_str).unwrap_or(STORES);
        (kind == Some("host-local")).then(|| Pool {
            sets: if flannel { of_flannel(node) } else { Ok(ranges::configured(ipam)) },
            dir: Path::new(stores).join(&*network.name),
        })
    };
    network.configured().into_iter().filter_map(of).collect()
}

fn of_flannel(node: &Node) -> Result<Vec<RangeSet>, Lost> {
    let content = node.root().read(Path::new(FLANNEL), FLANNEL_AT_MOST)?;
    Ok(ranges::of_flannel(&String::from_utf8_lossy(&content)))
}

fn of_pool(node: &Node, pool: &Pool) -> Vec<Reading> {
    let unknown = |lost: &Lost| vec![Reading::unknown(ID, "", Missing::Access, lost.to_string())];
    let sets = match &pool.sets {
        Ok(sets) => sets,
        // Flannel is not ready, and that is told elsewhere.
        Err(Lost::Missing) => return vec![Reading::unknown(ID, "", Missing::Subject, "no range is known yet")],
        Err(lost) => return unknown(lost),
    };
    let store = match Store::read(node.root(), &pool.dir) {
        Ok(store) => store,
        Err(Lost::Missing) => Store::default(), // nothing was given out yet
        Err(lost) => return unknown(&lost),
    };
    sets.iter().map(|set| of_set(node, set, &store, &pool.dir)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
fn of_set(node: &Node, set: &RangeSet, store: &Store, dir: &Path) -> Reading {
    let taken: Vec<&Taken> = store.taken.iter().filter(|taken| set.holds(taken.address)).collect();
    let leaked = store::leaked(node, dir, &taken);
    let (used, limit) = (taken.len() as f64, set.size() as f64);
    let mut says = format!("{used} of {limit} taken");
    if leaked > 0 {
        says.push_str(&format!(", {leaked} of them by pods that are gone"));
    }
    let full = used >= limit;
    // A few that were left behind are not what is wanting.
    let many = leaked as f64 >= MANY * limit;
    let reading = match (full, many, used >= SOON * limit) {
        (true, false, _) => Reading::broken(ID, &set.name, EXHAUSTED, says),
        (true, true, _) => Reading::broken(ID, &set.name, LEAKED, says),
        (false, true, _) => Reading::suspect(ID, &set.name, LEAKED, says),
        (false, false, true) => Reading::suspect(ID, &set.name, EXHAUSTED, says),
        (false, false, false) => Reading::fine(ID, &set.name, says),
    };
    let soon = if full { String::new() } else { format!("{used} of {limit} in {} are taken", set.name) };
    reading
        .with("plugin", "host-local")
        .with("range", &*set.name)
        .with("used", used.to_string())
        .with("limit", limit.to_string())
        .with("leaked", leaked.to_string())
        .with("dir", dir.display().to_string())
        .with("soon", soon)
        .of_amount(used, limit, Unit::Count)
}

#[cfg(test)]
mod tests;
