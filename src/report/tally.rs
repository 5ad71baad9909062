//! What reporting counts of itself, and of what it is given. Whoever keeps the metrics implements it; reporting knows no registry.

use std::collections::BTreeMap;

use crate::model::diagnosis::{Arrival, Heading};
use crate::model::pull::Load;

/// What came of one Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Written {
    /// It is there.
    Written,
    /// A try failed; another one follows.
    Failed,
    /// It was given up: nobody to tell, no room, or found faulty.
    Dropped,
}

impl Written {
    /// As a label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// How the journal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many bytes of its current file are written.
    pub bytes: usize,
    /// Nothing can be kept: the disk refuses or hangs, or there is no state directory.
    pub failing: bool,
    /// How many lines of before could not be read at the start.
    pub damaged: usize,
}

/// Takes the counts. Called on the reporting task: it must not block.
pub trait Tally: Send + Sync {
    /// How many diagnoses hold now.
    fn diagnoses(&self, active: &BTreeMap<Heading, i64>);
    /// A notice about `cause` came up: its telling, or `folded` where a storm swallowed it.
    fn report(&self, cause: &'static str, outcome: &'static str);
    /// An Event was written, failed or was dropped.
    fn event(&self, outcome: Written);
    /// How many Events wait to be written, and how many more the brake holds back.
    fn pending(&self, waiting: usize, held: usize);
    /// How the journal stands.
    fn kept(&self, kept: Kept);
    /// A pod whose start was watched has arrived.
    fn arrived(&self, arrival: &Arrival);
    /// What the node's pulls amount to now.
    fn pulls(&self, load: &Load);
}

/// Counts nothing.
impl Tally for () {
    fn diagnoses(&self, _: &BTreeMap<Heading, i64>) {}
    fn report(&self, _: &'static str, _: &'static str) {}
    fn event(&self, _: Written) {}
    fn pending(&self, _: usize, _: usize) {}
    fn kept(&self, _: Kept) {}
    fn arrived(&self, _: &Arrival) {}
    fn pulls(&self, _: &Load) {}
}
