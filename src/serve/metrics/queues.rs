//! How much waits in the channels between the agent's parts, read at each scrape. A queue is only looked at: it ends with
//! those who send.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::mpsc;

use super::gauged;
use super::table::QUEUES;

type Length = Box<dyn Fn() -> usize + Send + Sync>;

/// The queues by name. Clones are the same ones.
#[derive(Clone, Default)]
pub(super) struct Queues(Arc<Mutex<Vec<(&'static str, Length)>>>);

#[derive(Clone, Debug, EncodeLabelSet, PartialEq, Eq, Hash)]
struct ByQueue {
    queue: &'static str,
}

impl Queues {
    /// Watches one more.
    pub(super) fn watch<T: Send + 'static>(&self, name: &'static str, sender: &mpsc::Sender<T>) {
        let sender = sender.downgrade();
        let length = move || sender.upgrade().map_or(0, |sender| sender.max_capacity() - sender.capacity());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, Box::new(length)));
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}

impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.is_empty() {
            return Ok(());
        }
        let mut metric = encoder.encode_descriptor(QUEUES.name, QUEUES.help, None, MetricType::Gauge)?;
        for (queue, length) in queues.iter() {
            ConstGauge::new(gauged(length())).encode(metric.encode_family(&ByQueue { queue })?)?;
        }
        Ok(())
    }
}
