//! Calls of containerd's own API and requests to the API server, read from where they are counted at each scrape.

use std::fmt::Write as _;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, LabelValueEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::table::{API_REQUESTS, CONTAINERD_CALLS, Metric};
use crate::client::apiserver::{Asked, Requests};
use crate::client::calls::CallCounts;

/// Reads the counts of containerd's own API when asked.
#[derive(Debug)]
pub(super) struct Calls(pub(super) CallCounts);

/// Reads the counts of the API server's when asked.
#[derive(Debug)]
pub(super) struct ApiRequests(pub(super) Requests);

#[derive(Clone, Debug, EncodeLabelSet, PartialEq, Eq, Hash)]
struct ByMethod {
    method: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, PartialEq, Eq, Hash)]
struct ByRequest {
    verb: &'static str,
    resource: &'static str,
    code: Code,
}

/// A status as a label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Code(Option<u16>);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        match self.0 {
            Some(status) => write!(encoder, "{status}"),
            None => encoder.write_str("none"),
        }
    }
}

impl Collector for Calls {
    fn encode(&self, encoder: DescriptorEncoder) -> std::fmt::Result {
        let counts = self.0.by_now().into_iter();
        counters(encoder, &CONTAINERD_CALLS, counts.map(|(method, count)| (ByMethod { method }, count)))
    }
}

impl Collector for ApiRequests {
    fn encode(&self, encoder: DescriptorEncoder) -> std::fmt::Result {
        let labels = |Asked { verb, resource, code }| ByRequest { verb, resource, code: Code(code) };
        let counts = self.0.by_now().into_iter();
        counters(encoder, &API_REQUESTS, counts.map(|(asked, count)| (labels(asked), count)))
    }
}

fn counters<L: EncodeLabelSet>(
    mut encoder: DescriptorEncoder,
    of: &Metric,
    counts: impl ExactSizeIterator<Item = (L, u64)>,
) -> std::fmt::Result {
    if counts.len() == 0 {
        return Ok(());
    }
    let name = of.name.trim_end_matches("_total");
    let mut metric = encoder.encode_descriptor(name, of.help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}
