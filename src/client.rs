//! The connections that both rims share: the container runtime's socket and the API server.
//!
//! Every call has a deadline, every failure is a value with one line for the operator, and no credential ever reaches an
//! error, a log or a `Debug`. What is asked, and how often, is decided elsewhere. Wire types end here and in the
//! observers' `convert.rs`.

pub mod apiserver;
pub mod backoff;
pub mod call;
pub mod calls;
pub mod containerd;
pub mod cri;
pub mod endpoint;
pub mod link;
pub mod renewal;
