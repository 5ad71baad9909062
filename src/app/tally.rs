//! What reporting counts goes into the metrics. The two parts do not know each other.

use std::collections::BTreeMap;

use crate::model::diagnosis::{Arrival, Heading};
use crate::model::pull::Load;
use crate::report::tally::{Kept, Tally, Written};
use crate::serve::metrics::Metrics;

/// Reporting's counts, kept as metrics.
pub(super) struct Counted(pub(super) Metrics);

impl Tally for Counted {
    fn diagnoses(&self, active: &BTreeMap<Heading, i64>) {
        self.0.set_diagnoses(active);
    }

    fn report(&self, cause: &'static str, outcome: &'static str) {
        self.0.count_report(cause, outcome);
    }

    fn event(&self, outcome: Written) {
        self.0.count_event(outcome.as_str());
    }

    fn pending(&self, waiting: usize, held: usize) {
        self.0.set_pending(waiting, held);
    }

    fn kept(&self, kept: Kept) {
        self.0.set_journal(kept.bytes, kept.failing, kept.damaged);
    }

    fn arrived(&self, arrival: &Arrival) {
        self.0.observe_start(arrival);
    }

    fn pulls(&self, load: &Load) {
        self.0.set_pulls(load);
    }
}
