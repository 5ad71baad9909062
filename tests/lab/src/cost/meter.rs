//! The processor time of one process, from one moment to another.

use std::time::Duration;

use tokio::time::Instant;

use super::process::cpu;

/// A share of one core: processor time over time passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) used: Duration,
    pub(super) over: Duration,
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
}

impl Meter {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { pid, begin: Instant::now(), before: cpu(pid)? })
    }

    /// What it has used by now.
    pub(super) fn load(&self) -> anyhow::Result<Load> {
        let over = self.begin.elapsed();
        Ok(Load { used: cpu(self.pid)?.saturating_sub(self.before), over })
    }
}
