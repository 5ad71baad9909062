//! Findings → what people read: Events on Pods and on the Node, log lines, JSON lines.
//!
//! ```text
//!  Findings ─► stories ─► lines, history   (log, stdout; disk)
//!                 │
//!                 └─► storm ─► sink ─► apiserver ─► event
//!                    (budget)  (scope, spool)
//!          └───────────────┴─────┴─► memory ─► journal   (the state directory)
//! ```
//!
//! `stories` decides what is news, `storm` what goes out as an Event of its own, `sink` when it is written, `apiserver`
//! writes it, and `memory` keeps what the next agent must know. Apart from these, and only where it is asked for,
//! `condition` keeps one condition of the Node, and `node_marks` the labels and the startup taint of pre-pulling; `traces` takes both
//! back from a Node that kubewhy leaves. Reporting never
//! looks at the node and never decides what is wrong with it. It needs the rights `create` and `patch` on `events`; the
//! condition needs one more, and so do the marks.

pub mod apiserver;
pub mod budget;
pub mod condition;
mod disk;
pub mod event;
#[cfg(test)]
mod fake_api;
pub mod history;
pub mod journal;
pub mod lines;
pub mod memory;
pub mod node_marks;
pub mod notice;
pub mod reporter;
#[cfg(test)]
mod samples;
pub mod scope;
pub mod sink;
pub mod spool;
pub mod stories;
pub mod storm;
pub mod tally;
pub mod told;
pub mod traces;

pub use reporter::{Reporter, Setup};
