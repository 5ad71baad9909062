//! What requests take of the share that `deploy/base/prioritylevel.yaml` gives all agents: seats, and for how long. The width
//! of a request is what priority and fairness reckons with, how long it takes is assumed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kubewhy_lab::apiserver::Entry;

/// Seats of the level beside the default ones: 5 shares of 250, of 600 requests at a time.
pub const SHARE: f64 = 12.0;

/// Seats that a request takes, and seconds for which it does. A list of pods is as wide as a request of this level can be:
/// the index is not reckoned with, and 15 % of the level's seats bound it (Kubernetes: apiserver/pkg/util/flowcontrol,
/// `request/list_work_estimator.go`, `apf_controller.go`). A watch takes its seat until it is set up.
fn of(entry: &Entry) -> Option<(f64, f64)> {
    match (entry.verb.as_str(), entry.resource.as_str()) {
        ("list", "pods") => Some((2.0, 0.020)),
        ("list", "nodes") => Some((1.0, 0.010)),
        ("watch", _) => Some((1.0, 0.010)),
        (_, "events") => Some((1.0, 0.020)),
        _ => None,
    }
}

/// The most seats that any flow needed in any second, and the most that all of them did. A flow is a namespace
/// (`deploy/base/flowschema.yaml`); `/livez` is exempt.
#[must_use]
pub fn most(entries: &[Entry], from: Timestamp) -> (f64, f64) {
    let mut flows: BTreeMap<(i64, &str), f64> = BTreeMap::new();
    let mut all: BTreeMap<i64, f64> = BTreeMap::new();
    for entry in entries {
        let Some((seats, seconds)) = of(entry) else { continue };
        let second = entry.at.duration_since(from).as_secs();
        *flows.entry((second, &entry.namespace)).or_default() += seats * seconds;
        *all.entry(second).or_default() += seats * seconds;
    }
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    (most(&mut flows.into_values()), most(&mut all.into_values()))
}
