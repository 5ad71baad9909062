//! The host's files as this process sees them: below a prefix, `/` outside a container. What of the host is not mounted
//! there is unknown, never missing; nothing is written, and no file is read past a bound.

mod journal;
pub mod mountinfo;
mod mounts;
mod processes;
mod root;

pub use journal::{Entry, Journal};
pub use mounts::{Mounts, TABLE};
pub use processes::{Fit, Pids, Process, Processes, Stat, UPTIME};
pub use root::{Lost, Root};
