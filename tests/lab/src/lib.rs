//! A broken Kubernetes node on one machine.
