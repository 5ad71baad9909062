//! What it costs to watch a node: the real agent at its defaults on real containerd, and a table of memory, processor time,
//! calls and requests. It measures and does not judge.

pub mod calm;
pub mod rush;

mod calls;
mod node;
mod process;
mod table;

use std::time::Duration;

/// A share of one core: processor time over time passed.
#[derive(Clone, Copy, Debug)]
struct Load {
    used: Duration,
    over: Duration,
}

impl Load {
    fn percent(self) -> f64 {
        100.0 * self.used.as_secs_f64() / self.over.as_secs_f64()
    }
}
