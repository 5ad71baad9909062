//! A broken Kubernetes node on one machine.

pub mod apiserver;
pub mod describe;
pub mod openapi;
