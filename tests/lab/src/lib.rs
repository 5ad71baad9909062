//! A broken Kubernetes node on one machine.

pub mod apiserver;
pub mod openapi;
