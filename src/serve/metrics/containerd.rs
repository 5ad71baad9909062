//! The calls of containerd's own API, read from where they are counted at each scrape.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;

use super::table::CONTAINERD_CALLS;
use crate::client::calls::CallCounts;

/// Reads the counts when asked.
#[derive(Debug)]
pub(super) struct Calls(pub(super) CallCounts);

#[derive(Clone, Debug, EncodeLabelSet, PartialEq, Eq, Hash)]
struct ByMethod {
    method: &'static str,
}

impl Collector for Calls {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let counts = self.0.by_method();
        let Some(kind) = counts.values().next().map(|count| ConstCounter::new(*count).metric_type()) else {
            return Ok(());
        };
        let name = CONTAINERD_CALLS.name.trim_end_matches("_total");
        let mut metric = encoder.encode_descriptor(name, CONTAINERD_CALLS.help, None, kind)?;
        for (method, count) in counts {
            ConstCounter::new(count).encode(metric.encode_family(&ByMethod { method })?)?;
        }
        Ok(())
    }
}
