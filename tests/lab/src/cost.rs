//! What it costs to watch a node: the real agent at its defaults on real containerd, and a table of memory, processor time,
//! calls and requests. It measures and does not judge.

pub mod calm;
pub mod rush;

mod calls;
mod meter;
mod node;
pub(crate) mod process;
pub(crate) mod table;
mod watch;
