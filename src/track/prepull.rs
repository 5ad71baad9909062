//! What pre-pulling tells of its sets and of the startup taint. A set that is asked for no more is remembered for a while, so
//! that what was told of it ends.

use std::sync::Arc;

use super::{World, attention};
use crate::model::prepull::SetProgress;
use crate::model::{Time, since};

impl World {
    /// A set moved.
    pub(super) fn prepull_told(&mut self, progress: SetProgress, at: Time) {
        self.ahead.told(&progress, at);
        self.prepull.insert(progress.set.clone(), (at, progress));
    }

    /// A set that failed and is asked for no more is over; those that were dropped long ago are forgotten.
    pub(super) fn prepull_dropped(&mut self, name: Arc<str>, at: Time) {
        self.ahead.dropped(&name);
        self.prepull.remove(&name);
        self.prepull_dropped.retain(|_, dropped| since(*dropped, at) < attention::SPAN);
        self.prepull_dropped.insert(name, at);
    }
}
