//! What others may ask the agent: is it alive (`health`), what does it count (`metrics`), where does every start stand
//! (`api`).
//!
//! It answers from what the other parts leave with it and never looks at the node itself. An address that is taken is a
//! log line, never a reason to end: the agent's task is to watch.

pub mod api;
pub mod health;
pub mod listen;
pub mod metrics;
