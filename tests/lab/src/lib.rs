//! A broken Kubernetes node on one machine.

pub mod kubelet;
