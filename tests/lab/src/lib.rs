//! A broken Kubernetes node on one machine.

pub mod apiserver;
pub mod kubelet;
pub mod openapi;
