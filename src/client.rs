//! The connections that observers and pre-pull share: the container runtime's socket and the API server.
//!
//! Every call has a deadline, every failure is a value with one line for the operator, and no credential ever reaches an
//! error, a log or a `Debug`. Wire types end here and in the observers' `convert.rs`.

pub mod apiserver;
pub mod backoff;
pub mod call;
pub mod containerd;
pub mod cri;
pub mod endpoint;
pub mod link;
