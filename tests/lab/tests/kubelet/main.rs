//! The stand-in for the kubelet against recordings of a real one (Kubernetes 1.36, containerd 2.1), with a scripted runtime.
//! The recordings are no part of the repository: `KUBEWHY_RECORDINGS` names their folder, else those tests say they skip.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

mod api;
mod disk;
mod lab;
mod node;
mod pods;
mod real;
mod runtime;
mod shape;
