//! How often something was called, by name.

use std::collections::BTreeMap;

use crate::apiserver::Entry;

/// The count of the histogram of CRI calls, and the counter of those of containerd's own API.
const CALLS: [&str; 2] = ["kubewhy_runtime_call_seconds_count{method=\"", "kubewhy_containerd_calls_total{method=\""];
/// The User-Agent of the agent begins so.
const AGENT: &str = "kubewhy/";

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) BTreeMap<String, u64>);

impl Counts {
    /// Calls to the runtime by method, from the agent's metrics.
    pub(super) fn of_calls(metrics: &str) -> Self {
        let count = |line: &str| {
            let (method, number) = CALLS.iter().find_map(|calls| line.strip_prefix(calls))?.split_once("\"} ")?;
            Some((method.to_owned(), number.trim().parse().ok()?))
        };
        Self(metrics.lines().filter_map(count).collect())
    }

    /// The agent's requests among these, by verb and resource.
    pub(super) fn of_requests(entries: &[Entry]) -> Self {
        let mut counts = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.user_agent.starts_with(AGENT)) {
            *counts.entry(format!("{} {}", entry.verb, entry.resource)).or_default() += 1;
        }
        Self(counts)
    }

    /// What came since; names without any are left out.
    pub(super) fn since(mut self, before: &Self) -> Self {
        for (name, count) in &mut self.0 {
            *count = count.saturating_sub(before.0.get(name).copied().unwrap_or_default());
        }
        self.0.retain(|_, count| *count > 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Counts {
        Counts(of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect())
    }

    #[test]
    fn calls_are_the_counts_of_the_histogram() {
        let metrics = "HTTP/1.1 200 OK\r\n\r\n\
            kubewhy_runtime_call_seconds_sum{method=\"Status\"} 0.1\n\
            kubewhy_runtime_call_seconds_count{method=\"Status\"} 12\n\
            kubewhy_runtime_call_seconds_bucket{le=\"0.001\",method=\"Status\"} 11\n\
            kubewhy_runtime_call_seconds_count{method=\"ImageStatus\"} 3\n\
            kubewhy_containerd_calls_total{method=\"Leases.List\"} 5\n";
        assert_eq!(Counts::of_calls(metrics), counts(&[("Leases.List", 5), ("ImageStatus", 3), ("Status", 12)]));
    }

    #[test]
    fn what_did_not_happen_since_is_left_out() {
        let before = counts(&[("Status", 12), ("Version", 1)]);
        let after = counts(&[("Status", 18), ("Version", 1), ("ImageStatus", 1)]);
        assert_eq!(after.since(&before), counts(&[("ImageStatus", 1), ("Status", 6)]));
    }
}
