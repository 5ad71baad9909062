//! The processor time of one process, from one moment to another.

use std::time::Duration;

use tokio::time::Instant;

use super::process::{cpu, cpu_of_first};

/// A share of one core: processor time over time passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) used: Duration,
    pub(super) over: Duration,
    /// Of what was used, by other threads than the first.
    pub(super) aside: Duration,
}

impl Load {
    pub(super) fn percent(self) -> f64 {
        100.0 * self.used.as_secs_f64() / self.over.as_secs_f64()
    }
}

/// Measures one process from when it was made.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) pid: u32,
    begin: Instant,
    before: Duration,
    first: Duration,
}

impl Meter {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { pid, begin: Instant::now(), before: cpu(pid)?, first: cpu_of_first(pid)? })
    }

    /// What it has used by now.
    pub(super) fn load(&self) -> anyhow::Result<Load> {
        let over = self.begin.elapsed();
        let used = cpu(self.pid)?.saturating_sub(self.before);
        let first = cpu_of_first(self.pid)?.saturating_sub(self.first);
        Ok(Load { used, over, aside: used.saturating_sub(first) })
    }
}
