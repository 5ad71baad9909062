//! Thousands of nodes' agents in one process and in virtual time: what they cost an API server, calm and in a storm.
//!
//! ```text
//!   storm ──► cluster: the lab's double, with nodes and pods, and what their kubelets write
//!     │          ▲  requests, over no socket
//!     └────► agent: the real observers of the API server, engine and reporter; `machine` stands in for the node below
//!                │
//!   ledger ◄─────┘ what the double was asked ──► page: table, data for the charts
//! ```
//!
//! Of each agent all that speaks to the API server is the real code, and all between. What it would see of its own node
//! is made up, as the observers of a node would tell it.

pub mod agent;
pub mod cluster;
pub mod ledger;
pub mod machine;
pub mod objects;
pub mod page;
pub mod seats;
pub mod storm;
pub mod wire;
